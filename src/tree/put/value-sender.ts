/** Sends values of a tree under its hold: small ones in batches, others alone (R008-54). */
import { equal } from '../../bytes.ts'
import { asDstoreError } from '../../errors.ts'
import { hash } from '../../hash/hasher.ts'
import type { Key } from '../../hash/key.ts'
import { INLINE_VALUE_BYTES, MIB } from '../../limits.ts'
import type { CallOptions, HoldId, Node, NodeTrees, ValueSource } from '../../node/node.ts'
import { changedFile } from '../../store/file/file-faults.ts'
import { batchesOf } from '../../node/calls/batches.ts'
import { WorkLimit } from '../work-limit.ts'
import { atOnce } from './at-once.ts'
import { Turns } from '../turns.ts'
import type { TreeCounter } from './tree-progress.ts'

/** Batches of keys that are asked for at once. */
const ASKED_AT_ONCE = 4
/** Values in flight, and their bytes: the next is read while another is synced. */
const IN_FLIGHT = 16
const IN_FLIGHT_BYTES = 64 * MIB
/** Bytes of small values in one request. */
const BATCH_BYTES = MIB

/** A value that may have to be sent. */
export interface Sendable {
  readonly key: Key
  readonly size: number
  /** What messages call it. */
  readonly label: string
  /** Its bytes, if it is small; undefined if there are more than that now. */
  read(): Uint8Array | undefined
  /** The same of any size. */
  source(): ValueSource
}

interface ValueSenderParts {
  readonly node: Node
  readonly trees: NodeTrees
  readonly hold: HoldId
  readonly calls: CallOptions
  /** Called before a file is found to be another than the one that was hashed. */
  readonly distrust: () => void
}

export class ValueSender {
  readonly #parts: ValueSenderParts
  readonly #turns: Turns
  readonly #limit = new WorkLimit(IN_FLIGHT, IN_FLIGHT_BYTES)
  /** Bytes of values that were sent. */
  bytes = 0

  constructor(parts: ValueSenderParts) {
    this.#parts = parts
    this.#turns = new Turns(parts.calls.signal)
  }

  /** Sends those that do not exist; returns how many. The counter counts all as files. */
  async sendMissing(values: Iterable<Sendable>, counter: TreeCounter): Promise<number> {
    const { trees, hold, calls } = this.#parts
    let sent = 0
    await atOnce(ASKED_AT_ONCE, batchesOf(values), async (batch) => {
      const asked = [...new Map(batch.map((one) => [one.key.toHex(), one])).values()]
      const present = await trees.present(
        hold,
        asked.map(({ key }) => key),
        calls,
      )
      const missing = asked.filter((_, index) => !present[index]!)
      const sizes = (of: readonly Sendable[]): number => of.reduce((sum, { size }) => sum + size, 0)
      counter.add(batch.length - missing.length, sizes(batch) - sizes(missing))
      await this.send(missing, counter)
      sent += missing.length
    })
    return sent
  }

  /** Sends them all. */
  async send(values: Iterable<Sendable>, counter?: TreeCounter): Promise<void> {
    const large: Sendable[] = []
    const small = function* (): Generator<Sendable> {
      for (const one of values) {
        if (one.size <= INLINE_VALUE_BYTES) yield one
        else large.push(one)
      }
    }
    const sizeOf = ({ size }: Sendable): number => size
    const batches = batchesOf(small(), sizeOf, BATCH_BYTES)
    await atOnce(ASKED_AT_ONCE, batches, (batch) => this.#sendSmall(batch, counter))
    await atOnce(IN_FLIGHT, large, (one) => this.#sendLarge(one, counter))
  }

  #sendSmall(batch: readonly Sendable[], counter: TreeCounter | undefined): Promise<void> {
    const { node, hold, calls } = this.#parts
    return this.#limit.run(BATCH_BYTES, async () => {
      const values: Uint8Array[] = []
      for (const one of batch) {
        if (this.#turns.isDue) await this.#turns.pause()
        const bytes = one.read()
        // Not sent at all: it may be a secret that has taken the file's place.
        if (bytes === undefined || !equal(hash(bytes).digest, one.key.digest))
          throw this.#changed(one)
        values.push(bytes)
        this.bytes += bytes.byteLength
      }
      await node.putMany(values, { ...calls, hold })
      for (const { size } of batch) counter?.add(1, size)
    })
  }

  #sendLarge(one: Sendable, counter: TreeCounter | undefined): Promise<void> {
    const { node, hold, calls } = this.#parts
    return this.#limit.run(one.size, async () => {
      let before = 0
      const onProgress = ({ doneBytes }: { readonly doneBytes: number }): void => {
        if (doneBytes <= before) return
        counter?.add(0, doneBytes - before)
        before = doneBytes
      }
      const put = await node
        .put(one.source(), { ...calls, hold, onProgress })
        .catch((error: unknown) => {
          if (asDstoreError(error).code === 'changed') throw this.#changed(one)
          throw error
        })
      if (!put.key.equals(one.key)) throw this.#changed(one)
      this.bytes += one.size
      counter?.add(1, one.size - before)
    })
  }

  #changed({ label }: Sendable): Error {
    this.#parts.distrust()
    return changedFile(label, 'was written to')
  }
}
