/** Values as one line that is safe to print on a terminal (R007-62). */
import { formatSize } from '../../src/daemon/config/quantities.ts'
import { safeText } from '../wording.ts'

/** Of a larger value only the beginning is read and shown. */
export const SHOWN_BYTES = 4096

/** Bytes shown of a binary value, in hexadecimal. */
const SHOWN_BINARY_BYTES = 32

/** One line for a value of `size` bytes; `beginning` is all of it or its first `SHOWN_BYTES`. */
export function displayValue(beginning: Uint8Array, size: number): string {
  if (size === 0) return '(0 bytes)'
  const isWhole = beginning.byteLength === size
  const text = textOf(beginning, isWhole)
  if (text === undefined) {
    const hex = Buffer.from(beginning.subarray(0, SHOWN_BINARY_BYTES)).toString('hex')
    return `0x${hex}${size > SHOWN_BINARY_BYTES ? '...' : ''} (${formatSize(size)})`
  }
  const shown = safeText(text)
  return isWhole
    ? shown
    : `${shown}... (the first ${formatSize(beginning.byteLength)} of ${formatSize(size)})`
}

/** Undefined if it is not UTF-8. Drops a character that is cut off at the end. */
function textOf(bytes: Uint8Array, isWhole: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, {
      stream: !isWhole,
    })
  } catch {
    return undefined
  }
}
