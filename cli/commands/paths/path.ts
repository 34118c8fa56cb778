/** `dstore path`: a file of a value for other programs to open or map. */
import { parseDuration } from '../../../src/daemon/config/quantities.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { openPath } from './open-path.ts'

/** How long a file is held for a caller that has ended, unless it says otherwise. */
const HOLD_MS = 60_000

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
  const holdMs = flags.hold === undefined ? HOLD_MS : parseDuration(flags.hold)
  const { removed: _, release, ...facts } = await openPath(invocation, text, { holdMs })
  release()
  await terminal.printFact(facts, facts.path)
  return 0
}
