/** `dstore completion`: the script for a shell, and the completions that it asks for (R007-66). */
import { DstoreError } from '../../src/errors.ts'
import type { CommandTable, Invocation } from '../command.ts'
import { COMPLETION_MS, namesAndKeys } from '../completion/names-and-keys.ts'
import { SHELLS } from '../completion/shells.ts'
import { FLAGS } from '../flags.ts'
import type { FlagName } from '../flags.ts'
import { findDaemon } from '../session.ts'

/** Commands whose arguments are names and keys of values that exist. */
const TAKE_REFERENCES: ReadonlySet<string> = new Set(
  'get path has stat name tag rm prefetch pin unpin evict ls export rule'.split(' '),
)

/** What the first argument of some commands can be. */
const ACTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ['rule', ['set', 'ls', 'rm']],
  ['token', ['add', 'ls', 'rm']],
  ['members', ['add', 'rm']],
  ['set', ['status', 'step-down']],
  ['hf', ['publish']],
])

export async function completion(invocation: Invocation): Promise<number> {
  const { positionals, terminal, commands } = invocation
  const [what, ...words] = positionals as [string, ...string[]]
  if (what === 'words') {
    const search = (prefix: string): Promise<string[]> => searchDaemon(prefix, words, invocation)
    for (const found of await completionsOf(words, commands, search)) await terminal.print(found)
    return 0
  }
  if (words.length > 0 || !Object.hasOwn(SHELLS, what)) {
    throw new DstoreError('usage', `no such shell: ${positionals.join(' ')}`, {
      hint: `write one of ${Object.keys(SHELLS).join(', ')}`,
    })
  }
  return terminal.print(SHELLS[what]!)
}

/** By flag: the words that it takes. */
const CHOICES: ReadonlyMap<string, readonly string[]> = new Map([
  ['role', ['reader', 'writer', 'admin']],
  ['sort', ['name', 'size', 'time']],
  ['store', ['disk', 'memory']],
  ['format', ['tar']],
  ['type', ['model', 'dataset', 'space']],
  ['log-level', ['debug', 'info', 'warn', 'error']],
])

/**
 * Completions of the last of the words that follow `dstore`; none if it is a file or free text.
 * `search` returns the names and keys that begin with its argument.
 */
export async function completionsOf(
  words: readonly string[],
  commands: CommandTable,
  search: (prefix: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const [name = '', ...rest] = words
  const typed = rest.at(-1) ?? name
  const matching = (all: readonly string[]): string[] => all.filter((one) => one.startsWith(typed))
  const names = Object.keys(commands)
  if (rest.length === 0) return matching([...names, 'help'])
  if (name === 'help') return matching(names)
  if (name === 'completion') return matching(Object.keys(SHELLS))
  if (!Object.hasOwn(commands, name)) return []
  const { flags } = commands[name]!
  if (rest.at(-2) === '--tag' && flags.includes('tag')) return search(typed)
  const flag = flags.find((one) => rest.at(-2) === `--${one}`)
  const choices = CHOICES.get(flag ?? '')
  if (choices !== undefined) return matching(choices)
  if (takesValue(rest.at(-2), flags)) return []
  if (typed.startsWith('-')) return matching([...flags.map((flag) => `--${flag}`), '--help'])
  // What follows belongs to the program that `path --exec` runs.
  if (name === 'path' && rest.slice(0, -1).includes('--')) return []
  const actions = ACTIONS.get(name)
  if (actions !== undefined && rest.length === 1) return matching(actions)
  return TAKE_REFERENCES.has(name) ? search(typed) : []
}

/** Is the word one of these flags, so that the next word is its value? */
function takesValue(word: string | undefined, flags: readonly FlagName[]): boolean {
  return flags.some((flag) => {
    const { type, short } = FLAGS[flag]
    return (
      type === 'string' && (word === `--${flag}` || (short !== undefined && word === `-${short}`))
    )
  })
}

/** Ask the daemon that the words are for. None is started, and a slow one is not waited for. */
async function searchDaemon(
  prefix: string,
  words: readonly string[],
  invocation: Invocation,
): Promise<string[]> {
  const at = words.indexOf('--dir')
  const dir = at === -1 ? undefined : words[at + 1]
  const flags = dir === undefined ? invocation.flags : { ...invocation.flags, dir }
  const signal = AbortSignal.any([invocation.signal, AbortSignal.timeout(COMPLETION_MS)])
  const client = await findDaemon({ ...invocation, flags, signal })
  return client === undefined ? [] : namesAndKeys(client, prefix)
}
