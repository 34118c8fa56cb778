/** The prompt on a terminal: line editing, history and completion by node:readline. */
import { createInterface } from 'node:readline/promises'
import type { Interface } from 'node:readline/promises'
import type { Completions } from './complete.ts'
import { HISTORY_LINES } from './history.ts'

const FIRST = 'dstore> '
const NEXT = '   ...> '

export interface PromptOptions {
  /** Newest first. */
  readonly history: readonly string[]
  readonly complete: (line: string) => Promise<Completions>
  /** Ctrl-C. */
  readonly onInterrupt: () => void
}

export class Prompt {
  readonly #readline: Interface
  // Pasted lines arrive faster than they are executed, and wait here.
  readonly #waiting: (string | undefined)[] = []
  #wake: (() => void) | undefined
  #closed = false

  constructor({ history, complete, onInterrupt }: PromptOptions) {
    this.#readline = createInterface({
      input: process.stdin,
      output: process.stdout,
      history: [...history],
      historySize: HISTORY_LINES,
      removeHistoryDuplicates: true,
      // A failed search offers nothing; the statement itself will report the failure.
      completer: (line) => complete(line).catch((): Completions => [[], line]),
    })
    this.#readline.on('line', (line) => this.#push(line))
    this.#readline.on('close', () => {
      this.#closed = true
      this.#wake?.()
    })
    this.#readline.on('SIGINT', () => {
      // Drop everything typed or pasted so far.
      this.#waiting.length = 0
      this.#readline.write(null, { ctrl: true, name: 'e' })
      this.#readline.write(null, { ctrl: true, name: 'u' })
      process.stdout.write('^C\n')
      onInterrupt()
      this.#push(undefined)
    })
  }

  /** Each line when the one before is handled; undefined for Ctrl-C. Ends with Ctrl-D. */
  async *lines(isOpen: () => boolean): AsyncGenerator<string | undefined> {
    for (;;) {
      if (this.#waiting.length === 0 && !this.#closed) {
        this.#readline.setPrompt(isOpen() ? NEXT : FIRST)
        this.#readline.prompt()
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
      if (this.#waiting.length > 0) yield this.#waiting.shift()
      else if (this.#closed) return
    }
  }

  close(): void {
    this.#readline.close()
  }

  #push(line: string | undefined): void {
    this.#waiting.push(line)
    this.#wake?.()
  }
}
