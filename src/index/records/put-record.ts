/**
 * The row and the log entry of a value that is put without a name, which batches write by the
 * thousand: the same bytes as those of `records.proto`, without an object for each.
 */
import { DIGEST_BYTES } from '../../limits.ts'

/** The first byte of each field: its number, and how its value is encoded. */
const SIZE = 0x08
const LOCATION = 0x12
const UNNAMED = 0x28
const AT_MS = 0x08
const PUT = 0x1a
const PUT_DIGEST = 0x0a
const PUT_SIZE = 0x10

/** The longest location that is written here: its length takes one byte. */
const LOCATION_CHARACTERS = 127

const SCRATCH = new Uint8Array(256)

/** A `KeyRecord` without names; undefined for a location that is not short ASCII. */
export function encodePlainKey(
  size: number,
  location: string,
  unnamed: boolean,
): Uint8Array | undefined {
  const { length } = location
  if (length === 0 || length > LOCATION_CHARACTERS) return undefined
  let at = field(SIZE, size, 0)
  SCRATCH[at++] = LOCATION
  SCRATCH[at++] = length
  for (let i = 0; i < length; i++) {
    const code = location.charCodeAt(i)
    if (code > 127) return undefined
    SCRATCH[at++] = code
  }
  return SCRATCH.slice(0, field(UNNAMED, unnamed ? 1 : 0, at))
}

/** A `LogRecord` of a put without names. */
export function encodeUnnamedPut(digest: Uint8Array, size: number, atMs: number): Uint8Array {
  let at = field(AT_MS, atMs, 0)
  SCRATCH[at++] = PUT
  const lengthAt = at++
  SCRATCH[at++] = PUT_DIGEST
  SCRATCH[at++] = DIGEST_BYTES
  SCRATCH.set(digest, at)
  at = field(PUT_SIZE, size, at + DIGEST_BYTES)
  SCRATCH[lengthAt] = at - lengthAt - 1
  return SCRATCH.slice(0, at)
}

/** Writes a field with a varint at `at`, or nothing for 0. Returns where it ends. */
function field(tag: number, value: number, at: number): number {
  if (value === 0) return at
  SCRATCH[at++] = tag
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) SCRATCH[at++] = (rest % 128) | 128
  SCRATCH[at++] = rest
  return at
}
