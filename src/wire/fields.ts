/**
 * Checks the fields of a peer's messages, for every protocol (specs/000-conventions.md, "Framing").
 * Invalid fields are `protocol`, with one line that names them.
 */
import { DstoreError, isErrorCode, type ErrorCode } from '../errors.ts'
import { TEXT_CHARS, VALUE_BYTES } from '../limits.ts'

/** The fault of a peer that sent `what`. */
export const malformed = (what: string): DstoreError =>
  new DstoreError('protocol', `a peer sent ${what}`)

/** Bytes of one length. */
export function exactly(length: number, what: string, bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength !== length) throw malformed(`a ${what} of ${bytes.byteLength} bytes`)
  return bytes
}

/** Bytes up to a length. */
export function atMost(length: number, what: string, bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength > length) throw malformed(`a ${what} of ${bytes.byteLength} bytes`)
  return bytes
}

/** The BLAKE3 digest of a value: a copy, because the buffer of the message is reused. */
export const digest = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(exactly(32, 'digest', bytes))

/** A size, an offset or a sequence number: a whole number that a double holds exactly. */
export function count(what: string, value: bigint): number {
  if (value > VALUE_BYTES) throw malformed(`a ${what} of ${value}`)
  return Number(value)
}

/** A code of the table of errors; `protocol` for any other. */
export const errorCode = (code: string): ErrorCode => (isErrorCode(code) ? code : 'protocol')

/** One line of bounded length, without control characters: it may end up on a terminal. */
export function text(line: string): string {
  // eslint-disable-next-line no-control-regex
  return line.slice(0, TEXT_CHARS).replaceAll(/[\u0000-\u001F\u007F-\u009F]+/g, ' ')
}
