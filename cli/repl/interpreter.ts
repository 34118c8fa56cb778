/** Executes statements line by line, prints answers and reports failures (R007-63). */
import { DstoreError } from '../../src/errors.ts'
import { STATEMENT_CHARS } from '../../src/limits.ts'
import { VERSION } from '../../src/node/version.ts'
import { ExitCodes } from '../exit-code.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { execute } from './execute.ts'
import { splitWords } from './quoting.ts'
import { HELP, parseStatement } from './statement.ts'
import type { Statement } from './statement.ts'
import type { Values } from './values.ts'

/** Runs `work` over a connection that is closed after it, and aborted by the signal. */
export type WithValues = <Result>(
  work: (values: Values) => Promise<Result>,
  signal: AbortSignal,
) => Promise<Result>

export class Interpreter {
  readonly #terminal: Pick<Terminal, 'print' | 'fail'>
  readonly #withValues: WithValues
  readonly #codes: ExitCodes
  #text = ''
  #open: string | undefined
  #isOver = false

  constructor(terminal: Pick<Terminal, 'print' | 'fail'>, withValues: WithValues) {
    this.#terminal = terminal
    this.#withValues = withValues
    this.#codes = new ExitCodes(terminal)
  }

  /** Does the next line continue a statement? */
  get isOpen(): boolean {
    return this.#open !== undefined
  }

  /** Was `.exit` executed? */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Drop the unfinished statement. */
  discard(): void {
    this.#text = ''
    this.#open = undefined
  }

  /** Take one line; execute the statement that it ends. Rejects only for a closed pipe. */
  async take(line: string, signal: AbortSignal): Promise<void> {
    this.#text += this.isOpen ? `\n${line}` : line
    if (this.#text.length > STATEMENT_CHARS) {
      this.discard()
      this.#codes.fail(tooLong())
      return
    }
    // Without a quote no line ends the statement. Splitting again at each line would be quadratic.
    if ((this.#open === "'" || this.#open === '"') && !/['"\\]/.test(line)) return
    const { words, open } = splitWords(this.#text)
    this.#open = open
    if (open !== undefined) return
    this.discard()
    try {
      const statement = parseStatement(words.map(({ text }) => text))
      this.#codes.add(await this.#execute(statement, signal))
    } catch (error) {
      this.#codes.fail(error)
    }
  }

  /** The input has ended. Returns the common exit code of all statements (R007-22). */
  end(): number {
    if (this.isOpen) this.#codes.fail(new DstoreError('usage', 'the last statement is incomplete'))
    return this.#codes.common
  }

  async #execute(statement: Statement, signal: AbortSignal): Promise<number> {
    switch (statement.do) {
      case 'nothing':
        return 0
      case 'exit':
        this.#isOver = true
        return 0
      case 'help':
        return this.#terminal.print(HELP)
      case 'version':
        return this.#terminal.print(`dstore ${VERSION}`)
      default: {
        const { text, exit } = await this.#withValues(
          (values) => execute(statement, values),
          signal,
        )
        await this.#terminal.print(text)
        return exit
      }
    }
  }
}

/** The error for a statement that exceeds `STATEMENT_CHARS`. */
export function tooLong(): DstoreError {
  return new DstoreError('too-large', `a statement has at most ${STATEMENT_CHARS} characters`, {
    hint: 'store larger values with `dstore put`',
  })
}
