/** Reads answers of a server into memory, never more than they may have. */
import { concat } from '../bytes.ts'
import { ARCHIVE_ANSWER_BYTES } from '../limits.ts'

/** Elements of an answer are in this many others, at most; S3's are in four. */
const DEPTH = 16

/**
 * An answer that is not S3's. Not a `DstoreError`: the client adds a line to the message of any
 * error that passes through it, and notes the status of the answer.
 */
export class AnswerError extends Error {
  readonly what: string

  constructor(what: string) {
    super(what)
    this.what = what
  }
}

interface Body extends AsyncIterable<Uint8Array> {
  destroy(): unknown
}

/** All bytes of a body. Throws, and ends the connection, where there are more. */
export async function readBody(
  body: unknown,
  most: number,
  onBytes: () => void = () => undefined,
): Promise<Uint8Array> {
  const stream = body as Body
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of stream) {
    length += part.byteLength
    onBytes()
    if (length > most) {
      stream.destroy()
      throw new AnswerError(`the server sent more than ${most} bytes`)
    }
    parts.push(part)
  }
  return concat(parts)
}

/**
 * The text of an answer, for the parser of the client: that one bounds neither length nor depth,
 * and declarations of types take it time that grows with the square of their length. S3 has none.
 */
export async function readAnswer(body: unknown): Promise<Uint8Array> {
  const bytes = await readBody(body, ARCHIVE_ANSWER_BYTES)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let depth = 0
  for (let at = text.indexOf('<'); at !== -1;) {
    const next = text[at + 1]
    if (next === BANG) throw new AnswerError('the answer has a declaration')
    const end = text.indexOf('>', at)
    if (end === -1) throw new AnswerError('the answer ends in a tag')
    if (next !== QUESTION) depth += next === SLASH ? -1 : opened(text.subarray(at, end))
    if (depth > DEPTH) throw new AnswerError('the answer is too deep')
    at = text.indexOf('<', end)
  }
  return bytes
}

/** Only without attributes is it certain that a slash at the end closes the element. */
const opened = (tag: Buffer): number => (tag.at(-1) === SLASH && !tag.includes('"') ? 0 : 1)

const [BANG, QUESTION, SLASH] = Buffer.from('!?/')
