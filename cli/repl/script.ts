/** Statements that do not come from a terminal: lines of UTF-8 text (R007-63). */
import { concat } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { STATEMENT_CHARS } from '../../src/limits.ts'
import { tooLong } from './interpreter.ts'

const LINE_END = 0x0a

/** No statement that is not too long has more. */
const STATEMENT_BYTES = 3 * STATEMENT_CHARS

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Some editors begin a file with it. */
const MARK = '\uFEFF'

/**
 * The lines of a stream, without line ends. After the whole lines before it comes a failure of the
 * stream, or `usage` for a line that is not UTF-8.
 */
export async function* scriptLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let parts: Uint8Array[] = []
  let length = 0
  let mark = MARK
  for await (const piece of bytes) {
    let at = 0
    for (let end = piece.indexOf(LINE_END); end >= 0; end = piece.indexOf(LINE_END, at)) {
      yield lineOf([...parts, piece.subarray(at, end)], mark)
      mark = ''
      parts = []
      length = 0
      at = end + 1
    }
    // Copied: the stream may use its memory again.
    if (at < piece.byteLength) parts.push(piece.slice(at))
    length += piece.byteLength - at
    if (length > STATEMENT_BYTES) throw tooLong()
  }
  if (length > 0) yield lineOf(parts, mark)
}

function lineOf(parts: readonly Uint8Array[], mark: string): string {
  try {
    const text = withoutReturn(utf8.decode(concat(parts)))
    return text.startsWith(mark) ? text.slice(mark.length) : text
  } catch (cause) {
    throw notUtf8(cause)
  }
}

export function notUtf8(cause?: unknown): DstoreError {
  return new DstoreError('usage', 'the statements are not UTF-8', {
    cause,
    hint: 'store binary data with `dstore put`',
  })
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}
