/** A machine of a page: a shell with a home directory of its own, in which variables persist. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync } from 'node:fs'
import type { Writable } from 'node:stream'

/**
 * Reads commands, each with a NUL behind it, from a descriptor that no command has: none can read
 * the next one as its input.
 */
const LOOP = String.raw`
exec 2>&1
last=0
again() { return "$last"; }
while IFS= read -r -d '' -u 3 command; do
  { again; eval "$command"; } 3<&-
  last=$?
  printf '\036%d\036\n' "$last"
done`

/** Only a command that hangs takes as long. */
const TOO_LONG_MS = 170_000

/** Stands on both sides of an exit code, which ends an output; no page prints it. */
const MARK = '\u001e'

export interface Result {
  /** Standard output and standard error, in the order in which they were written. */
  readonly output: string
  readonly exit: number
}

export class Machine {
  readonly #shell: ChildProcess
  readonly #input: Writable
  #printed = ''
  #isOver = false
  #wake = (): void => undefined

  /** @param home - Its home and working directory: is made. */
  constructor(home: string, PATH: string) {
    mkdirSync(`${home}/dist`, { recursive: true })
    cpSync('LICENSE', `${home}/LICENSE`)
    this.#shell = spawn('bash', ['--norc', '--noprofile', '-c', LOOP], {
      cwd: home,
      env: {
        PATH,
        HOME: home,
        LC_ALL: 'C.UTF-8',
        DSTORE_TEST_RUN: process.env['DSTORE_TEST_RUN'],
      },
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    })
    this.#input = this.#shell.stdio[3] as Writable
    this.#input.on('error', () => undefined)
    const output = this.#shell.stdout!
    output.on('data', (piece: Buffer) => {
      this.#printed += String(piece)
      this.#wake()
    })
    output.on('end', () => {
      this.#isOver = true
      this.#wake()
    })
  }

  /**
   * Run a command, or a script, of which every command must succeed. The exit code is -1 if the
   * shell ended, also because it was still busy after `TOO_LONG_MS`.
   */
  async run(command: string, isScript: boolean): Promise<Result> {
    this.#printed = ''
    this.#input.write(`${isScript ? `set -eu\n${command}\nset +eu` : command}\0`)
    const timer = setTimeout(() => this.#shell.kill('SIGKILL'), TOO_LONG_MS)
    try {
      for (;;) {
        const [output = '', exit, rest] = this.#printed.split(MARK)
        if (exit !== undefined && rest === '\n') return { output, exit: Number(exit) }
        if (this.#isOver) return { output: `${this.#printed}(the shell ended)\n`, exit: -1 }
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      clearTimeout(timer)
    }
  }

  async close(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return
    const ended = once(this.#shell, 'exit')
    this.#input.end()
    await ended
  }
}
