/** `dstore completion`: the script for a shell, and the completions that it asks for (R007-66). */
import { DstoreError } from '../../src/errors.ts'
import type { CommandTable, Invocation } from '../command.ts'
import { COMPLETION_MS, namesAndKeys } from '../completion/names-and-keys.ts'
import { FILES, FOLDERS, MARK, SHELLS } from '../completion/shells.ts'
import { FLAGS } from '../flags.ts'
import type { Flag, FlagName } from '../flags.ts'
import { TOPICS } from '../help/topics.ts'
import { findDaemon } from '../session.ts'
import { SETTINGS } from './node/settings-table.ts'

/** Commands whose arguments are names and keys of values that exist. */
const TAKE_REFERENCES: ReadonlySet<string> = new Set(
  'get path has stat name tag rm prefetch pin unpin evict ls export rule'.split(' '),
)

/** Commands whose arguments are files. */
const TAKE_FILES: ReadonlySet<string> = new Set('put cid import join hf'.split(' '))

/** What the first argument of some commands can be. */
const ACTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ['rule', ['set', 'ls', 'rm']],
  ['token', ['add', 'ls', 'rm']],
  ['members', ['add', 'rm']],
  ['set', ['status', 'step-down']],
  ['hf', ['publish']],
  ['config', ['show', 'get', 'set', 'unset']],
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

/**
 * Completions of the last of the words that follow `dstore`; none if it is free text. `search`
 * returns the names and keys that begin with its argument.
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
  if (name === 'help') return matching([...names, ...Object.keys(TOPICS)])
  if (name === 'completion') return matching(Object.keys(SHELLS))
  if (!Object.hasOwn(commands, name)) return []
  const { flags } = commands[name]!
  // What follows belongs to the program that `path --exec` runs.
  if (name === 'path' && rest.slice(0, -1).includes('--')) return [FILES]
  // What begins with a hyphen is a flag, unless it comes after `--`.
  const mayBeFlag = !rest.slice(0, -1).includes('--')
  const searched = async (prefix: string): Promise<readonly string[]> =>
    (await search(prefix)).filter((one) => !mayBeFlag || !one.startsWith('-'))
  const before = mayBeFlag ? flagIn(rest.at(-2), flags) : undefined
  if (before !== undefined) return valuesOf(before, typed, search)
  const [, joined = '', value = ''] = /^(--[\w-]+=)(.*)$/s.exec(typed) ?? []
  const of = mayBeFlag ? flagIn(joined.slice(0, -1), flags) : undefined
  if (of !== undefined) {
    const found = await valuesOf(of, value, search)
    return found.map((one) => (one.startsWith(MARK) ? one : joined + one))
  }
  if (mayBeFlag && typed.startsWith('-'))
    return matching([...flags.map((flag) => `--${flag}`), '--help'])
  const actions = ACTIONS.get(name)
  if (actions !== undefined && rest.length === 1) return matching(actions)
  if (name === 'config') {
    if (rest.length === 2) return matching(Object.keys(SETTINGS))
    return rest[0] === 'set' ? valuesOfSetting(rest[1]!, typed, search) : []
  }
  if (TAKE_REFERENCES.has(name)) return searched(typed)
  return TAKE_FILES.has(name) ? [FILES] : []
}

/** What a value of this flag may be, as far as it is typed. */
async function valuesOf(
  { takes, multiple, type }: Flag,
  typed: string,
  search: (prefix: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  if (type === 'boolean' || takes === undefined) return []
  if (takes === 'file') return [FILES]
  if (takes === 'folder') return [FOLDERS]
  if (takes === 'reference') return search(typed)
  // Several of them have commas between.
  const before = multiple === true ? typed.slice(0, typed.lastIndexOf(',') + 1) : ''
  return takes.map((one) => before + one).filter((one) => one.startsWith(typed))
}

/** What `config set` takes for a setting. */
async function valuesOfSetting(
  name: string,
  typed: string,
  search: (prefix: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  if (!Object.hasOwn(SETTINGS, name)) return []
  const matching = (all: readonly string[]): string[] => all.filter((one) => one.startsWith(typed))
  // The flag `--role` is for the role of a member.
  if (name === 'role') return matching(['standalone', 'global'])
  if (SETTINGS[name]!.byDefault === 'no') return matching(['yes'])
  return valuesOf(FLAGS[name as FlagName], typed, search)
}

/** The flag with a value that the word is; undefined for another word. */
function flagIn(word: string | undefined, flags: readonly FlagName[]): Flag | undefined {
  const name = flags.find((flag) => {
    const { type, short } = FLAGS[flag]
    const isWord = word === `--${flag}` || (short !== undefined && word === `-${short}`)
    return type === 'string' && isWord
  })
  return name && FLAGS[name]
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
