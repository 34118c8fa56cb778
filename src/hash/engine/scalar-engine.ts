/**
 * The hash engine in plain TypeScript: used without WebAssembly SIMD or if the kernel fails its
 * test.
 */
import { CHUNK_BYTES, DIGEST_BYTES } from '../../limits.ts'
import { BLOCK_BYTES, CHUNK_END, CHUNK_START, IV, PARENT, ROOT, compress } from './compress.ts'
import type { Engine } from './engine.ts'

/** Deeper than any tree: 2^53 bytes are 2^43 chunks. */
const STACK_WORDS = 54 * 8

export class ScalarEngine implements Engine {
  readonly name = 'typescript'
  readonly #cv = new Uint32Array(8)
  readonly #block = new Uint32Array(16)
  readonly #stack = new Uint32Array(STACK_WORDS)

  readonly subtree: Engine['subtree'] = (bytes, chunk, root, out, outOffset) => {
    const rootFlag = root ? ROOT : 0
    if (bytes.byteLength <= CHUNK_BYTES) {
      this.#chunk(bytes, 0, bytes.byteLength, chunk, rootFlag)
      return this.#write(out, outOffset)
    }
    const chunks = Math.ceil(bytes.byteLength / CHUNK_BYTES)
    let depth = 0
    for (let i = 0; i < chunks; i++) {
      const start = i * CHUNK_BYTES
      this.#chunk(bytes, start, Math.min(start + CHUNK_BYTES, bytes.byteLength), chunk + i, 0)
      const last = i === chunks - 1
      // Merges a subtree as soon as it is complete, and the rest at the end, from the right.
      const parents = last ? depth : trailingZeros(i + 1)
      for (let n = 0; n < parents; n++) {
        depth--
        this.#merge(depth, last && depth === 0 ? rootFlag : 0)
      }
      if (!last) this.#stack.set(this.#cv, 8 * depth++)
    }
    this.#write(out, outOffset)
  }

  readonly groups: Engine['groups'] = (runs, chunk, groupBytes, out, outOffset) => {
    let done = 0
    for (const run of runs) {
      for (let start = 0; start < run.byteLength; start += groupBytes, done++) {
        const group = run.subarray(start, start + groupBytes)
        const first = chunk + (done * groupBytes) / CHUNK_BYTES
        this.subtree(group, first, false, out, outOffset + done * DIGEST_BYTES)
      }
    }
  }

  readonly parent: Engine['parent'] = (pair, pairOffset, root, out, outOffset) => {
    this.#load(pair, pairOffset, BLOCK_BYTES)
    this.#cv.set(IV)
    compress(this.#cv, this.#block, 0, BLOCK_BYTES, PARENT | (root ? ROOT : 0))
    this.#write(out, outOffset)
  }

  parents(pairs: Uint8Array, out: Uint8Array): void {
    for (let at = 0; at < pairs.byteLength; at += BLOCK_BYTES) {
      this.parent(pairs, at, false, out, at / 2)
    }
  }

  /** Sets `#cv` to the parent of the stack's entry at `depth` (left) and `#cv` (right). */
  #merge(depth: number, rootFlag: number): void {
    this.#block.set(this.#stack.subarray(8 * depth, 8 * depth + 8))
    this.#block.set(this.#cv, 8)
    this.#cv.set(IV)
    compress(this.#cv, this.#block, 0, BLOCK_BYTES, PARENT | rootFlag)
  }

  #chunk(bytes: Uint8Array, start: number, end: number, chunk: number, rootFlag: number): void {
    this.#cv.set(IV)
    let flags = CHUNK_START
    let at = start
    // The last block has its own flags; it may be short, and is empty in the empty value.
    for (; end - at > BLOCK_BYTES; at += BLOCK_BYTES) {
      this.#load(bytes, at, BLOCK_BYTES)
      compress(this.#cv, this.#block, chunk, BLOCK_BYTES, flags)
      flags = 0
    }
    this.#load(bytes, at, end - at)
    compress(this.#cv, this.#block, chunk, end - at, flags | CHUNK_END | rootFlag)
  }

  /** Fills `#block` with `length` bytes from `start`, padded with zeros. */
  #load(bytes: Uint8Array, start: number, length: number): void {
    const block = this.#block
    if (length === BLOCK_BYTES) {
      for (let i = 0, at = start; i < 16; i++, at += 4) {
        block[i] =
          bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
      }
      return
    }
    block.fill(0)
    for (let i = 0; i < length; i++) block[i >> 2]! |= bytes[start + i]! << (8 * (i & 3))
  }

  #write(out: Uint8Array, outOffset: number): void {
    for (let i = 0; i < DIGEST_BYTES; i++) out[outOffset + i] = this.#cv[i >> 2]! >>> (8 * (i & 3))
  }
}

function trailingZeros(n: number): number {
  return 31 - Math.clz32(n & -n)
}
