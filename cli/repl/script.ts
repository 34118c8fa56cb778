/** Statements that do not come from a terminal: lines of UTF-8 text (R007-63). */
import { DstoreError } from '../../src/errors.ts'
import { STATEMENT_CHARS } from '../../src/limits.ts'
import { tooLong } from './interpreter.ts'

/** The lines of a stream, without line ends; `usage` if it is not UTF-8. */
export async function* scriptLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  for await (const piece of bytes) {
    const lines = (rest + decode(decoder, piece)).split('\n')
    rest = lines.pop()!
    for (const line of lines) yield withoutReturn(line)
    if (rest.length > STATEMENT_CHARS) throw tooLong()
  }
  rest += decode(decoder)
  if (rest !== '') yield withoutReturn(rest)
}

function decode(decoder: InstanceType<typeof TextDecoder>, piece?: Uint8Array): string {
  try {
    return decoder.decode(piece, { stream: piece !== undefined })
  } catch (cause) {
    throw new DstoreError('usage', 'the statements are not UTF-8', {
      cause,
      hint: 'store binary data with `dstore put`',
    })
  }
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}
