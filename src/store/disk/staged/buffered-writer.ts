/**
 * Joins appends to a file into large writes, and writes while the caller goes on: what it appends
 * is copied to a ring of buffers, which are used again.
 */
import type { Hashed } from '../../../hash/hasher.ts'
import { KIB, WRITE_AHEAD_BYTES } from '../../../limits.ts'
import { EarlySync } from '../../file/early-sync.ts'
import type { FileContent } from '../../store.ts'
import type { WritableFile } from '../files.ts'

/** One buffer, and one write; larger writes are not faster. */
export const WRITE_BUFFER_BYTES: number = 256 * KIB

/** Buffers of one file: one is filled while others are written. */
const RING = 4

/** Buffers beyond the first of each file, which all files of the process share. */
class Spares {
  readonly #idle: Uint8Array[] = []
  #left = WRITE_AHEAD_BYTES / WRITE_BUFFER_BYTES

  /** Undefined if others have them all. */
  take(): Uint8Array | undefined {
    if (this.#left === 0) return undefined
    this.#left--
    return this.#idle.pop() ?? new Uint8Array(WRITE_BUFFER_BYTES)
  }

  giveBack(buffer: Uint8Array): void {
    this.#left++
    if (this.#idle.length < RING) this.#idle.push(buffer)
  }
}

const spares = new Spares()

/** One call at a time. Throws the file's errors, which may belong to bytes of an earlier call. */
export class BufferedWriter {
  readonly #file: WritableFile
  /** Bytes to write: the first `#length` of it. */
  #buffer: Uint8Array | undefined
  #length = 0
  readonly #free: Uint8Array[] = []
  /** The buffers of this file, of which all but the first are spares. */
  #buffers = 0
  #onFree: (() => void) | undefined
  /** Settles when everything that was begun is written; never rejects. */
  #writing: Promise<void> = Promise.resolve()
  #writtenBytes = 0
  #fault: { readonly reason: unknown } | undefined
  readonly #early: EarlySync
  readonly #onWritten: (bytes: number) => void

  /** `onWritten` is told how many bytes can be read back, from the first one written here. */
  constructor(file: WritableFile, onWritten: (bytes: number) => void = () => undefined) {
    this.#file = file
    this.#onWritten = onWritten
    this.#early = new EarlySync(file)
  }

  /** The array may be reused when the promise resolves. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.byteLength > 0;) {
      this.#buffer ??= this.#takeNow() ?? (await this.#nextFree())
      this.#check()
      const taken = rest.subarray(0, WRITE_BUFFER_BYTES - this.#length)
      this.#buffer.set(taken, this.#length)
      this.#length += taken.byteLength
      rest = rest.subarray(taken.byteLength)
      if (this.#length === WRITE_BUFFER_BYTES) this.#begin()
    }
  }

  /** In place of any `append`. */
  copyFrom(file: FileContent): Promise<Hashed> {
    return this.#file.copyFrom(file, this.#onWritten)
  }

  /** Resolves when everything is written. */
  async flush(): Promise<void> {
    if (this.#length > 0) this.#begin()
    await this.#writing
    this.#check()
  }

  /** Writes what is left, sets the mode and makes everything durable. */
  async seal(mode: number): Promise<void> {
    await this.flush()
    await this.#early.ended()
    await this.#file.setMode(mode)
    await this.#file.sync()
  }

  /** Waits for the write in progress; what waited for it is not written. */
  async close(): Promise<void> {
    this.#fault ??= { reason: new TypeError('the file is closed') }
    await this.#writing
    await this.#early.ended().catch(() => undefined)
    const buffers = this.#free.splice(0)
    if (this.#buffer !== undefined) buffers.push(this.#buffer)
    this.#buffer = undefined
    for (const buffer of buffers.slice(1)) spares.giveBack(buffer)
    await this.#file.close()
  }

  #takeNow(): Uint8Array | undefined {
    const free = this.#free.pop()
    if (free !== undefined || this.#buffers === RING) return free
    const added = this.#buffers === 0 ? new Uint8Array(WRITE_BUFFER_BYTES) : spares.take()
    if (added !== undefined) this.#buffers++
    return added
  }

  async #nextFree(): Promise<Uint8Array> {
    if (this.#free.length === 0) await new Promise<void>((resolve) => (this.#onFree = resolve))
    return this.#free.pop()!
  }

  /** Begins to write the buffer, after those before it. */
  #begin(): void {
    const buffer = this.#buffer!
    const bytes = buffer.subarray(0, this.#length)
    this.#buffer = undefined
    this.#length = 0
    const before = this.#writing
    const write = async (): Promise<void> => {
      await before
      try {
        if (this.#fault === undefined) await this.#write(bytes)
      } catch (reason) {
        this.#fault ??= { reason }
      }
      this.#free.push(buffer)
      this.#onFree?.()
      this.#onFree = undefined
    }
    this.#writing = write()
  }

  /** Writes all bytes: a single write may be short. */
  async #write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.byteLength > 0;) {
      const count = await this.#file.write(rest)
      this.#writtenBytes += count
      rest = rest.subarray(count)
    }
    this.#early.wrote(this.#writtenBytes)
    this.#onWritten(this.#writtenBytes)
  }

  #check(): void {
    if (this.#fault !== undefined) throw this.#fault.reason
  }
}
