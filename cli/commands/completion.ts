/** `dstore completion`: the script for a shell, and the words that such a script asks for (R007-66). */
import { DstoreError } from '../../src/errors.ts'
import { candidates } from '../completion/candidates.ts'
import { COMMANDS } from '../commands.ts'
import { FLAGS } from '../flags.ts'
import type { FlagName } from '../flags.ts'
import type { Invocation } from '../invocation.ts'
import { findDaemon } from '../session.ts'
import { SHELLS } from '../completion/shells.ts'

/** Who presses the tabulator key waits no longer for names. */
const PATIENCE_MS = 1000

/** Commands whose arguments are names and keys of values that exist. */
const OF_VALUES: ReadonlySet<string> = new Set(
  'get has stat name rm prefetch evict ls export'.split(' '),
)

export async function completion(invocation: Invocation): Promise<number> {
  const { positionals, terminal } = invocation
  const [what, ...words] = positionals as [string, ...string[]]
  if (what === 'words') {
    for (const word of await wordsFor(words, (prefix) => known(prefix, words, invocation))) {
      await terminal.print(word)
    }
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
 * What the last of the words that follow `dstore` may become. Nothing where it is a file, or something that cannot be
 * guessed. `known` gives the names and keys that begin with its argument.
 */
export async function wordsFor(
  words: readonly string[],
  known: (prefix: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const [name = '', ...rest] = words
  const typed = rest.at(-1)
  const beginning = (all: readonly string[], with_: string): string[] =>
    all.filter((one) => one.startsWith(with_))
  if (typed === undefined) return beginning([...Object.keys(COMMANDS), 'help'], name)
  if (name === 'help') return beginning(Object.keys(COMMANDS), typed)
  if (name === 'completion') return beginning(Object.keys(SHELLS), typed)
  if (!Object.hasOwn(COMMANDS, name)) return []
  const flags = COMMANDS[name]!.flags
  if (takesValue(rest.at(-2), flags)) return []
  if (typed.startsWith('-'))
    return beginning([...flags.map((flag) => `--${flag}`), '--help'], typed)
  return OF_VALUES.has(name) ? known(typed) : []
}

/** Is the word a flag of these, so that the next word is its value? */
function takesValue(word: string | undefined, flags: readonly FlagName[]): boolean {
  return flags.some((flag) => {
    const { type, short } = FLAGS[flag]
    return (
      type === 'string' && (word === `--${flag}` || (short !== undefined && word === `-${short}`))
    )
  })
}

/** From the daemon that the words are for; none is started, and one that does not answer is not waited for. */
async function known(
  prefix: string,
  words: readonly string[],
  invocation: Invocation,
): Promise<readonly string[]> {
  const at = words.indexOf('--dir')
  const dir = at === -1 ? undefined : words[at + 1]
  const flags = dir === undefined ? invocation.flags : { ...invocation.flags, dir }
  const signal = AbortSignal.any([invocation.signal, AbortSignal.timeout(PATIENCE_MS)])
  const client = await findDaemon({ ...invocation, flags, signal })
  try {
    return client === undefined ? [] : await candidates(client, prefix)
  } finally {
    client?.close()
  }
}
