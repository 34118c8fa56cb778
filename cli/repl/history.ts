/** The history of the prompt, kept in a file that only its user can read (R007-64). */
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { asDstoreError } from '../../src/errors.ts'
import { isLossy } from '../../src/utf8.ts'

export const HISTORY_LINES = 1000

/** Longer lines are not kept. */
const LINE_CHARS = 1000

/** A longer file is cut to its last lines. */
const FILE_CHARS = 1_000_000

export class History {
  readonly #path: string
  #onFault: ((message: string) => void) | undefined

  /** `onFault` receives, once, the reason why the history cannot be kept. */
  constructor(path: string, onFault: (message: string) => void) {
    this.#path = path
    this.#onFault = onFault
  }

  /** The last lines, newest first. */
  load(): string[] {
    return this.#unlessFaulty(() => this.#read()) ?? []
  }

  /** Keep a line, unless it begins with a space, as in shells. */
  add(line: string): void {
    if (isKept(line)) {
      this.#unlessFaulty(() => {
        appendFileSync(this.#path, `${line}\n`, { mode: 0o600 })
        // The umask may have taken from the owner, too.
        chmodSync(this.#path, 0o600)
      })
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

  /** After a first failure the prompt runs without a history. */
  #unlessFaulty<Result>(work: () => Result): Result | undefined {
    if (this.#onFault === undefined) return undefined
    try {
      return work()
    } catch (error) {
      this.#onFault(asDstoreError(error).message)
      this.#onFault = undefined
      return undefined
    }
  }
}

function isKept(line: string): boolean {
  if (line === '' || line.length > LINE_CHARS || line.startsWith(' ')) return false
  return !/\p{Cc}/u.test(line) && !isLossy(line)
}
