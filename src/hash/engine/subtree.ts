/** Hashes a subtree of a value in memory, with its part of the outboard. */
import { CHUNK_BYTES, DIGEST_BYTES, HASH_WINDOW_BYTES } from '../../limits.ts'
import type { Engine } from './engine.ts'
import { PAIR_BYTES, groupCount, leftGroups } from '../tree/tree.ts'

/** A hashed subtree. */
export interface HashedSubtree {
  /** Its chaining value; the digest if it is the whole value. */
  readonly cv: Uint8Array
  /** Its part of the outboard, which is one run in pre-order. */
  readonly outboard: Uint8Array
}

const NO_OUTBOARD = new Uint8Array(0)

/**
 * `bytes` begin at chunk `chunk` of the value and are a subtree of it: a power of two of chunks,
 * the value's end or (`root`) all of it. Needs 1/32 of their length as scratch memory if groups are
 * chunks.
 */
export function hashSubtree(
  bytes: Uint8Array,
  chunk: number,
  root: boolean,
  groupBytes: number,
  engine: Engine,
): HashedSubtree {
  const cv = new Uint8Array(DIGEST_BYTES)
  if (bytes.byteLength <= groupBytes) {
    engine.subtree(bytes, chunk, root, cv, 0)
    return { cv, outboard: NO_OUTBOARD }
  }
  const groups = groupCount(bytes.byteLength, groupBytes)
  const outboard = new Uint8Array((groups - 1) * PAIR_BYTES)
  if (engine.outboard?.(bytes, chunk, root, groupBytes, { cv, outboard }) === true) {
    return { cv, outboard }
  }
  return joinGroups(groupCvs(bytes, chunk, groupBytes, engine), root, engine)
}

/** The subtree over groups, one or more, whose CVs these are. `root` needs two. */
export function joinGroups(cvs: Uint8Array, root: boolean, engine: Engine): HashedSubtree {
  const groups = cvs.byteLength / DIGEST_BYTES
  const cv = new Uint8Array(DIGEST_BYTES)
  const outboard = new Uint8Array((groups - 1) * PAIR_BYTES)
  /** Writes the CV of `count` groups from `first` to `out`; the pair of their parent is at `at`. */
  const join = (first: number, count: number, at: number, out: Uint8Array, outOffset: number) => {
    if (count === 1) {
      for (let i = 0; i < DIGEST_BYTES; i++) out[outOffset + i] = cvs[first * DIGEST_BYTES + i]!
      return
    }
    const left = leftGroups(count)
    join(first, left, at + PAIR_BYTES, outboard, at)
    join(first + left, count - left, at + left * PAIR_BYTES, outboard, at + DIGEST_BYTES)
    engine.parent(outboard, at, root && count === groups, out, outOffset)
  }
  join(0, groups, 0, cv, 0)
  return { cv, outboard }
}

/** The CVs, none of them the root's, of all groups, of which the last may be short. */
export function groupCvs(
  bytes: Uint8Array,
  chunk: number,
  groupBytes: number,
  engine: Engine,
): Uint8Array {
  const cvs = new Uint8Array(groupCount(bytes.byteLength, groupBytes) * DIGEST_BYTES)
  const whole = bytes.byteLength - (bytes.byteLength % groupBytes)
  for (let start = 0; start < whole; start += HASH_WINDOW_BYTES) {
    const window = bytes.subarray(start, Math.min(start + HASH_WINDOW_BYTES, whole))
    const at = (start / groupBytes) * DIGEST_BYTES
    engine.groups([window], chunk + start / CHUNK_BYTES, groupBytes, cvs, at)
  }
  if (whole < bytes.byteLength) {
    const at = (whole / groupBytes) * DIGEST_BYTES
    engine.subtree(bytes.subarray(whole), chunk + whole / CHUNK_BYTES, false, cvs, at)
  }
  return cvs
}
