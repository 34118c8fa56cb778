/** `dstore tag`: moves a tag, and shows its history (R007-294, R007-295). */
import type { MovedAnswer, TargetLine } from '../../../src/daemon/api/api.ts'
import type { Client } from '../../../src/daemon/client/client.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { explainNotFound } from '../../input/key-fault.ts'
import { checkName, parseReferences, resolveKey } from '../../input/references.ts'
import { useDaemon } from '../../session.ts'
import { memberNames } from '../../terminal/member-names.ts'
import { expiryText, termsIn } from './terms.ts'

export async function tag(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal } = invocation
  const [name, value] = positionals as [string, string | undefined]
  await checkName(name)
  if (flags.history === true) {
    if (value !== undefined || flags.keep !== undefined || flags.expires !== undefined) {
      throw new DstoreError('usage', 'tag --history takes a name, and nothing else')
    }
    return history(invocation, name)
  }
  if (value === undefined) {
    throw new DstoreError('usage', 'tag takes a name and a key', {
      hint: `what it was bound to: dstore tag --history ${name}`,
    })
  }
  const terms = termsIn(flags)
  const references = await parseReferences([value])
  const client = await useDaemon(invocation)
  const key = await resolveKey(client, references.get(value)!)
  const moved = await client.tags.move(name, key, terms)
  if (terminal.json) await terminal.print(JSON.stringify(moved))
  if (moved.previous !== undefined) terminal.note(movedText(moved, moved.previous))
  await mentionSilent(invocation, client, moved)
  if (terms.expiresMs !== undefined && !terminal.json) {
    terminal.note(expiryText(await client.lookup(name)))
  }
  return 0
}

function movedText({ name, previousKeptUntil: until }: MovedAnswer, previous: string): string {
  const stays = until === undefined ? '' : `, which is kept until ${until}`
  return `moved ${name} from ${previous}${stays}`
}

/** Locals that have not been heard: they may answer with the old target (R004-123). */
async function mentionSilent(
  { flags, terminal }: Invocation,
  client: Client,
  { name, silent, previous }: MovedAnswer,
): Promise<void> {
  if (silent.length === 0 || previous === undefined) return
  const nameOf = await memberNames(client, silent, flags.verbose)
  terminal.note(`out of touch, may still show ${name} as it was: ${silent.map(nameOf).join(' ')}`)
}

async function history(invocation: Invocation, name: string): Promise<number> {
  const { terminal } = invocation
  const client = await useDaemon(invocation)
  const targets: TargetLine[] = []
  try {
    for await (const target of client.tags.history(name)) targets.push(target)
  } catch (error) {
    throw await explainNotFound(name, error)
  }
  // A target that nothing holds any more cannot be gone back to.
  const facts = await client.factsMany(targets.map(({ key }) => key))
  for (const [i, target] of targets.entries()) {
    const exists = facts[i] !== undefined
    const state = i === 0 ? 'now' : exists ? 'kept' : 'gone'
    const text = `${target.key}  ${target.at ?? '-'}  ${state}`
    await terminal.printFact({ ...target, exists }, text)
  }
  return 0
}
