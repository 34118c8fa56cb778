/** From arguments to an exit code (specs/007, "The command line"). */
import { problemOf } from '../src/daemon/api/problem.ts'
import { notifyParent } from '../src/daemon/process/readiness.ts'
import { PIPE_EXIT } from '../src/daemon/process/signals.ts'
import { DstoreError, ERRORS, asDstoreError } from '../src/errors.ts'
import { VERSION } from '../src/node/version.ts'
import { checkSystem } from '../src/platform.ts'
import { checkArguments, checkVariables } from './arguments.ts'
import type { Command } from './command.ts'
import { COMMANDS } from './commands.ts'
import { ownOf, parseFlags, splitCommand } from './parse-flags.ts'
import { interruptible } from './signals.ts'
import { commandMeant, nearest } from './suggest.ts'
import { ClosedPipe } from './terminal/output.ts'
import { Terminal } from './terminal/terminal.ts'

export async function main(args: readonly string[]): Promise<number> {
  const terminal = new Terminal()
  // Also of what is wrong with the flags, which are not read yet.
  terminal.configure({ json: ownOf(args).includes('--json') })
  const { signal, exitCode } = interruptible()
  const end = (code: number): number => exitCode(exitsOf(args)[code] ?? code)
  const fail = (error: unknown): number => {
    if (error instanceof ClosedPipe) return PIPE_EXIT
    const fault = asDstoreError(error)
    // Who sent a signal knows; a transfer that another command cancelled is news.
    if (fault.code !== 'cancelled' || !signal.aborted) {
      // Whatever keeps a daemon from starting, the command that waits for it says why (R007-10).
      if (splitCommand(args)[0] === 'daemon') {
        notifyParent({ ready: false, problem: problemOf(fault) })
      }
      terminal.fail(fault)
    }
    return end(fault.kind.exit)
  }
  // Node's own report has a stack trace, and an exit code that can mean something else.
  process.on('uncaughtException', (error) => process.exit(fail(error)))
  try {
    return end(await dispatch(args, terminal, signal))
  } catch (error) {
    return fail(error)
  } finally {
    terminal.close()
  }
}

/** The exit codes that mean something else for the command of these arguments. */
function exitsOf(args: readonly string[]): Readonly<Record<number, number>> {
  const [name = ''] = splitCommand(args)
  return (Object.hasOwn(COMMANDS, name) && COMMANDS[name]!.exits) || {}
}

const VERSION_WORDS: ReadonlySet<string> = new Set(['--version', '-V', 'version'])

async function dispatch(
  args: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  checkSystem()
  checkArguments(args)
  const [first, ...rest] = splitCommand(args)
  if (first === undefined) {
    if (args.length > 0) {
      throw new DstoreError('usage', `no command in: dstore ${args.join(' ')}`, {
        hint: 'flags follow a command, such as `dstore status`',
      })
    }
    const { overview } = await import('./help/help.ts')
    terminal.note(overview(COMMANDS, terminal.noteWidth))
    return ERRORS.usage.exit
  }
  if (VERSION_WORDS.has(first)) return terminal.print(`dstore ${VERSION}`)
  if (first === '--help' || first === '-h') {
    return showHelp(
      rest.find((arg) => Object.hasOwn(COMMANDS, arg)),
      terminal,
    )
  }
  if (first === 'help') return showHelp(rest[0], terminal)
  const command = find(first)
  if (ownOf(rest).some((arg) => arg === '--help' || arg === '-h')) return showHelp(first, terminal)
  const { flags, positionals, raw } = parseFlags(first, command.flags, rest)
  const [fewest, most] = command.positionals
  const least = flags['files-from'] === undefined ? fewest : 0
  if (positionals.length < least || positionals.length > most) {
    const forms = most === 0 ? 'no arguments' : command.usage.replaceAll('\n', ', or ')
    const stream = positionals.length === 0 && /\| -($|\n)/.test(command.usage)
    throw new DstoreError('usage', `${first} takes ${forms}`, {
      hint: `${stream ? '- is standard input; ' : ''}see \`dstore ${first} --help\``,
    })
  }
  const { quiet = false, verbose = false, json = false } = flags
  terminal.configure({ quiet, verbose, json, raw })
  checkVariables(process.env)
  // Before any work, whose result would be lost.
  if (command.isDoneUnread?.(flags) !== true) terminal.requireOutput()
  const run = await command.load()
  return run({ flags, positionals, terminal, signal, commands: COMMANDS })
}

/** Prints the page of a command or a topic, or the overview. */
async function showHelp(about: string | undefined, terminal: Terminal): Promise<number> {
  const { commandHelp, overview } = await import('./help/help.ts')
  if (about === undefined) return terminal.print(overview(COMMANDS, terminal.width))
  if (Object.hasOwn(COMMANDS, about)) {
    return terminal.print(commandHelp(COMMANDS[about]!, about, terminal.width))
  }
  const { TOPICS, topicHelp } = await import('./help/topics.ts')
  if (Object.hasOwn(TOPICS, about)) return terminal.print(topicHelp(about, terminal.width))
  const near = nearest(about, [...Object.keys(COMMANDS), ...Object.keys(TOPICS)])
  throw new DstoreError('usage', `no help on: ${about}`, {
    hint:
      near === undefined
        ? `see \`dstore --help\`; topics are ${Object.keys(TOPICS).join(', ')}`
        : `did you mean \`dstore help ${near}\`?`,
  })
}

function find(name: string): Command {
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name]!
  throw new DstoreError('usage', `no such command: ${name}`, { hint: hintAtCommand(name) })
}

function hintAtCommand(name: string): string {
  if (name === 'restart') return 'use `dstore stop`, then `dstore start`'
  const near = commandMeant(name) ?? nearest(name, Object.keys(COMMANDS))
  return near === undefined ? 'see `dstore --help`' : `did you mean \`dstore ${near}\`?`
}
