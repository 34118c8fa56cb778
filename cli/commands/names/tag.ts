/** `dstore tag`: moves a tag, and shows its history (R007-294, R007-295). */
import type { TargetLine } from '../../../src/daemon/api/api.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { explainNotFound } from '../../input/key-fault.ts'
import { checkName, parseReferences, resolveKey } from '../../input/references.ts'
import { useDaemon } from '../../session.ts'
import { agoText } from '../../wording.ts'
import { showMove } from './moved.ts'
import { termsIn } from './terms.ts'

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
  await showMove(invocation, client, moved, terms)
  return 0
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
    const when = target.at === undefined ? '-' : agoText(target.at, terminal.now)
    const text = `${target.key}  ${when}  ${state}`
    await terminal.printFact({ ...target, exists }, text)
  }
  return 0
}
