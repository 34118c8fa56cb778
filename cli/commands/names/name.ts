/** `name`: bind a name. */
import type { Invocation } from '../../command.ts'
import { forEachArgument } from '../../exit-code.ts'
import { checkName, parseReferences, resolveKey } from '../../input/references.ts'
import { useDaemon } from '../../session.ts'
import { expiryText, termsIn } from './terms.ts'

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
    else if (terms.expiresMs !== undefined) terminal.note(expiryText(bound))
  })
}
