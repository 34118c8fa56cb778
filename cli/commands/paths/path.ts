/** `dstore path`: a file of a value for other programs to open or map. */
import { parseDuration } from '../../../src/daemon/config/quantities.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { openPath } from './open-path.ts'

/** How long a file is held for a caller that has ended, unless it says otherwise. */
const HOLD_MS = 60_000

/** The daemon holds none longer for a caller that has ended: a day. */
const LONGEST_HOLD_MS = 86_400_000

export async function path(invocation: Invocation): Promise<number> {
  const { flags, positionals, terminal } = invocation
  const [text = '', ...command] = positionals
  if (flags.exec === true) {
    const { execute } = await import('./execute.ts')
    return execute(invocation, text, command)
  }
  if (command.length > 0) {
    throw new DstoreError('usage', 'path takes one key or name', {
      hint: `to run a program on it: dstore path ${text} --exec -- CMD {}`,
    })
  }
  const holdMs = flags.hold === undefined ? HOLD_MS : parseHold(flags.hold)
  const { removed: _, release, ...facts } = await openPath(invocation, text, { holdMs })
  release()
  await terminal.printFact(facts, facts.path)
  return 0
}

function parseHold(text: string): number {
  const holdMs = parseDuration(text)
  if (holdMs <= LONGEST_HOLD_MS) return holdMs
  throw new DstoreError('usage', `${text} is longer than a day, the longest hold`, {
    hint: 'hold it while a program runs with --exec, or keep the value with `dstore pin`',
  })
}
