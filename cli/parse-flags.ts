/** From arguments to the command, its flags and what it is about. */
import { parseArgs } from 'node:util'
import { DstoreError } from '../src/errors.ts'
import { COMMON_FLAGS, FLAGS, flagOf } from './flags.ts'
import type { FlagName, Flags } from './flags.ts'
import { nearest } from './suggest.ts'

/**
 * The command, then its flags and arguments, with the flags before it moved behind it:
 * `dstore --dir X status` is `dstore status --dir X`.
 */
export function splitCommand(args: readonly string[]): [command: string | undefined, ...string[]] {
  let at = 0
  while (args[at]?.startsWith('-') === true) {
    const flag = flagOf(args[at]!)
    if (flag === undefined) break
    at += flag.type === 'string' && !args[at]!.includes('=') ? 2 : 1
  }
  return [args[at], ...args.slice(0, at), ...args.slice(at + 1)]
}

/** Flags and arguments of one command; `usage` for a flag that it does not take. */
export function parseFlags(
  command: string,
  names: readonly FlagName[],
  args: readonly string[],
): { readonly flags: Flags; readonly positionals: string[]; readonly raw: boolean } {
  const options = Object.fromEntries(
    names.map((name) => {
      const { type, short, multiple } = FLAGS[name]
      return [name, { type, ...(short && { short }), ...(multiple && { multiple }) }]
    }),
  )
  try {
    const { values, positionals, tokens } = parseArgs({
      args: joined(args),
      options,
      allowPositionals: true,
      tokens: true,
    })
    for (const token of tokens) if (token.kind === 'option') checkValue(command, token, values)
    return { flags: outputOf(values), positionals, raw: values['output'] === '-' }
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error
    throw new DstoreError('usage', `${command}: ${firstSentence(message)}`, {
      cause: error,
      hint: hintAtDash(args, message, names) ?? hintFor(command, names, message),
    })
  }
}

interface Given {
  readonly name: string
  readonly rawName: string
  readonly value?: string | undefined
}

/**
 * Throws `usage` for an empty path, which would be the working directory, and for a value that a
 * later one replaces: its work would not be done. An alias may have a common flag of its own.
 */
function checkValue(
  command: string,
  { name, rawName, value }: Given,
  values: Readonly<Record<string, unknown>>,
): void {
  const { takes, multiple } = FLAGS[name as FlagName]
  if (value === '' && (takes === 'file' || takes === 'folder')) {
    throw new DstoreError('usage', `${command}: ${rawName} is empty`)
  }
  if (multiple === true || value === undefined || value === values[name]) return
  if (COMMON_FLAGS.includes(name as FlagName)) return
  throw new DstoreError('usage', `${command}: ${rawName} is given twice, and takes one value`)
}

/** The same flags; `-o -` is standard output, as without the flag (R007-26). */
function outputOf({ output, ...others }: Flags): Flags {
  return output === undefined || output === '-' ? others : { ...others, output }
}

/** The arguments before `--`: what follows belongs to another program. */
export function ownOf(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--')
  return end === -1 ? args : args.slice(0, end)
}

/** Joins `--range -100`, the last hundred bytes: `parseArgs` would take -100 for flags. */
function joined(args: readonly string[]): string[] {
  const at = ownOf(args).indexOf('--range')
  const value = args[at + 1]
  if (at === -1 || value === undefined || !/^-\d/.test(value)) return [...args]
  return [...args.slice(0, at), `--range=${value}`, ...args.slice(at + 2)]
}

function firstSentence(message: string): string {
  const sentence = message.split(/\.\s|\.$|\n/)[0]!
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}

/** How to write an argument that begins with a dash. */
function hintAtDash(
  args: readonly string[],
  message: string,
  names: readonly FlagName[],
): string | undefined {
  const flag = /'(--?[\w-]+)[^']*' argument is ambiguous/.exec(message)?.[1]
  if (flag !== undefined) {
    const name = Object.entries(FLAGS).find(([, { short }]) => flag === `-${short}`)?.[0]
    const value = args[args.indexOf(flag) + 1] ?? ''
    return `for a value that begins with a dash, write ${name ? `--${name}` : flag}=${value}`
  }
  const letter = /Unknown option '-([^-'])/.exec(message)?.[1]
  if (letter === undefined) return undefined
  const own = names.find((name) => name.startsWith(letter))
  const meant = own === undefined ? '' : `did you mean --${own}? or `
  return `${meant}write -- before arguments that begin with a dash`
}

function hintFor(command: string, names: readonly FlagName[], message: string): string {
  const unknown = /Unknown option '--([^']*)'/.exec(message)?.[1]
  const near = unknown === undefined ? undefined : nearest(unknown, names)
  return near === undefined ? `see \`dstore ${command} --help\`` : `did you mean --${near}?`
}
