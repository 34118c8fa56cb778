/** `name`, `ls`: names, and what is there. */
import { DstoreError } from '../../src/errors.ts'
import { forEach } from '../each.ts'
import type { Invocation } from '../invocation.ts'
import { useDaemon } from '../session.ts'
import { checkName, keyOf, readWords } from '../words.ts'

export async function name(invocation: Invocation): Promise<number> {
  const { positionals, terminal } = invocation
  const [text, value] = positionals as [string, string]
  await checkName(text)
  const words = await readWords([value])
  const client = await useDaemon(invocation)
  return forEach([text], terminal, async () => {
    const bound = await client.bind(text, await keyOf(client, words.get(value)!))
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
