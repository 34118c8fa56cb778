/** Outputs of the go command in dstore: a tag for each action (specs/010-doors.md, R010-41). */
import { closeSync, constants, openSync } from 'node:fs'
import type { Client } from '../../src/daemon/client/client.ts'
import type { ClientOptions } from '../../src/daemon/client/client-options.ts'
import { ValueClient } from '../../src/daemon/client/value-client.ts'
import { asDstoreError, type DstoreError } from '../../src/errors.ts'
import { GOCACHE_HELD_BYTES, GOCACHE_HELD_FILES } from '../../src/limits.ts'

/** The name of an action. */
export const actionName = (action: string): string => `cache/go/${action}`

/** What dstore has for an action. */
export interface StoredEntry {
  readonly name: string
  readonly size: number
  /** When it was put, in milliseconds since 1970. */
  readonly time: number
}

/** A file that the daemon keeps, and that this process has open. */
export interface HeldFile {
  readonly fd: number
  /** Where the daemon has it. */
  readonly path: string
  readonly size: number
  release(): void
}

/** Where a Global that is away is asked no more for a while. */
const PATIENCE_MS = 1_000
const PAUSE_MS = 10_000

export interface GoStoreOptions {
  /** The daemon; undefined if there is none. */
  readonly client: Promise<Client | undefined>
  readonly clientOptions: ClientOptions
  /** Called for the first fault of a kind. */
  readonly onFault: (error: DstoreError) => void
  /** Whether a file may be answered that this process has open and others open through it. */
  readonly holdsFiles: boolean
}

export class GoStore {
  readonly #options: GoStoreOptions
  #holdsFiles: boolean
  #held = 0
  /** Until when nothing is asked, on the clock of `performance.now`. */
  #pausedUntil = 0

  constructor(options: GoStoreOptions) {
    this.#options = options
    this.#holdsFiles = options.holdsFiles
  }

  /** The client; undefined without a daemon. */
  get client(): Promise<Client | undefined> {
    return this.#options.client
  }

  /** What dstore has for an action; undefined for a miss, whatever the reason. Never throws. */
  async find(action: string): Promise<StoredEntry | undefined> {
    const client = await this.client
    if (client === undefined || performance.now() < this.#pausedUntil) return undefined
    const name = actionName(action)
    const begin = performance.now()
    try {
      const { size, boundAt } = await client.lookup(name)
      return { name, size, time: boundAt === undefined ? Date.now() : Date.parse(boundAt) }
    } catch (error) {
      const took = performance.now() - begin
      if (took > PATIENCE_MS) this.#pausedUntil = performance.now() + PAUSE_MS
      this.#report(error)
      return undefined
    }
  }

  /** The bytes of an entry; undefined for a miss. They may end with a fault. */
  async read(name: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const client = await this.client
    try {
      return (await client?.get(name))?.bytes
    } catch (error) {
      this.#report(error)
      return undefined
    }
  }

  /** A file of an entry that is large; undefined if its bytes must be read. */
  async hold({ name, size }: StoredEntry): Promise<HeldFile | undefined> {
    const isWanted = size >= GOCACHE_HELD_BYTES && this.#held < GOCACHE_HELD_FILES
    if (!this.#holdsFiles || !isWanted) return undefined
    this.#held++
    try {
      return await this.#open(name)
    } catch (error) {
      // A node without files says so each time.
      const { code } = asDstoreError(error)
      if (/^(unsupported|incompatible|not-permitted|unreadable)$/.test(code)) {
        this.#holdsFiles = false
      }
      this.#held--
      return undefined
    }
  }

  async #open(name: string): Promise<HeldFile> {
    const { socket } = (await this.client)!
    const calls = await ValueClient.connect(socket, this.#options.clientOptions)
    const { path, size, release } = await calls!.openPath(name, {})
    try {
      // What is open can be opened again through this process, even if the value is removed.
      const fd = openSync(path, constants.O_RDONLY)
      const end = (): void => {
        closeSync(fd)
        release()
      }
      return { fd, path, size, release: end }
    } catch (error) {
      release()
      throw error
    }
  }

  #report(error: unknown): void {
    const fault = asDstoreError(error)
    if (fault.code !== 'not-found' && fault.code !== 'removed') this.#options.onFault(fault)
  }
}
