/**
 * What a person sees. The rules (R007-20, R007-21): stdout carries data and nothing else; an error is one line, and at
 * most one more that says what to do; notes and progress go to stderr and can be silenced; progress is for a terminal
 * and for work that lasts. No colours. `--verbose` adds what is asked of the daemon, and the causes of an error.
 */
import { writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { DstoreError } from '../../src/errors.ts'
import { printable } from '../../src/daemon/process/log.ts'
import { standardOutput } from './output.ts'
import type { Output } from './output.ts'
import { ProgressLine } from './progress.ts'

/** How much of what is said, and for whom. */
export interface Manner {
  readonly quiet: boolean
  readonly verbose: boolean
  /** Facts are for a program. */
  readonly json: boolean
}

export class Terminal {
  #quiet = false
  #verbose = false
  #json = false
  #output: Output | undefined
  #progress: ProgressLine | undefined

  /** Are facts wanted as JSON? */
  get json(): boolean {
    return this.#json
  }

  configure({ quiet, verbose, json }: Manner): void {
    this.#quiet = quiet
    this.#verbose = verbose
    this.#json = json
  }

  /** Standard output, for bytes. */
  get output(): Output {
    return (this.#output ??= standardOutput())
  }

  /** Data: one line on stdout. The exit code of success. */
  async print(line: string): Promise<0> {
    await this.output.write(Buffer.from(`${line}\n`))
    return 0
  }

  /** Data: the document as JSON where that was asked for, else the line. */
  async printFact(document: unknown, line: string): Promise<void> {
    await this.print(this.#json ? JSON.stringify(document) : line)
  }

  /** What is printed next replaces what is seen, where stdout is a terminal and no program reads it. */
  async clearScreen(): Promise<void> {
    if (isatty(1) && !this.#json) await this.output.write(Buffer.from('\u001b[H\u001b[J'))
  }

  /** Something worth knowing that nobody asked for. */
  note(text: string): void {
    if (!this.#quiet) this.#toPeople(`${text}\n`)
  }

  /** What goes on, for those who asked for it. */
  detail(text: string): void {
    if (this.#verbose) this.#toPeople(`${printable(text)}\n`)
  }

  /** What went wrong, and with which argument where there are several. */
  fail({ code, message, hint, cause }: DstoreError, argument?: string): void {
    const named = argument === undefined || message.includes(argument)
    const about = named ? '' : `${argument}: `
    const what = code === 'internal' ? `internal error: ${message}` : message
    this.#toPeople(`dstore: ${printable(about + what)}\n`)
    if (hint !== undefined) this.#toPeople(`hint: ${printable(hint)}\n`)
    for (let next = cause; next instanceof Error; next = next.cause) {
      this.detail(`cause: ${next.name}: ${next.message}`)
    }
  }

  /** Run `work` with a progress line, which is shown only to people who watch a terminal (R007-20). */
  async withProgress<T>(label: string, work: (line: ProgressLine) => Promise<T>): Promise<T> {
    const isHidden = this.#quiet || this.#json || Boolean(process.env['CI']) || !isatty(2)
    const write = isHidden ? undefined : (text: string): void => this.#write(text)
    const line = (this.#progress = new ProgressLine(printable(label), write))
    try {
      return await work(line)
    } finally {
      line.end()
    }
  }

  close(): void {
    this.#progress?.end()
  }

  #toPeople(text: string): void {
    this.#progress?.end()
    this.#write(text)
  }

  #write(text: string): void {
    try {
      writeSync(2, text)
    } catch {
      // Nobody reads it; the exit code says the same.
    }
  }
}
