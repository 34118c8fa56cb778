/** Sends outputs to dstore while the go command goes on (specs/010-doors.md, R010-44). */
import { readFileSync } from 'node:fs'
import type { Client } from '../../src/daemon/client/client.ts'
import { putFile } from '../../src/daemon/client/put-file.ts'
import { errorOf } from '../../src/daemon/api/problem.ts'
import { asDstoreError, type DstoreError } from '../../src/errors.ts'
import {
  BATCH_ITEMS,
  CACHE_KEEP_MS,
  HTTP_BATCH_BYTES,
  INLINE_VALUE_BYTES,
} from '../../src/limits.ts'
import { actionName } from './go-store.ts'

/** An output in the folder, and the action that it is of. */
export interface Upload {
  readonly action: string
  readonly output: string
  readonly size: number
  readonly path: string
}

export interface UploadsOptions {
  /** The daemon; undefined if there is none. */
  readonly client: Promise<Client | undefined>
  readonly onStored: (upload: Upload) => void
  /** Called for each that failed. */
  readonly onFault: (error: DstoreError) => void
}

/** How many requests are sent at a time. */
const REQUESTS = 8

/** Bytes of entries in a batch beside the values: more than any has. */
const ENTRY_BYTES = 256

/** With these faults the others would fail, too. */
const FINAL = /^(not-permitted|unreachable|timeout|cancelled|no-space|incompatible)$/

const NAMING = { kind: 'tag', keepMs: CACHE_KEEP_MS } as const

export class Uploads {
  readonly #options: UploadsOptions
  #queue: Upload[] = []
  #running = 0
  #isOver = false
  #onIdle: () => void = () => undefined

  constructor(options: UploadsOptions) {
    this.#options = options
  }

  /** Sends it when its turn comes. */
  add(upload: Upload): void {
    if (this.#isOver) return
    this.#queue.push(upload)
    // What comes at once is sent at once.
    setImmediate(() => this.#start())
  }

  /** How many are not stored yet. */
  get left(): number {
    return this.#queue.length + this.#running
  }

  /** Resolves when all are stored, or have failed. */
  async settled(): Promise<void> {
    while (this.left > 0) {
      await new Promise<void>((resolve) => (this.#onIdle = resolve))
    }
  }

  /** Sends no more. */
  stop(): void {
    this.#isOver = true
    this.#queue = []
  }

  #start(): void {
    while (this.#running < REQUESTS && this.#queue.length > 0) {
      const batch = this.#nextBatch()
      this.#running++
      void this.#send(batch).finally(() => {
        this.#running--
        this.#start()
        if (this.left === 0) this.#onIdle()
      })
    }
  }

  /** Small outputs that one request takes, or one that is not small. */
  #nextBatch(): Upload[] {
    const isSmall = ({ size }: Upload): boolean => size <= INLINE_VALUE_BYTES
    const [first] = this.#queue as [Upload]
    if (!isSmall(first)) return [this.#queue.shift()!]
    const batch: Upload[] = []
    const others: Upload[] = []
    let bytes = 0
    for (const upload of this.#queue) {
      const more = upload.size + ENTRY_BYTES
      const fits = batch.length < BATCH_ITEMS && bytes + more <= HTTP_BATCH_BYTES
      if (!isSmall(upload) || !fits) {
        others.push(upload)
        continue
      }
      batch.push(upload)
      bytes += more
    }
    this.#queue = others
    return batch
  }

  async #send(batch: readonly Upload[]): Promise<void> {
    try {
      const client = await this.#options.client
      if (client === undefined) return this.stop()
      const [first] = batch as [Upload]
      if (batch.length > 1 || first.size <= INLINE_VALUE_BYTES) await this.#sendSmall(client, batch)
      else {
        await putFile(client, first.path, { name: actionName(first.action), naming: NAMING })
        this.#options.onStored(first)
      }
    } catch (error) {
      this.#failed(asDstoreError(error))
    }
  }

  async #sendSmall(client: Client, batch: readonly Upload[]): Promise<void> {
    const items = batch.map(({ action, path }) => ({
      value: readFileSync(path),
      name: actionName(action),
      naming: NAMING,
    }))
    const outcomes = await client.putNamed(items)
    for (const [at, outcome] of outcomes.entries()) {
      if ('problem' in outcome) this.#failed(errorOf(outcome.problem))
      else this.#options.onStored(batch[at]!)
    }
  }

  #failed(error: DstoreError): void {
    if (FINAL.test(error.code)) this.stop()
    this.#options.onFault(error)
  }
}
