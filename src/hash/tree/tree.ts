/**
 * The shape of a value's tree, in pure arithmetic (specs/002-verified-values.md, "The tree").
 *
 * A value is cut into chunk groups, the leaves of its tree; the inner nodes are *parents*. The left
 * child of a parent has the largest power of two of groups that leaves at least one for the right
 * child. The *outboard* holds the parents in pre-order, each as its children's chaining values.
 */
import { viewOf } from '../../bytes.ts'
import {
  CHUNK_BYTES,
  DIGEST_BYTES,
  GROUP_BYTES,
  HASH_WINDOW_BYTES,
  VALUE_BYTES,
} from '../../limits.ts'

/** The chaining values of a parent's children. */
export const PAIR_BYTES: number = 2 * DIGEST_BYTES

/** A slice begins with the length of the value, u64 little-endian. */
export const HEADER_BYTES: number = 8

/** The header of a slice: the length of the value. */
export function encodeHeader(size: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES)
  viewOf(header).setBigUint64(0, BigInt(size), true)
  return header
}

/** Half-open range of bytes: includes `start`, excludes `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** Half-open range of group indexes. */
export interface GroupRange {
  readonly first: number
  readonly end: number
}

/** Throws a `RangeError` unless a value may have this size and groups this length. */
export function checkTree(size: number, groupBytes: number): void {
  if (!Number.isSafeInteger(size) || size < 0 || size > VALUE_BYTES) {
    throw new RangeError('size must be an integer from 0 to 2^53 - 1')
  }
  checkGroupBytes(groupBytes)
}

/**
 * Throws a `RangeError` unless groups are a power of two of chunks and fit one call of the engine.
 */
export function checkGroupBytes(groupBytes: number): void {
  const chunks = groupBytes / CHUNK_BYTES
  if (!(chunks >= 1 && groupBytes <= HASH_WINDOW_BYTES) || !Number.isInteger(Math.log2(chunks))) {
    throw new RangeError('groupBytes must be a power of two from 1 KiB to 256 KiB')
  }
}

/** Number of groups of a value: the empty value has one, of no bytes. */
export function groupCount(size: number, groupBytes: number = GROUP_BYTES): number {
  return Math.max(1, Math.ceil(size / groupBytes))
}

/** Length of a value's outboard in bytes: 64 for each group except one. */
export function outboardBytes(size: number, groupBytes: number = GROUP_BYTES): number {
  return (groupCount(size, groupBytes) - 1) * PAIR_BYTES
}

/** How many of `groups`, two or more, are below the left child of their parent. */
export function leftGroups(groups: number): number {
  return largestPowerOfTwo(groups - 1)
}

/** The largest power of two that is not above `n`. */
export function largestPowerOfTwo(n: number): number {
  let power = 1
  while (power * 2 <= n) power *= 2
  return power
}

/**
 * The groups in a slice for `range` (R002-7): those that the range touches; for an empty range, the
 * one that would contain its first byte; beyond the value, the last one, because it proves the
 * length.
 */
export function groupsOf(
  range: ByteRange,
  size: number,
  groupBytes: number = GROUP_BYTES,
): GroupRange {
  checkRange(range)
  const groups = groupCount(size, groupBytes)
  if (range.start >= size) return { first: groups - 1, end: groups }
  const end = Math.max(range.end, range.start + 1)
  return {
    first: Math.floor(range.start / groupBytes),
    end: Math.min(groups, Math.ceil(end / groupBytes)),
  }
}

/** The bytes of these groups. */
export function bytesOf(groups: GroupRange, size: number, groupBytes: number): ByteRange {
  return {
    start: Math.min(size, groups.first * groupBytes),
    end: Math.min(size, groups.end * groupBytes),
  }
}

/**
 * Throws a `RangeError` unless both ends are integers from 0, in order. The end may be `Infinity`.
 */
export function checkRange(range: ByteRange): void {
  const { start, end } = range
  if (!Number.isSafeInteger(start) || start < 0) {
    throw new RangeError('range.start must be an integer from 0 to 2^53 - 1')
  }
  if (!(end >= start) || !(Number.isSafeInteger(end) || end === Infinity)) {
    throw new RangeError('range.end must be an integer not below range.start, or Infinity')
  }
}

/**
 * Offset in the outboard of the pair of the parent over groups [first, end) in a tree of `groups`.
 */
export function pairOffset(first: number, end: number, groups: number): number {
  let offset = 0
  let node: GroupRange = { first: 0, end: groups }
  while (node.first !== first || node.end !== end) {
    const left = leftGroups(node.end - node.first)
    const middle = node.first + left
    const goesLeft = first < middle
    offset += (goesLeft ? 1 : left) * PAIR_BYTES
    node = goesLeft ? { first: node.first, end: middle } : { first: middle, end: node.end }
  }
  return offset
}

/** Length in bytes of the slice for a range, header included. */
export function sliceBytes(
  size: number,
  range: ByteRange,
  groupBytes: number = GROUP_BYTES,
): number {
  checkTree(size, groupBytes)
  const wanted = groupsOf(range, size, groupBytes)
  const { start, end } = bytesOf(wanted, size, groupBytes)
  const parents = parentsAbove(wanted, 0, groupCount(size, groupBytes))
  return HEADER_BYTES + parents * PAIR_BYTES + (end - start)
}

/** Number of parents among groups [first, end) with a wanted group below them. */
function parentsAbove(wanted: GroupRange, first: number, end: number): number {
  if (wanted.end <= first || wanted.first >= end) return 0
  if (wanted.first <= first && end <= wanted.end) return end - first - 1
  const middle = first + leftGroups(end - first)
  return 1 + parentsAbove(wanted, first, middle) + parentsAbove(wanted, middle, end)
}
