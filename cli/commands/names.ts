/** `name`, `ls`: bind a name, list names and keys. */
import { isatty } from 'node:tty'
import type { Client } from '../../src/daemon/client/client.ts'
import { DstoreError } from '../../src/errors.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { checkName, parseReferences, resolveKey } from '../input/references.ts'
import { useDaemon } from '../session.ts'
import { inactiveText } from '../terminal/status-text.ts'
import type { Terminal } from '../terminal/terminal.ts'

export async function name(invocation: Invocation): Promise<number> {
  const { positionals, terminal } = invocation
  const [text, value] = positionals as [string, string]
  await checkName(text)
  const references = await parseReferences([value])
  const client = await useDaemon(invocation)
  return forEachArgument([text], terminal, async () => {
    const bound = await client.bind(text, await resolveKey(client, references.get(value)!))
    if (terminal.json) await terminal.print(JSON.stringify(bound))
  })
}

export async function ls(invocation: Invocation): Promise<number> {
  const { flags, positionals, terminal } = invocation
  const [prefix] = positionals
  const ofKeys = flags.keys === true
  if (ofKeys && prefix !== undefined) throw new DstoreError('usage', 'ls --keys takes no prefix')
  const client = await useDaemon(invocation)
  const { json } = terminal
  let isEmpty = true
  for await (const lines of ofKeys ? client.keyLines(json) : client.nameLines(prefix, json)) {
    isEmpty = false
    await terminal.output.write(lines)
  }
  await mentionInactive(client, isEmpty, terminal)
  return 0
}

/** Says that the directory has a store of an earlier role: to a person, or if the list is empty. */
async function mentionInactive(
  client: Client,
  isEmpty: boolean,
  terminal: Terminal,
): Promise<void> {
  if (terminal.json || !(isEmpty || isatty(2))) return
  const { inactiveStore } = await client.status()
  if (inactiveStore !== undefined) terminal.note(`not listed: ${inactiveText(inactiveStore)}`)
}
