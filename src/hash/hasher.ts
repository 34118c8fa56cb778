/**
 * Hashing: a value's digest and outboard in one pass (specs/002-verified-values.md, "Hashing").
 *
 * The hash layer, file by file: `key` identifies values; `tree` has the arithmetic of sizes, ranges
 * and offsets; `piece-plan` and `piece-decoder` are the two ends of a proof; `bitfield` records
 * which groups of a value are held; `active-engine` chooses the implementation. Nothing here does
 * I/O.
 */
import { CHUNK_BYTES, DIGEST_BYTES, GROUP_BYTES, HASH_WINDOW_BYTES } from '../limits.ts'
import { activeEngine } from './engine/active-engine.ts'
import type { Engine } from './engine/engine.ts'
import { OutboardBuilder } from './outboard.ts'
import { hashSubtree } from './engine/subtree.ts'
import { checkGroupBytes } from './tree/tree.ts'

/** Hashes a value from a stream. Apart from the outboard, memory does not grow with the value. */
export interface Hasher {
  /** Hashes the next bytes. The caller may reuse the array. */
  update(bytes: Uint8Array): void
  /** The digest and tree of all bytes so far. Ends the hasher. */
  finish(): Hashed
}

/** The digest of a value and, if it has more than one chunk group, its tree. */
export interface Hashed {
  /** BLAKE3 of the whole value, 32 bytes. */
  readonly digest: Uint8Array
  /** Length of the value in bytes. */
  readonly size: number
  /** Inner nodes in pre-order, 64 bytes each; empty for a value of one group (specs/002). */
  readonly outboard: Uint8Array
}

export interface HashOptions {
  /** A power of two from 1 KiB to 256 KiB, default 16 KiB. It never changes the digest. */
  readonly groupBytes?: number
  /** Default: the active engine. */
  readonly engine?: Engine
}

/**
 * A hasher for a value of any length. It blocks the caller's thread: pass slices, not gigabytes.
 */
export function createHasher(options: HashOptions = {}): Hasher {
  return new TreeHasher(options)
}

/** Hashes a value in memory. */
export function hash(bytes: Uint8Array, options: HashOptions = {}): Hashed {
  const { engine = activeEngine(), groupBytes = GROUP_BYTES } = options
  checkGroupBytes(groupBytes)
  const { cv, outboard } = hashSubtree(bytes, 0, true, groupBytes, engine)
  return { digest: cv, size: bytes.byteLength, outboard }
}

/** Hashes a piece of any length, and lets other work run at least every few milliseconds. */
export async function hashInTurns(
  hasher: Pick<Hasher, 'update'>,
  piece: Uint8Array,
): Promise<void> {
  for (let at = 0; at < piece.byteLength; at += HASH_WINDOW_BYTES) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve))
    hasher.update(piece.subarray(at, at + HASH_WINDOW_BYTES))
  }
}

class TreeHasher implements Hasher {
  readonly #engine: Engine
  readonly #groupBytes: number
  readonly #builder: OutboardBuilder
  /** Bytes to hash: never empty after the first, because the last group may be the only one. */
  readonly #rest: Uint8Array
  #restLength = 0
  readonly #cvs: Uint8Array
  #hashedBytes = 0
  #finished = false

  constructor({ engine = activeEngine(), groupBytes = GROUP_BYTES }: HashOptions) {
    checkGroupBytes(groupBytes)
    this.#engine = engine
    this.#groupBytes = groupBytes
    this.#builder = new OutboardBuilder(engine)
    this.#rest = new Uint8Array(groupBytes)
    this.#cvs = new Uint8Array((HASH_WINDOW_BYTES / groupBytes) * DIGEST_BYTES)
  }

  update(bytes: Uint8Array): void {
    this.#checkOpen()
    let at = 0
    if (this.#restLength > 0) {
      at = Math.min(bytes.byteLength, this.#groupBytes - this.#restLength)
      this.#rest.set(bytes.subarray(0, at), this.#restLength)
      this.#restLength += at
      if (at === bytes.byteLength) return
      this.#groups(this.#rest)
      this.#restLength = 0
    }
    // Hashes whole groups in the caller's array, but never the last byte: see `#rest`.
    while (bytes.byteLength - at > this.#groupBytes) {
      const whole = Math.floor((bytes.byteLength - at - 1) / this.#groupBytes) * this.#groupBytes
      const length = Math.min(whole, HASH_WINDOW_BYTES)
      this.#groups(bytes.subarray(at, at + length))
      at += length
    }
    this.#rest.set(bytes.subarray(at))
    this.#restLength = bytes.byteLength - at
  }

  finish(): Hashed {
    this.#checkOpen()
    this.#finished = true
    const rest = this.#rest.subarray(0, this.#restLength)
    if (this.#hashedBytes === 0) {
      return hash(rest, { engine: this.#engine, groupBytes: this.#groupBytes })
    }
    this.#engine.subtree(rest, this.#hashedBytes / CHUNK_BYTES, false, this.#cvs, 0)
    this.#builder.push(this.#cvs, 0)
    return { ...this.#builder.finish(), size: this.#hashedBytes + this.#restLength }
  }

  #groups(bytes: Uint8Array): void {
    const chunk = this.#hashedBytes / CHUNK_BYTES
    this.#engine.groups([bytes], chunk, this.#groupBytes, this.#cvs, 0)
    for (let at = 0; at < bytes.byteLength; at += this.#groupBytes) {
      this.#builder.push(this.#cvs, (at / this.#groupBytes) * DIGEST_BYTES)
    }
    this.#hashedBytes += bytes.byteLength
  }

  #checkOpen(): void {
    if (this.#finished) throw new TypeError('the hasher has finished')
  }
}
