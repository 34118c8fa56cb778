/** `dstore rm`: remove values and names everywhere, and say which Locals have let go (R007-31). */
import { DstoreError, ERRORS } from '../../src/errors.ts'
import type { RemoveAnswer, UnbindAnswer } from '../../src/daemon/api/api.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import { forEach } from '../each.ts'
import type { Invocation } from '../invocation.ts'
import { listsText } from '../terminal/lists-text.ts'
import { useDaemon } from '../session.ts'
import { readWords, unknownWord } from '../words.ts'

export async function rm(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal } = invocation
  const { force = false, 'name-only': nameOnly = false } = flags
  const words = await readWords(positionals)
  for (const { text, type } of words.values()) {
    if (nameOnly && type === 'key') throw new DstoreError('usage', `not a name but a key: ${text}`)
  }
  const client = await useDaemon(invocation)
  return forEach(positionals, terminal, async (text) => {
    const { type } = words.get(text)!
    const removed = await (
      type === 'key' ? client.remove(text, force) : client.unbind(text, nameOnly)
    ).catch(async (error: unknown) => {
      throw await unknownWord(text, error)
    })
    await terminal.printFact(removed, removalText(removed))
    return removed.owed.length === 0 ? 0 : ERRORS.partial.exit
  })
}

/** What happened, which Locals let go, and which have still to. */
function removalText(removed: RemoveAnswer | UnbindAnswer): string {
  const { key, seq, freedBytes, names, acknowledged, owed, expired } = removed
  const what = [
    ...('name' in removed ? [`unbound ${removed.name}`] : []),
    ...(key === undefined ? [] : [`removed ${key}`]),
  ]
  const freed = key === undefined ? '' : `, ${formatSize(freedBytes)} freed`
  const facts = listsText({
    'names unbound': 'name' in removed ? [] : names,
    'acknowledged by': acknowledged,
    'lease ran out at': expired,
    'still owed by': owed,
  })
  return `${what.join(', ')} (seq ${seq}${freed})${facts}`
}
