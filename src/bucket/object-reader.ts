/**
 * Reads ranges of objects by requests at fixed places, so that readers of the same part share one.
 */
import { unzeroed } from '../bytes.ts'
import { untilAborted } from '../deadline.ts'
import { throwIfCancelled } from '../errors.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import { ARCHIVE_RANGE_BYTES, ARCHIVE_READS_AHEAD } from '../limits.ts'
import { fault } from './faults.ts'
import type { ObjectStore } from './object-store.ts'

/** Blocks that are kept when they are read, for readers of short ranges one after another. */
const KEPT_BLOCKS = 8

/** A block that is being read, or was. */
interface Block {
  readonly bytes: Promise<Uint8Array | undefined>
  readonly stop: AbortController
  readers: number
  isRead: boolean
}

/** Reads objects that never change. One for each bucket. */
export class ObjectReader {
  readonly #objects: Pick<ObjectStore, 'get' | 'place'>
  /** Those that are being read, and the last that were, the oldest first. */
  readonly #blocks = new Map<string, Block>()

  constructor(objects: Pick<ObjectStore, 'get' | 'place'>) {
    this.#objects = objects
  }

  /**
   * A range of an object, in pieces that are the caller's. Errors: `integrity` where the object is
   * missing or ends before; those of the bucket.
   */
  async *read(key: string, range: ByteRange, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    throwIfCancelled(signal)
    const first = Math.floor(range.start / ARCHIVE_RANGE_BYTES)
    const end = range.start < range.end ? Math.ceil(range.end / ARCHIVE_RANGE_BYTES) : first
    const ahead: { readonly name: string; readonly block: Block }[] = []
    let next = first
    try {
      for (let number = first; number < end; number++) {
        for (; next < end && next <= number + ARCHIVE_READS_AHEAD; next++) {
          ahead.push(this.#join(key, next))
        }
        const bytes = await waitFor(ahead[0]!.block.bytes, signal)
        yield this.#cut(key, bytes, range, number * ARCHIVE_RANGE_BYTES)
        this.#leave(ahead.shift()!)
      }
    } finally {
      for (const one of ahead) this.#leave(one)
    }
  }

  /** Forgets what is kept of an object that is deleted. */
  forget(key: string): void {
    for (const [name, { isRead }] of this.#blocks) {
      if (isRead && name.startsWith(`${key} `)) this.#blocks.delete(name)
    }
  }

  #join(key: string, number: number): { readonly name: string; readonly block: Block } {
    const name = `${key} ${number}`
    let block = this.#blocks.get(name)
    if (block === undefined) {
      block = this.#begin(key, number, name)
      this.#blocks.set(name, block)
    }
    block.readers++
    return { name, block }
  }

  #begin(key: string, number: number, name: string): Block {
    const start = number * ARCHIVE_RANGE_BYTES
    const range = { start, end: start + ARCHIVE_RANGE_BYTES }
    const stop = new AbortController()
    const bytes = this.#objects.get(key, { range, signal: stop.signal })
    const block: Block = { bytes, stop, readers: 0, isRead: false }
    void this.#follow(name, block)
    return block
  }

  async #follow(name: string, block: Block): Promise<void> {
    const read = await block.bytes.catch(() => undefined)
    block.isRead = true
    // What is missing or failed is asked for again by the next reader.
    if (read !== undefined) this.#keepFew()
    else if (this.#blocks.get(name) === block) this.#blocks.delete(name)
  }

  #leave({ name, block }: { readonly name: string; readonly block: Block }): void {
    block.readers--
    if (block.readers > 0) return
    if (!block.isRead) {
      // A reader that comes now must not be told that it was aborted.
      if (this.#blocks.get(name) === block) this.#blocks.delete(name)
      block.stop.abort()
    } else this.#keepFew()
  }

  #keepFew(): void {
    const idle = [...this.#blocks].filter(([, { readers, isRead }]) => isRead && readers === 0)
    for (const [name] of idle.slice(0, Math.max(0, idle.length - KEPT_BLOCKS))) {
      this.#blocks.delete(name)
    }
  }

  #cut(key: string, bytes: Uint8Array | undefined, range: ByteRange, at: number): Uint8Array {
    const { place } = this.#objects
    if (bytes === undefined) throw fault('integrity', place, `${key} is missing`)
    const start = Math.max(0, range.start - at)
    const end = Math.min(range.end - at, ARCHIVE_RANGE_BYTES)
    if (bytes.byteLength < end) throw fault('integrity', place, `${key} is too short`)
    // A copy: others read the block, too, and a piece may be handed to a thread.
    const piece = unzeroed(end - start)
    piece.set(bytes.subarray(start, end))
    return piece
  }
}

async function waitFor<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  try {
    return await untilAborted(promise, signal)
  } catch (error) {
    throwIfCancelled(signal)
    throw error
  }
}
