/** `name`: bind a name. */
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
