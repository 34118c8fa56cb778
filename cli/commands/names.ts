/** `name`, `ls`: bind a name, list names and keys. */
import { DstoreError } from '../../src/errors.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { checkName, parseReferences, resolveKey } from '../input/references.ts'
import { useDaemon } from '../session.ts'

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
  if (flags.keys !== true) {
    const client = await useDaemon(invocation)
    for await (const line of client.names(prefix)) await terminal.printFact(line, line.name)
    return 0
  }
  if (prefix !== undefined) throw new DstoreError('usage', 'ls --keys takes no prefix')
  const client = await useDaemon(invocation)
  for await (const line of client.keys()) await terminal.printFact(line, line.key)
  return 0
}
