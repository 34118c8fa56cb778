/** Statements that come in lines, each done before the next; what they answer and what goes wrong is said. */
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import { STATEMENT_CHARS } from '../../src/limits.ts'
import { VERSION } from '../../src/node/version.ts'
import { commonExit } from '../each.ts'
import { ClosedPipe } from '../terminal/output.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { answerTo } from './answers.ts'
import { HELP, parseStatement } from './statement.ts'
import type { Statement } from './statement.ts'
import type { Values } from './values.ts'
import { splitWords } from './words.ts'

/** Do something with values, over a connection that ends with it and with the signal. */
export type WithValues = <Result>(
  work: (values: Values) => Promise<Result>,
  signal: AbortSignal,
) => Promise<Result>

export class Dialogue {
  readonly #terminal: Pick<Terminal, 'print' | 'fail'>
  readonly #withValues: WithValues
  readonly #exits = new Set<number>()
  #text = ''
  #open: string | undefined
  #isOver = false

  constructor(terminal: Pick<Terminal, 'print' | 'fail'>, withValues: WithValues) {
    this.#terminal = terminal
    this.#withValues = withValues
  }

  /** Does the next line belong to a statement that has begun? */
  get isOpen(): boolean {
    return this.#open !== undefined
  }

  /** `.exit` was said. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Give up the statement that has begun. */
  giveUp(): void {
    this.#text = ''
    this.#open = undefined
  }

  /** One more line. Rejects only where nobody reads the answers. */
  async take(line: string, signal: AbortSignal): Promise<void> {
    this.#text += this.isOpen ? `\n${line}` : line
    if (this.#text.length > STATEMENT_CHARS) {
      this.giveUp()
      this.#fail(tooLong())
      return
    }
    // A line without quotes ends none: a long value is not read anew with each of its lines.
    if ((this.#open === "'" || this.#open === '"') && !/['"\\]/.test(line)) return
    const { words, open } = splitWords(this.#text)
    this.#open = open
    if (open !== undefined) return
    this.giveUp()
    try {
      const statement = parseStatement(words.map(({ text }) => text))
      this.#exits.add(await this.#perform(statement, signal))
    } catch (error) {
      if (error instanceof ClosedPipe) throw error
      this.#fail(asDstoreError(error))
    }
  }

  /** No more lines. The exit code: one for all statements, as of a command with as many arguments (R007-22). */
  end(): number {
    if (this.isOpen) this.#fail(new DstoreError('usage', 'the last statement is not finished'))
    return commonExit(this.#exits)
  }

  async #perform(statement: Statement, signal: AbortSignal): Promise<number> {
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
          (values) => answerTo(statement, values),
          signal,
        )
        await this.#terminal.print(text)
        return exit
      }
    }
  }

  #fail(fault: DstoreError): void {
    // Who cancels knows it.
    if (fault.code !== 'cancelled') this.#terminal.fail(fault)
    this.#exits.add(fault.kind.exit)
  }
}

/** A statement that nobody can mean. */
export function tooLong(): DstoreError {
  return new DstoreError('too-large', `a statement has at most ${STATEMENT_CHARS} characters`, {
    hint: 'store larger values with `dstore put`',
  })
}
