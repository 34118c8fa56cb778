/** `dstore path --exec`: holds the file while a program runs, and ends as it does. */
import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants as modes, statSync } from 'node:fs'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { ENDING_SIGNALS } from '../../../src/daemon/process/signals.ts'
import { systemFault } from '../../../src/errno.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { openPath } from './open-path.ts'

/** What stands for the path. */
const PLACE = '{}'

/** Exit codes of a program that cannot be run, as a shell has them. */
const NOT_EXECUTABLE = 126
const NO_SUCH_PROGRAM = 127
const SIGNALLED = 128

export async function execute(
  invocation: Invocation,
  text: string,
  command: readonly string[],
): Promise<number> {
  const { terminal, flags } = invocation
  if (flags.hold !== undefined) {
    throw new DstoreError('usage', 'path --exec holds the file while the program runs', {
      hint: 'leave out --hold',
    })
  }
  if (!command.some((word) => word.includes(PLACE))) {
    const example = `dstore path ${text} --exec -- ${command[0] ?? 'CMD'} {}`
    throw new DstoreError('usage', 'path --exec needs a program, and {} where the path belongs', {
      hint: `such as: ${example}`,
    })
  }
  // A stored program has the right to be executed in a copy only.
  const executable = command[0] === PLACE
  const held = await openPath(invocation, text, { executable })
  try {
    if (executable && held.kind === 'folder') {
      throw new DstoreError('usage', `${text} is a directory, and no program`, {
        hint: 'add the path of a file: KEY/path',
      })
    }
    const [program = '', ...args] = command.map((word) => word.replaceAll(PLACE, held.path))
    if (executable) checkExecutable(program)
    const gone = (): void => {
      const { message } = held.removed.reason as DstoreError
      terminal.note(`${text}: ${message}; the program keeps what it has opened`)
    }
    held.removed.addEventListener('abort', gone, { once: true })
    const code = await run(program, args, terminal)
    held.removed.removeEventListener('abort', gone)
    return code
  } finally {
    held.release()
  }
}

/** Throws `not-permitted` if the file system of the file forbids to execute it. */
function checkExecutable(path: string): void {
  try {
    accessSync(path, modes.X_OK)
  } catch (cause) {
    const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
    if ((mode & 0o100) === 0) return
    throw new DstoreError('not-permitted', `nothing may be executed where ${path} is (noexec)`, {
      cause,
      hint: 'start a Local with --cache-dir, another node with --dir, on another file system',
    })
  }
}

/** Runs a program with the terminal of this one, and returns its exit code. */
async function run(
  program: string,
  args: readonly string[],
  terminal: Invocation['terminal'],
): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit' })
  const restore = passSignals(child)
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(
      (resolve, reject) => {
        child.once('error', reject)
        child.once('exit', (...ended) => resolve(ended))
      },
    )
    return code ?? SIGNALLED + constants.signals[signal!]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES') checkExecutable(program)
    const reason = systemFault(error)?.reason ?? (error as Error).message
    terminal.fail(
      new DstoreError('unreadable', `cannot run ${program}: ${reason}`, { cause: error }),
    )
    return code === 'ENOENT' ? NO_SUCH_PROGRAM : NOT_EXECUTABLE
  } finally {
    restore()
  }
}

/**
 * While the program runs, signals are for it: this process waits for its end. A terminal sends its
 * own to both.
 */
function passSignals(child: ChildProcess): () => void {
  const restored: (() => void)[] = []
  for (const signal of ENDING_SIGNALS) {
    const own = process.listeners(signal)
    const fromTerminal = (signal === 'SIGINT' || signal === 'SIGQUIT') && isatty(0)
    const pass = (): void => {
      if (!fromTerminal) child.kill(signal)
    }
    process.removeAllListeners(signal)
    process.on(signal, pass)
    restored.push(() => {
      process.off(signal, pass)
      for (const listener of own) process.on(signal, listener)
    })
  }
  return () => {
    for (const restore of restored) restore()
  }
}
