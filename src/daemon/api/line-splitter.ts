/** The lines of a daemon's text that comes in pieces (specs/007-daemon-and-command-line.md). */
import { DstoreError } from '../../errors.ts'
import { HTTP_ANSWER_BYTES } from '../../limits.ts'

export class LineSplitter {
  readonly #maxCharacters: number
  readonly #decoder = new TextDecoder()
  /** The beginning of a line whose end has not come. */
  #rest = ''

  constructor(maxCharacters: number = HTTP_ANSWER_BYTES) {
    this.#maxCharacters = maxCharacters
  }

  /** Lines that this piece ends, without line ends. Error: `protocol` for one that is too long. */
  take(piece: Uint8Array): readonly string[] {
    const text = this.#decoder.decode(piece, { stream: true })
    // What has no line end is not searched again with each piece that follows.
    const found = text.includes('\n') ? `${this.#rest}${text}`.split('\n') : [this.#rest + text]
    this.#rest = found.pop()!
    const isTooLong = (line: string): boolean => line.length > this.#maxCharacters
    if (isTooLong(this.#rest) || found.some(isTooLong)) throw lineTooLong()
    return found
  }

  /** Was every line ended? */
  get isWhole(): boolean {
    return this.#rest === '' && this.#decoder.decode() === ''
  }
}

/** A line that has no end in sight. */
export const lineTooLong = (): DstoreError =>
  new DstoreError('protocol', 'the daemon sent a line that is too long')
