/**
 * Everything a command prints (R007-20, R007-21): stdout carries only data; an error is one line on
 * stderr, and at most one more with a hint; notes and progress go to stderr and can be silenced. No
 * colours. `--verbose` adds the requests to the daemon and the causes of an error.
 */
import { writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { DstoreError } from '../../src/errors.ts'
import { printable } from '../../src/daemon/process/log.ts'
import { columnsFor, wrap } from '../help/wrap.ts'
import { safeLines } from '../wording.ts'
import { standardOutput } from './output.ts'
import type { Output } from './output.ts'
import { ProgressLine } from './progress.ts'
import { isClosed } from './standard-streams.ts'

/** What to print. */
export interface Verbosity {
  readonly quiet: boolean
  readonly verbose: boolean
  /** Print facts as JSON. */
  readonly json: boolean
  /** Write values to a terminal as they are: `-o -`. */
  readonly raw: boolean
}

export class Terminal {
  #quiet = false
  #verbose = false
  #json = false
  #raw = false
  #output: Output | undefined
  #progress: ProgressLine | undefined

  /** Are facts printed as JSON? */
  get json(): boolean {
    return this.#json
  }

  get verbose(): boolean {
    return this.#verbose
  }

  /** The clock, where a person reads standard output; undefined for a program. */
  get now(): number | undefined {
    return this.columns === undefined ? undefined : Date.now()
  }

  /** Are values written to a terminal as they are? */
  get raw(): boolean {
    return this.#raw
  }

  configure({
    quiet = false,
    verbose = false,
    json = false,
    raw = false,
  }: Partial<Verbosity>): void {
    this.#quiet = quiet
    this.#verbose = verbose
    this.#json = json
    this.#raw = raw
  }

  /** Standard output, for bytes. */
  get output(): Output {
    return (this.#output ??= standardOutput())
  }

  /** Throws `unwritable` if standard output is closed. */
  requireOutput(): void {
    void this.output
  }

  /** Print data: one line on stdout. Returns the exit code of success. */
  async print(line: string): Promise<0> {
    if (isatty(1)) this.#progress?.clear()
    await this.write(`${line}\n`)
    return 0
  }

  /** Print data: text with its line ends, which a terminal gets escaped (R007-459). */
  async write(text: string): Promise<void> {
    const shown = this.columns === undefined ? text : safeLines(text)
    await this.output.write(Buffer.from(shown))
  }

  /** Print data: the document with `--json`, else the line. */
  async printFact(document: unknown, line: string): Promise<void> {
    await this.print(this.#json ? JSON.stringify(document) : line)
  }

  /** As `printFact`, for a command whose work does not depend on who reads it. */
  async announce(document: unknown, line: string): Promise<void> {
    if (!isClosed(1)) await this.printFact(document, line)
  }

  /** Clear the screen, unless stdout is read by a program. */
  async clearScreen(): Promise<void> {
    if (isatty(1) && !this.#json && !isDumb()) {
      await this.output.write(Buffer.from('\u001b[H\u001b[J'))
    }
  }

  /** The width of the terminal that stdout is; undefined if a program reads it. */
  get columns(): number | undefined {
    return isatty(1) && !this.#json ? process.stdout.columns || 80 : undefined
  }

  /** The width to write help for. */
  get width(): number {
    return columnsFor(this.columns, process.env)
  }

  /** The same where notes and errors go. */
  get noteWidth(): number {
    return columnsFor(isatty(2) ? process.stderr.columns : undefined, process.env)
  }

  /** The height of the terminal that stdout is; undefined if a program reads it. */
  get rows(): number | undefined {
    return isatty(1) && !this.#json ? process.stdout.rows || undefined : undefined
  }

  /** A note: worth knowing, but not the result. */
  note(text: string): void {
    if (!this.#quiet) this.#writeMessage(text)
  }

  /** A detail, printed only with `--verbose`. */
  detail(text: string): void {
    if (this.#verbose) this.#writeMessage(printable(text))
  }

  /** Report an error; name the `argument` that failed, if there are several. */
  fail(fault: DstoreError, argument?: string): void {
    if (this.#json) return this.#failAsDocument(fault, argument)
    const { code, message, hint, cause } = fault
    const named = argument === undefined || message.includes(argument)
    const about = named ? '' : `${argument}: `
    const what = code === 'internal' ? `internal error: ${message}` : message
    this.#writeMessage(`dstore: ${printable(about + what)}`)
    if (hint !== undefined) this.#writeMessage(`hint: ${printable(hint)}`)
    for (let next = cause; next instanceof Error; next = next.cause) {
      this.detail(`cause: ${next.name}: ${next.message}`)
    }
  }

  /** R007-441: one line, as `documents.yaml` describes it. */
  #failAsDocument({ code, message, hint, kind }: DstoreError, argument?: string): void {
    const error = { code, message, retry: kind.retry, argument, hint }
    this.#progress?.clear()
    this.#write(`${JSON.stringify({ error })}\n`)
  }

  /** Run `work` with a progress line, which only a terminal shows (R007-20). */
  async withProgress<T>(label: string, work: (line: ProgressLine) => Promise<T>): Promise<T> {
    const isSilent = this.#quiet || this.#json || Boolean(process.env['CI'])
    const isHidden = isSilent || isDumb() || !isatty(2)
    const write = isHidden ? undefined : (text: string): void => this.#write(text)
    const line = (this.#progress = new ProgressLine(label, write))
    try {
      return await work(line)
    } finally {
      line.end()
    }
  }

  close(): void {
    this.#progress?.end()
  }

  /** A program that reads it gets one line (R007-21); on a terminal, words stay whole. */
  #writeMessage(text: string): void {
    this.#progress?.clear()
    this.#write(`${isatty(2) ? wrap(safeLines(text), this.noteWidth, '  ') : text}\n`)
  }

  #write(text: string): void {
    try {
      writeSync(2, text)
    } catch {
      // A closed stderr: the exit code still tells.
    }
  }
}

/** Does the terminal say that it knows no control sequences, as a shell within an editor does? */
const isDumb = (): boolean => process.env['TERM'] === 'dumb'

/** `1 value`, `2 values`, `2 entries`. */
export function plural(count: number, noun: string): string {
  if (count === 1) return `1 ${noun}`
  if (/(s|x|ch|sh)$/.test(noun)) return `${count} ${noun}es`
  return `${count} ${/[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ie` : noun}s`
}
