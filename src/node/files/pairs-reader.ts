/**
 * Reads the outboard of a file of the cache for one reader. The pairs near the root prove every
 * piece, so blocks of a whole file are kept: what is sent to a peer is what was verified.
 */
import { unzeroed } from '../../bytes.ts'
import { outboardBytes, type ByteRange } from '../../hash/tree/tree.ts'
import { KIB } from '../../limits.ts'
import { filled, shorter, type FileBytes } from './file-bytes.ts'

/** The pairs of one piece. */
const BLOCK_BYTES = 4 * KIB

/** Blocks that are kept: those on the way to a piece of the largest values, and a few more. */
const BLOCKS = 32

export class PairsReader {
  readonly #file: FileBytes
  readonly #total: number
  /** By their number, the least recently used first. */
  readonly #blocks = new Map<number, Promise<Uint8Array>>()

  constructor(file: FileBytes) {
    this.#file = file
    this.#total = outboardBytes(file.size)
  }

  /** Errors: `integrity` where the file is too short. */
  async read({ start, end }: ByteRange): Promise<Uint8Array> {
    if (start === end) return unzeroed(0)
    // Of an unfinished file no more than is asked for: the rest may be written meanwhile.
    if (!this.#file.isWhole) return this.#readPart(start, end)
    const first = Math.floor(start / BLOCK_BYTES)
    const last = Math.floor((end - 1) / BLOCK_BYTES)
    if (last - first > 1) return this.#readWhole(start, end)
    const blocks = [await this.#block(first), ...(last > first ? [await this.#block(last)] : [])]
    const base = first * BLOCK_BYTES
    if (blocks.length === 1) return blocks[0]!.subarray(start - base, end - base)
    return Uint8Array.from(Buffer.concat(blocks).subarray(start - base, end - base))
  }

  #block(number: number): Promise<Uint8Array> {
    const start = number * BLOCK_BYTES
    const kept = this.#blocks.get(number)
    this.#blocks.delete(number)
    const block = kept ?? this.#readWhole(start, Math.min(this.#total, start + BLOCK_BYTES))
    // Its failure is thrown to those who wait for it.
    block.catch(() => undefined)
    this.#blocks.set(number, block)
    if (this.#blocks.size > BLOCKS) this.#blocks.delete(this.#blocks.keys().next().value!)
    return block
  }

  async #readWhole(start: number, end: number): Promise<Uint8Array> {
    const bytes = await filled(end - start, (into) => this.#file.readPairs(into, start))
    if (bytes.byteLength < end - start) throw shorter()
    return bytes
  }

  /** A reader may ask for more than it needs, which is not written yet. */
  async #readPart(start: number, end: number): Promise<Uint8Array> {
    const bytes = await filled(end - start, (into) => this.#file.readPairs(into, start))
    if (bytes.byteLength === end - start) return bytes
    const padded = new Uint8Array(end - start)
    padded.set(bytes)
    return padded
  }
}
