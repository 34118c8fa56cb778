/** `dstore rm`: remove values and names everywhere, acknowledged by Locals (R007-31). */
import { asDstoreError, DstoreError, ERRORS } from '../../src/errors.ts'
import type { RemoveAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import type { Acknowledgement } from '../../src/node/node.ts'
import type { TreeWord } from '../../src/tree/read/tree-word.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { explainNotFound } from '../input/key-fault.ts'
import { parseReferences } from '../input/references.ts'
import { askForKey } from '../input/spelling.ts'
import { useDaemon } from '../session.ts'
import { byId, memberNames, type NameOf } from '../terminal/member-names.ts'
import { plural, type Terminal } from '../terminal/terminal.ts'

export async function rm(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal } = invocation
  const { verbose } = terminal
  const { force = false, 'name-only': nameOnly = false } = flags
  const references = await parseReferences(positionals)
  for (const { text, type } of references.values()) {
    if (type === 'path') throw belowDirectory(text)
    if (nameOnly && type === 'key') throw new DstoreError('usage', `not a name but a key: ${text}`)
  }
  const client = await useDaemon(invocation)
  const namesFor = ({ acknowledged, owed, expired }: Acknowledgement): Promise<NameOf> =>
    memberNames(client, terminal.json ? [] : [...acknowledged, ...owed, ...expired], flags.verbose)
  return forEachArgument(positionals, terminal, async (text) => {
    if (references.get(text)!.type === 'key') {
      const removed = await client.remove(text, force)
      const { names, acknowledged } = removed
      const nameOf = await namesFor(removed)
      const lists = {
        'names unbound': names.toSorted().join(' '),
        'acknowledged by': localsText(acknowledged, nameOf, verbose),
      }
      return printRemoval(terminal, removed, removedText(removed, { verbose }), lists, nameOf)
    }
    const unbound = await client.unbind(text, nameOnly).catch(async (error: unknown) => {
      const word = await directoryAt(client, text, error)
      if (word === undefined) throw await askForKey(text, await explainNotFound(text, error))
      if (word.path.length > 0) throw belowDirectory(text)
      const hint = `the name has no slash at its end: dstore rm ${word.root}`
      throw new DstoreError('not-found', `no such name: ${text}`, { hint })
    })
    const { name, key, seq, acknowledged } = unbound
    const nameOf = await namesFor(unbound)
    const lists = { 'acknowledged by': localsText(acknowledged, nameOf, verbose) }
    const change = verbose ? ` (seq ${seq})` : ''
    const what =
      key === undefined
        ? `unbound ${name}${change}`
        : removedText({ ...unbound, key }, { name, verbose })
    const code = await printRemoval(terminal, unbound, what, lists, nameOf)
    if (key === undefined && !nameOnly) terminal.note(KEPT)
    return code
  })
}

/** The directory that a text with a slash leads to or below, if no such name is bound. */
async function directoryAt(
  client: Client,
  text: string,
  error: unknown,
): Promise<TreeWord | undefined> {
  if (asDstoreError(error).code !== 'not-found' || !text.includes('/')) return undefined
  const { findWord } = await import('../tree/open-tree.ts')
  return findWord(client, text).catch(() => undefined)
}

function belowDirectory(text: string): DstoreError {
  return new DstoreError('usage', `${text} is below a directory, which does not change`, {
    hint: '`dstore stat` prints its key: `dstore rm KEY --force` removes that value everywhere',
  })
}

const GOES_ON = 'the rest is removed in the background; repeat the command to wait for it'

/** Why a value stays when a name of it goes. */
const KEPT =
  'its value stays: it has other names, or was put without a name, too; `dstore rm KEY` removes it'

/**
 * What went, and how much of a directory, whose removal takes its time (R007-266): `removed
 * models/v1 and its value (6.57MiB freed)`. `verbose` adds the key and the number of the change.
 */
export function removedText(
  { key, seq, freedBytes, tree }: RemovedFacts,
  { name, verbose = false }: { readonly name?: string; readonly verbose?: boolean } = {},
): string {
  const facts = `(${verbose ? `seq ${seq}, ` : ''}${formatSize(freedBytes)} freed)`
  const value = `its ${tree === undefined ? 'value' : 'directory'}${verbose ? ` ${key}` : ''}`
  const only = name === undefined ? key : `${name} and ${value}`
  if (tree === undefined) return `removed ${only} ${facts}`
  const { removed, most, complete } = tree
  if (!complete) {
    return `decided to remove ${only}: ${removed} of at most ${plural(most, 'value')} removed ${facts}`
  }
  if (removed <= 1) return `removed ${only} ${facts}`
  const first = name === undefined ? key : `${name}, ${value}`
  return `removed ${first} and ${plural(removed - 1, 'value')} below it ${facts}`
}

/** How many Locals; `verbose` names them. Empty for none. */
export function localsText(peers: readonly string[], nameOf: NameOf, verbose: boolean): string {
  if (peers.length === 0) return ''
  return verbose ? peers.map(nameOf).toSorted().join(' ') : plural(peers.length, 'Local')
}

type RemovedFacts = Pick<RemoveAnswer, 'key' | 'seq' | 'freedBytes' | 'tree'>

/**
 * Print a removal, with `lists` and the Locals that still owe an acknowledgement. The exit code is
 * `partial` while a Local owes one, or some of a directory is still to be removed.
 */
export async function printRemoval(
  terminal: Pick<Terminal, 'printFact' | 'note'>,
  removed: Acknowledgement,
  what: string,
  lists: Readonly<Record<string, string>>,
  nameOf: NameOf = byId,
): Promise<number> {
  const { owed, expired, tree } = removed
  const named = (peers: readonly string[]): string => peers.map(nameOf).toSorted().join(' ')
  const all = { ...lists, 'lease ran out at': named(expired), 'still owed by': named(owed) }
  const text = Object.entries(all)
    .filter(([, items]) => items !== '')
    .map(([label, items]) => `; ${label} ${items}`)
  await terminal.printFact(removed, what + text.join(''))
  const isWhole = tree?.complete !== false
  if (!isWhole) terminal.note(GOES_ON)
  return owed.length === 0 && isWhole ? 0 : ERRORS.partial.exit
}
