/** What was said at the prompt, kept for the next time in a file that is its user's alone (R007-64). */
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs'

export const HISTORY_LINES = 1000

/** A longer line is not kept. */
const LINE_CHARS = 1000

/** A file that grew beyond this is cut to its last lines. */
const FILE_CHARS = 1_000_000

export class History {
  readonly #path: string
  #onFault: ((message: string) => void) | undefined

  /** `onFault` hears, once, why it cannot be kept. */
  constructor(path: string, onFault: (message: string) => void) {
    this.#path = path
    this.#onFault = onFault
  }

  /** The last lines, the newest first. */
  load(): string[] {
    return this.#unlessFaulty(() => this.#read()) ?? []
  }

  /** Keep a line. As in shells, one that begins with a space is not kept. */
  add(line: string): void {
    if (isKept(line)) {
      this.#unlessFaulty(() => appendFileSync(this.#path, `${line}\n`, { mode: 0o600 }))
    }
  }

  #read(): string[] {
    let text: string
    try {
      text = readFileSync(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
    chmodSync(this.#path, 0o600)
    const lines = text.split('\n').filter(isKept).slice(-HISTORY_LINES)
    if (text.length > FILE_CHARS) writeFileSync(this.#path, `${lines.join('\n')}\n`)
    return lines.toReversed()
  }

  /** The prompt is worth more than its history. */
  #unlessFaulty<Result>(work: () => Result): Result | undefined {
    if (this.#onFault === undefined) return undefined
    try {
      return work()
    } catch (error) {
      this.#onFault((error as Error).message)
      this.#onFault = undefined
      return undefined
    }
  }
}

function isKept(line: string): boolean {
  return line !== '' && line.length <= LINE_CHARS && !line.startsWith(' ') && !/\p{Cc}/u.test(line)
}
