/** Reads ranges of objects by requests at fixed places, which readers of the same place share. */
import { unzeroed } from '../bytes.ts'
import { untilAborted } from '../deadline.ts'
import { throwIfCancelled } from '../errors.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import { ARCHIVE_READ_BYTES, ARCHIVE_READS_AHEAD } from '../limits.ts'
import { fault } from './faults.ts'
import type { ObjectStore } from './object-store.ts'

/** Bounds how many requests of all readers are under way. */
interface RequestSlots {
  run<T>(act: () => Promise<T>): Promise<T>
}

/** A request under way, or its answer. */
interface Block {
  /** Within one place of `ARCHIVE_READ_BYTES`. */
  readonly range: ByteRange
  readonly bytes: Promise<Uint8Array | undefined>
  readonly stop: AbortController
  /** Those that have not left. */
  readers: number
  isShared: boolean
}

interface Joined {
  readonly name: string
  readonly block: Block
}

/** Reads objects that never change. One for each bucket. */
export class ObjectReader {
  readonly #objects: Pick<ObjectStore, 'get' | 'place'>
  readonly #slots: RequestSlots
  /** What is being read, by key and place: the last request of each. */
  readonly #blocks = new Map<string, Block>()

  constructor(objects: Pick<ObjectStore, 'get' | 'place'>, slots: RequestSlots) {
    this.#objects = objects
    this.#slots = slots
  }

  /**
   * A range of an object, in pieces of at most `ARCHIVE_READ_BYTES` whose memory is the caller's.
   * Errors: `integrity` where the object is missing or ends before; those of the bucket.
   */
  async *read(key: string, range: ByteRange, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    throwIfCancelled(signal)
    const ahead: Joined[] = []
    let next = range.start
    try {
      while (next < range.end || ahead.length > 0) {
        for (; next < range.end && ahead.length <= ARCHIVE_READS_AHEAD; next = placeAfter(next)) {
          const end = Math.min(range.end, placeAfter(next))
          ahead.push(this.#join(key, { start: next, end }))
        }
        const { block } = ahead[0]!
        const wanted = {
          start: Math.max(range.start, block.range.start),
          end: Math.min(range.end, block.range.end),
        }
        yield this.#cut(key, block, await waitFor(block.bytes, signal), wanted)
        this.#leave(ahead.shift()!)
      }
    } finally {
      for (const one of ahead) this.#leave(one)
    }
  }

  /** Joins the request that has this range, or begins one. */
  #join(key: string, range: ByteRange): Joined {
    const name = `${key} ${Math.floor(range.start / ARCHIVE_READ_BYTES)}`
    let block = this.#blocks.get(name)
    if (block !== undefined && block.range.start <= range.start && range.end <= block.range.end) {
      block.isShared = true
    } else {
      block = this.#begin(key, range, name)
      this.#blocks.set(name, block)
    }
    block.readers++
    return { name, block }
  }

  #begin(key: string, range: ByteRange, name: string): Block {
    const stop = new AbortController()
    const { signal } = stop
    const bytes = this.#slots.run(async () => {
      throwIfCancelled(signal)
      return this.#objects.get(key, { range, signal })
    })
    const block: Block = { bytes, range, stop, readers: 0, isShared: false }
    void this.#follow(name, block)
    return block
  }

  /** Called before any reader waits, so that none joins a request whose answer was taken. */
  async #follow(name: string, block: Block): Promise<void> {
    try {
      await block.bytes
    } catch {
      // Readers that wait for the block get this error; later ones ask again.
    }
    this.#forget(name, block)
  }

  #leave({ name, block }: Joined): void {
    block.readers--
    if (block.readers > 0) return
    // Before it is aborted, so that no reader who comes now gets that fault.
    this.#forget(name, block)
    block.stop.abort()
  }

  #forget(name: string, block: Block): void {
    if (this.#blocks.get(name) === block) this.#blocks.delete(name)
  }

  #cut(key: string, block: Block, bytes: Uint8Array | undefined, wanted: ByteRange): Uint8Array {
    const { place } = this.#objects
    if (bytes === undefined) throw fault('integrity', place, `the object ${key} is missing`)
    const start = wanted.start - block.range.start
    const length = wanted.end - wanted.start
    if (bytes.byteLength < start + length) {
      throw fault('integrity', place, `the object ${key} is too short`)
    }
    // Readers hand pieces with their memory to threads, so a piece shares its memory with nothing.
    if (!block.isShared && length === bytes.buffer.byteLength) return bytes
    const piece = unzeroed(length)
    piece.set(bytes.subarray(start, start + length))
    return piece
  }
}

/** Where the next place begins. */
const placeAfter = (at: number): number =>
  (Math.floor(at / ARCHIVE_READ_BYTES) + 1) * ARCHIVE_READ_BYTES

async function waitFor<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  try {
    return await untilAborted(promise, signal)
  } catch (error) {
    throwIfCancelled(signal)
    throw error
  }
}
