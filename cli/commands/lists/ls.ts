/** `ls`: lists names and keys, and what a directory has. */
import { isatty } from 'node:tty'
import type { NameLine, StatusAnswer } from '../../../src/daemon/api/api.ts'
import type { Client } from '../../../src/daemon/client/client.ts'
import { asDstoreError, DstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import type { Flags } from '../../flags.ts'
import { parseReferences } from '../../input/references.ts'
import { maySpell, spelledKey } from '../../input/spelling.ts'
import { useDaemon } from '../../session.ts'
import { inactiveText } from '../../terminal/status-text.ts'
import { plural, type Terminal } from '../../terminal/terminal.ts'
import { writeLines } from './lines.ts'
import { longName } from './long-name.ts'
import { choiceOf, chosen, type Choice } from './order.ts'

export async function ls(invocation: Invocation): Promise<number> {
  const { flags, positionals, terminal } = invocation
  const [prefix] = positionals
  const choice = choiceOf(flags)
  check(flags, prefix, choice)
  const client = await useDaemon(invocation)
  const isKey = await startsWithKey(prefix)
  if (flags.tree === true || isKey) {
    refuseChoice(choice, 'a directory')
    const spelled = isKey ? undefined : await keyFrom(client, prefix!, true)
    return listDirectory(invocation, client, spelled ?? prefix!)
  }
  const isEmpty =
    flags.keys === true
      ? await listKeys(client, terminal)
      : !(await listNames(invocation, client, choice))
  // Nothing is bound below a name of a directory: a prefix that ends below one lists that.
  const mayLeadBelow = isEmpty && prefix?.includes('/') === true
  if (mayLeadBelow && (await isBelowName(client, prefix))) {
    refuseChoice(choice, 'a directory')
    return listDirectory(invocation, client, prefix)
  }
  const spelled = isEmpty && prefix !== undefined ? await keyFrom(client, prefix) : undefined
  if (spelled !== undefined) {
    refuseChoice(choice, 'a directory')
    return listDirectory(invocation, client, spelled)
  }
  await mentionDirectory(client, isEmpty ? undefined : prefix, terminal)
  const isAll = prefix === undefined && choice.match === undefined
  const hasDigests = isEmpty && flags.keys !== true && isAll && (await hasDigestNames(client))
  const why = flags.keys === true ? undefined : whyNoNames(prefix, choice.match, hasDigests)
  await mention(client, isEmpty, terminal, why)
  return 0
}

function check(flags: Flags, prefix: string | undefined, choice: Choice): void {
  if (flags.keys === true) {
    if (prefix !== undefined) throw new DstoreError('usage', 'ls --keys takes no prefix')
    if (flags.long === true)
      throw new DstoreError('usage', 'ls --keys takes no -l', {
        hint: 'with --json each key has its size',
      })
    refuseChoice(choice, 'keys')
  }
  if (flags.tree !== true || prefix !== undefined) return
  throw new DstoreError('usage', 'ls --tree lists a directory', {
    hint: 'give its key, or a name and a slash: dstore ls --tree NAME/',
  })
}

function refuseChoice({ match, limit, sort }: Choice, what: string): void {
  if ((match ?? limit ?? sort) === undefined) return
  throw new DstoreError('usage', `--match, --limit and --sort are for names, not for ${what}`)
}

/** Prints every key; was there none? */
async function listKeys(client: Client, terminal: Terminal): Promise<boolean> {
  let isEmpty = true
  for await (const lines of client.lists.keyLines(terminal.json)) {
    isEmpty = false
    await terminal.output.write(lines)
  }
  return isEmpty
}

/** Prints the names; was there one? */
async function listNames(
  { flags, positionals, terminal }: Invocation,
  client: Client,
  { match, limit, sort }: Choice,
): Promise<boolean> {
  const { json, now } = terminal
  const [prefix] = positionals
  // A person gets each line escaped, a program the bytes of the daemon.
  if (sort === undefined && (json || flags.long !== true) && now === undefined) {
    let isAny = false
    for await (const lines of client.lists.nameLines(prefix, json, { match, limit })) {
      isAny = true
      await terminal.output.write(lines)
    }
    return isAny
  }
  const longOf = (line: NameLine): string => longName(line, now)
  const lineOf = json ? jsonOf : flags.long === true ? longOf : nameOf
  if (sort === undefined) {
    return writeLines(terminal, client.names(prefix, { match, limit }), lineOf)
  }
  // The largest, or the newest, may be the last.
  const all = client.names(prefix, { match })
  return writeLines(terminal, await chosen(all, COMPARE[sort], limit), lineOf)
}

const jsonOf = (line: NameLine): string => JSON.stringify(line)

const nameOf = ({ name }: NameLine): string => name

/** Names that compare as equal stay in the order of names. */
const COMPARE = {
  size: (a: NameLine, b: NameLine) => (b.size ?? 0) - (a.size ?? 0),
  time: (a: NameLine, b: NameLine) => timeOf(b) - timeOf(a),
} as const

const timeOf = ({ boundAt }: NameLine): number => (boundAt === undefined ? 0 : Date.parse(boundAt))

async function startsWithKey(prefix: string | undefined): Promise<boolean> {
  if (prefix === undefined) return false
  const reference = (await parseReferences([prefix])).get(prefix)!
  return reference.type !== 'name'
}

/** Does it lead to a directory, or below one? */
export async function isBelowName(client: Client, prefix: string): Promise<boolean> {
  const { findWord } = await import('../../tree/open-tree.ts')
  try {
    return (await findWord(client, prefix)).key.kind === 'directory'
  } catch (error) {
    if (['not-found', 'usage', 'malformed-key'].includes(asDstoreError(error).code)) return false
    throw error
  }
}

/** The key that a prefix spells with which no name begins, or, if so said, which is no name. */
async function keyFrom(
  client: Client,
  prefix: string,
  isWord = false,
): Promise<string | undefined> {
  if (!maySpell(prefix)) return undefined
  if (isWord && (await isBelowName(client, prefix))) return undefined
  return spelledKey(() => client, prefix)
}

async function listDirectory(
  invocation: Invocation,
  client: Client,
  text: string,
): Promise<number> {
  const [{ findWord, listingsOf }, { listTree }] = await Promise.all([
    import('../../tree/open-tree.ts'),
    import('../../tree/list-tree.ts'),
  ])
  await listTree(invocation, listingsOf(client), await findWord(client, text), text)
  return 0
}

/** Tells a person how to list a directory whose name was given as a prefix (R007-258). */
async function mentionDirectory(
  client: Client,
  prefix: string | undefined,
  terminal: Terminal,
): Promise<void> {
  if (prefix === undefined || terminal.json || !isatty(2) || prefix.endsWith('/')) return
  if (!(await isBelowName(client, prefix))) return
  terminal.note(`${prefix} is a directory: \`dstore ls ${prefix}/\` lists what is in it`)
}

/**
 * Says that the directory has a store of an earlier role, to a person or if the list is empty
 * (R007-153); without one, why it is empty.
 */
async function mention(
  client: Client,
  isEmpty: boolean,
  terminal: Terminal,
  why: ((store: StatusAnswer['store']) => string) | undefined,
): Promise<void> {
  if (terminal.json || !(isEmpty || isatty(2))) return
  const { inactiveStore, store } = await client.status()
  if (inactiveStore !== undefined) terminal.note(`not listed: ${inactiveText(inactiveStore)}`)
  else if (isEmpty && why !== undefined) terminal.note(why(store))
}

/** Names that spell digests are listed apart (004, R004-168). */
async function hasDigestNames(client: Client): Promise<boolean> {
  const { DIGEST_NAMES } = await import('../../../src/hash/foreign-digest.ts')
  for await (const _ of client.names(DIGEST_NAMES, { limit: 1 })) return true
  return false
}

/** A value that was put without a name must not seem lost (R007-157). */
const whyNoNames =
  (prefix: string | undefined, match: string | undefined, hasDigests: boolean) =>
  (store: StatusAnswer['store']): string => {
    const of = (prefix ?? '') === '' ? '' : ` that begins with ${prefix}`
    if (match !== undefined) return `no name${of} matches ${match}`
    if (of !== '') return `no name begins with ${prefix}`
    if (hasDigests) return 'no names but those that spell digests: `dstore ls mh/` lists them'
    if (store === undefined) return 'no names: `dstore ls --keys` lists keys'
    if (store.values === 0) return 'no names, and no values'
    const others = `${plural(store.values, 'value')} without one`
    return `no names; ${others}: \`dstore ls --keys\` lists keys`
  }
