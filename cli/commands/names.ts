/** `name`, `ls`: bind a name, list names and keys. */
import { isatty } from 'node:tty'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { asDstoreError, DstoreError } from '../../src/errors.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { checkName, parseReferences, resolveKey } from '../input/references.ts'
import { useDaemon } from '../session.ts'
import { inactiveText } from '../terminal/status-text.ts'
import { plural, type Terminal } from '../terminal/terminal.ts'
import { termsIn } from './names/terms.ts'

export async function name(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal } = invocation
  const [text, value] = positionals as [string, string]
  await checkName(text)
  const terms = termsIn(flags)
  const references = await parseReferences([value])
  const client = await useDaemon(invocation)
  return forEachArgument([text], terminal, async () => {
    const key = await resolveKey(client, references.get(value)!)
    const bound = await client.bind(text, key, terms)
    if (terminal.json) await terminal.print(JSON.stringify(bound))
  })
}

export async function ls(invocation: Invocation): Promise<number> {
  const { flags, positionals, terminal } = invocation
  const [prefix] = positionals
  const ofKeys = flags.keys === true
  if (ofKeys && prefix !== undefined) throw new DstoreError('usage', 'ls --keys takes no prefix')
  const ofTree = flags.tree === true || flags.long === true
  if (ofTree && prefix === undefined) {
    throw new DstoreError('usage', 'ls -l and ls --tree list a directory', {
      hint: 'give its key, or a name and a slash: dstore ls --tree NAME/',
    })
  }
  const client = await useDaemon(invocation)
  if (ofTree || (await startsWithKey(prefix))) return listDirectory(invocation, client, prefix!)
  const { json } = terminal
  let isEmpty = true
  for await (const lines of ofKeys ? client.keyLines(json) : client.nameLines(prefix, json)) {
    isEmpty = false
    await terminal.output.write(lines)
  }
  // Nothing is bound below a name of a directory: a prefix that ends below one lists that.
  const mayLeadBelow = isEmpty && prefix?.includes('/') === true
  if (mayLeadBelow && (await isBelowName(client, prefix))) {
    return listDirectory(invocation, client, prefix)
  }
  await mentionDirectory(client, isEmpty ? undefined : prefix, terminal)
  const why = ofKeys ? undefined : whyNoNames(prefix)
  await mention(client, isEmpty, terminal, why)
  return 0
}

async function startsWithKey(prefix: string | undefined): Promise<boolean> {
  if (prefix === undefined) return false
  const reference = (await parseReferences([prefix])).get(prefix)!
  return reference.type !== 'name'
}

async function isBelowName(client: Client, prefix: string): Promise<boolean> {
  const { findWord } = await import('../tree/open-tree.ts')
  try {
    return (await findWord(client, prefix)).key.kind === 'directory'
  } catch (error) {
    if (['not-found', 'usage', 'malformed-key'].includes(asDstoreError(error).code)) return false
    throw error
  }
}

async function listDirectory(
  invocation: Invocation,
  client: Client,
  text: string,
): Promise<number> {
  const [{ findWord, listingsOf }, { listTree }] = await Promise.all([
    import('../tree/open-tree.ts'),
    import('../tree/list-tree.ts'),
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

/** A value that was put without a name must not seem lost (R007-157). */
const whyNoNames =
  (prefix = '') =>
  (store: StatusAnswer['store']): string => {
    if (prefix !== '') return `no name begins with ${prefix}`
    if (store === undefined) return 'no names: `dstore ls --keys` lists keys'
    if (store.values === 0) return 'no names, and no values'
    const others = `${plural(store.values, 'value')} without one`
    return `no names; ${others}: \`dstore ls --keys\` lists keys`
  }
