/**
 * The executable model of documents 001 and 002: the BLAKE3 tree, outboards, slices and their
 * proof, written to be read beside the specification. It makes the vectors that the product is
 * tested with.
 *
 * Recursive and buffered, one chunk at a time, and thousands of times slower than the product. It
 * omits streaming, files, resumption, bounds on memory, and the parts of BLAKE3 that keys do not
 * need (keyed hashing, key derivation, longer outputs). It imports nothing, so that it cannot share
 * a mistake with the product.
 */

const CHUNK = 1024
const BLOCK = 64
const CHUNK_START = 1
const CHUNK_END = 2
const PARENT = 4
const ROOT = 8
const IV = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]
const PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
const QUARTERS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const

// The compression function.

const rotate = (word: number, bits: number): number => (word >>> bits) | (word << (32 - bits))

function compress(
  cv: readonly number[],
  block: Uint8Array,
  counter: number,
  flags: number,
): number[] {
  const padded = new DataView(new ArrayBuffer(BLOCK))
  block.forEach((byte, i) => padded.setUint8(i, byte))
  let message = Array.from({ length: 16 }, (_, i) => padded.getUint32(4 * i, true))
  const high = Math.floor(counter / 2 ** 32)
  const s = [...cv, ...IV.slice(0, 4), counter % 2 ** 32, high, block.length, flags]
  for (let round = 0; round < 7; round++) {
    QUARTERS.forEach(([a, b, c, d], i) => {
      for (const [word, first, second] of [
        [message[2 * i]!, 16, 12],
        [message[2 * i + 1]!, 8, 7],
      ] as const) {
        s[a] = (s[a]! + s[b]! + word) | 0
        s[d] = rotate(s[d]! ^ s[a], first)
        s[c] = (s[c]! + s[d]) | 0
        s[b] = rotate(s[b]! ^ s[c], second)
      }
    })
    message = PERMUTATION.map((from) => message[from]!)
  }
  return s.slice(0, 8).map((word, i) => word ^ s[i + 8]!)
}

const bytesOf = (words: readonly number[]): Uint8Array =>
  Uint8Array.from(words.flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff)))

// The tree.

/** The chaining value of a chunk of at most 1024 bytes; the digest if it is the whole value. */
function chunkCv(chunk: Uint8Array, index: number, root: boolean): Uint8Array {
  let cv: number[] = IV
  const blocks = Math.max(1, Math.ceil(chunk.length / BLOCK))
  for (let i = 0; i < blocks; i++) {
    const last = i === blocks - 1
    const flags = (i === 0 ? CHUNK_START : 0) | (last ? CHUNK_END : 0) | (last && root ? ROOT : 0)
    cv = compress(cv, chunk.subarray(i * BLOCK, (i + 1) * BLOCK), index, flags)
  }
  return bytesOf(cv)
}

export const parentCv = (pair: Uint8Array, root: boolean): Uint8Array =>
  bytesOf(compress(IV, pair, 0, PARENT | (root ? ROOT : 0)))

/** Bytes below the left child: the largest power of two of units that leaves some for the right. */
export function leftLength(length: number, unit: number): number {
  let left = unit
  while (2 * left < length) left *= 2
  return left
}

/** The chaining value of a subtree: the bytes of the value from `start` on, a multiple of 1024. */
export function subtreeCv(bytes: Uint8Array, start: number, root: boolean): Uint8Array {
  if (bytes.length <= CHUNK) return chunkCv(bytes, start / CHUNK, root)
  return parentCv(pairOf(bytes, start, CHUNK), root)
}

/** The chaining values of the two children of the parent over these bytes. */
function pairOf(bytes: Uint8Array, start: number, unit: number): Uint8Array {
  const left = leftLength(bytes.length, unit)
  return join([
    subtreeCv(bytes.subarray(0, left), start, false),
    subtreeCv(bytes.subarray(left), start + left, false),
  ])
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

// What the specification defines.

/** BLAKE3 of a value (R001-1). */
export const digest = (value: Uint8Array): Uint8Array => subtreeCv(value, 0, true)

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** The key of a value as dstore prints it (R001-2). */
export const key = (value: Uint8Array): string => keyOf(digest(value), 0x55)

/** The key of the directory that these bytes encode (R001-8). */
export const directoryKey = (value: Uint8Array): string => keyOf(digest(value), 0x71)

export function keyOf(hash: Iterable<number>, codec: number): string {
  const cid = [0x01, codec, 0x1e, 32, ...hash]
  const bits = cid.map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const digits = bits.match(/.{1,5}/g)!.map((five) => BASE32[parseInt(five.padEnd(5, '0'), 2)])
  return `b${digits.join('')}`
}

/** The outboard (R002-3): the pairs of all parents above the groups, in pre-order. */
export function outboard(value: Uint8Array, group: number, start: number = 0): Uint8Array {
  if (value.length <= group) return new Uint8Array(0)
  const left = leftLength(value.length, group)
  return join([
    pairOf(value, start, group),
    outboard(value.subarray(0, left), group, start),
    outboard(value.subarray(left), group, start + left),
  ])
}

/** A range of bytes of the value; `end` may be Infinity. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** The range after the special cases of R002-7: it touches at least one byte. */
export function effective(range: Range, size: number): Range {
  const start = Math.min(range.start, Math.max(0, size - 1))
  return { start, end: Math.max(start + 1, range.end) }
}

/** The slice that proves a range (R002-5), with groups of `group` bytes. */
export function slice(value: Uint8Array, range: Range, group: number): Uint8Array {
  return join(sliceParts(value, range, group))
}

/** The parts of a slice, in order: its header, then pairs and groups. */
export function sliceParts(value: Uint8Array, range: Range, group: number): Uint8Array[] {
  const wanted = effective(range, value.length)
  const walk = (bytes: Uint8Array, start: number): Uint8Array[] => {
    const outside = wanted.end <= start || wanted.start >= start + bytes.length
    if (outside && bytes.length < value.length) return []
    if (bytes.length <= group) return [bytes]
    const left = leftLength(bytes.length, group)
    return [
      pairOf(bytes, start, group),
      ...walk(bytes.subarray(0, left), start),
      ...walk(bytes.subarray(left), start + left),
    ]
  }
  return [header(value.length), ...walk(value, 0)]
}

export function header(size: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(8))
  bytes.setBigUint64(0, BigInt(size), true)
  return new Uint8Array(bytes.buffer)
}

/** The bytes that a slice proves, or its first flaw (R002-13). */
export type Outcome =
  | {
      readonly ok: true
      readonly start: number
      readonly bytes: Uint8Array
      /** The length of the value; undefined if the slice does not prove it. */
      readonly size: number | undefined
    }
  | { readonly ok: false; readonly flaw: Flaw; readonly position: number }

export type Flaw = 'size' | 'parent' | 'group' | 'truncated' | 'trailing'

class Flawed extends Error {
  readonly flaw: Flaw
  constructor(flaw: Flaw) {
    super(flaw)
    this.flaw = flaw
  }
}

/** Decodes the slice for a digest and a range; `known` is the value's length if it is known. */
export function decode(
  encoded: Uint8Array,
  root: Uint8Array,
  range: Range,
  group: number,
  known?: number,
): Outcome {
  let at = 0
  let position = 0
  const take = (length: number): Uint8Array => {
    if (encoded.length - at < length) throw new Flawed('truncated')
    at += length
    return encoded.subarray(at - length, at)
  }
  const must = (flaw: Flaw, cv: Uint8Array, expected: Uint8Array): void => {
    if (cv.some((byte, i) => byte !== expected[i])) throw new Flawed(flaw)
  }
  try {
    const claimed = new DataView(take(8).slice().buffer).getBigUint64(0, true)
    if (claimed > BigInt(Number.MAX_SAFE_INTEGER)) throw new Flawed('size')
    const size = Number(claimed)
    if (known !== undefined && size !== known) throw new Flawed('size')
    const wanted = effective(range, size)
    const first = Math.floor(wanted.start / group) * group
    const parts: Uint8Array[] = []
    position = first
    const walk = (start: number, end: number, expected: Uint8Array): void => {
      const isRoot = end - start === size
      if (!isRoot && (wanted.end <= start || wanted.start >= end)) return
      if (end - start <= group) {
        const bytes = take(end - start)
        must('group', subtreeCv(bytes, start, isRoot), expected)
        parts.push(bytes)
        position = end
        return
      }
      const pair = take(64)
      must('parent', parentCv(pair, isRoot), expected)
      const middle = start + leftLength(end - start, group)
      walk(start, middle, pair.subarray(0, 32))
      walk(middle, end, pair.subarray(32))
    }
    walk(0, size, root)
    if (at < encoded.length) throw new Flawed('trailing')
    // The last group proves the length: no other value with this digest has its last group there.
    return {
      ok: true,
      start: first,
      bytes: join(parts),
      size: position === size ? size : undefined,
    }
  } catch (error) {
    if (error instanceof Flawed) return { ok: false, flaw: error.flaw, position }
    throw error
  }
}
