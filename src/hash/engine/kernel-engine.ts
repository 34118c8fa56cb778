/** The hash engine on the WebAssembly SIMD kernel, which hashes four inputs at a time. */
import { BLOCK_BYTES, CHUNK_END, CHUNK_START, PARENT, ROOT } from './compress.ts'
import type { Engine } from './engine.ts'
import { KERNEL_BASE64 } from './kernel-bytes.ts'
import { PAIR, VALUES, WINDOW } from './kernel/layout.ts'
import { CHUNK_BYTES, DIGEST_BYTES, HASH_WINDOW_BYTES } from '../../limits.ts'

/** The number of pairs that fit where the chaining values of a window are. */
const MOST_PAIRS_BYTES = (HASH_WINDOW_BYTES / CHUNK_BYTES) * DIGEST_BYTES

const CHUNK_BLOCKS = CHUNK_BYTES / BLOCK_BYTES
const TWO_32 = 2 ** 32

/** The part of WebAssembly's API that we use: the types of Node lack it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

/** The module's exports; see kernel/lanes.ts and kernel/rows.ts. All numbers are 32 bits wide. */
interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer }
  four(
    input: number,
    stride: number,
    blocks: number,
    fours: number,
    counterLow: number,
    counterHigh: number,
    counterStep: number,
    first: number,
    last: number,
    output: number,
  ): void
  one(
    input: number,
    length: number,
    counterLow: number,
    counterHigh: number,
    first: number,
    last: number,
    output: number,
  ): void
}

export class KernelEngine implements Engine {
  readonly name = 'wasm-simd'
  readonly #kernel: Kernel
  /** The kernel's memory. It never grows, so views of it stay valid. */
  readonly #memory: Uint8Array
  /** The first result. */
  readonly #result: Uint8Array
  readonly window: Uint8Array

  /** Compiles the kernel in about a millisecond. Throws if this machine cannot. */
  constructor() {
    const module = new WebAssembly.Module(Buffer.from(KERNEL_BASE64, 'base64'))
    this.#kernel = new WebAssembly.Instance(module).exports as Kernel
    this.#memory = new Uint8Array(this.#kernel.memory.buffer)
    this.#result = this.#memory.subarray(VALUES, VALUES + DIGEST_BYTES)
    this.window = this.#memory.subarray(WINDOW, WINDOW + HASH_WINDOW_BYTES)
  }

  readonly subtree: Engine['subtree'] = (bytes, chunk, root, out, outOffset) => {
    this.#take(bytes, 0)
    const rootFlag = root ? ROOT : 0
    if (bytes.byteLength <= CHUNK_BYTES) {
      this.#chunk(WINDOW, bytes.byteLength, chunk, rootFlag, VALUES)
    } else {
      const whole = Math.floor(bytes.byteLength / CHUNK_BYTES)
      const rest = bytes.byteLength - whole * CHUNK_BYTES
      this.#chunks(whole, chunk)
      // The last chunk comes last: idle lanes would overwrite its result, and its padding their
      // input.
      if (rest > 0) {
        const at = VALUES + whole * DIGEST_BYTES
        this.#chunk(WINDOW + whole * CHUNK_BYTES, rest, chunk + whole, 0, at)
      }
      this.#reduce(rest > 0 ? whole + 1 : whole, rootFlag)
    }
    out.set(this.#result, outOffset)
  }

  readonly groups: Engine['groups'] = (runs, chunk, groupBytes, out, outOffset) => {
    let length = 0
    for (const run of runs) {
      this.#take(run, length)
      length += run.byteLength
    }
    this.#chunks(length / CHUNK_BYTES, chunk)
    const groups = length / groupBytes
    for (let count = length / CHUNK_BYTES; count > groups; count /= 2) {
      this.#parents(count / 2)
    }
    out.set(this.#memory.subarray(VALUES, VALUES + groups * DIGEST_BYTES), outOffset)
  }

  readonly parent: Engine['parent'] = (pair, pairOffset, root, out, outOffset) => {
    const whole = pair.byteLength === BLOCK_BYTES
    this.#memory.set(whole ? pair : pair.subarray(pairOffset, pairOffset + BLOCK_BYTES), PAIR)
    this.#kernel.one(PAIR, BLOCK_BYTES, 0, 0, PARENT, root ? ROOT : 0, VALUES)
    out.set(this.#result, outOffset)
  }

  parents(pairs: Uint8Array, out: Uint8Array): void {
    for (let at = 0; at < pairs.byteLength; at += MOST_PAIRS_BYTES) {
      const part = pairs.subarray(at, at + MOST_PAIRS_BYTES)
      this.#memory.set(part, VALUES)
      this.#parents(part.byteLength / BLOCK_BYTES)
      out.set(this.#memory.subarray(VALUES, VALUES + part.byteLength / 2), at / 2)
    }
  }

  /** Copies input to its place in the window, unless it is there. */
  #take(bytes: Uint8Array, at: number): void {
    const isThere = bytes.buffer === this.#memory.buffer && bytes.byteOffset === WINDOW + at
    if (!isThere) this.#memory.set(bytes, WINDOW + at)
  }

  /** Hashes whole chunks from the start of the window. */
  #chunks(count: number, chunk: number): void {
    const high = Math.floor(chunk / TWO_32)
    const fours = Math.ceil(count / 4)
    this.#kernel.four(
      WINDOW,
      CHUNK_BYTES,
      CHUNK_BLOCKS,
      fours,
      chunk,
      high,
      1,
      CHUNK_START,
      CHUNK_END,
      VALUES,
    )
  }

  #chunk(at: number, length: number, chunk: number, rootFlag: number, to: number): void {
    const high = Math.floor(chunk / TWO_32)
    this.#kernel.one(at, length, chunk, high, CHUNK_START, CHUNK_END | rootFlag, to)
  }

  /** Replaces the first `2 * count` chaining values by those of their `count` parents. */
  #parents(count: number): void {
    if (count === 1) this.#kernel.one(VALUES, BLOCK_BYTES, 0, 0, PARENT, 0, VALUES)
    else this.#kernel.four(VALUES, BLOCK_BYTES, 1, Math.ceil(count / 4), 0, 0, 0, PARENT, 0, VALUES)
  }

  /** Joins the first `count` chaining values, two or more, to that of the tree over them. */
  #reduce(count: number, rootFlag: number): void {
    let left = count
    while (left > 2) {
      const pairs = Math.floor(left / 2)
      this.#parents(pairs)
      if (left % 2 === 1) {
        // An odd one moves up a level unchanged, as in BLAKE3's tree.
        const odd = VALUES + (left - 1) * DIGEST_BYTES
        this.#memory.copyWithin(VALUES + pairs * DIGEST_BYTES, odd, odd + DIGEST_BYTES)
      }
      left = Math.ceil(left / 2)
    }
    this.#kernel.one(VALUES, BLOCK_BYTES, 0, 0, PARENT, rootFlag, VALUES)
  }
}
