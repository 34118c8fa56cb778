/** `set`: who is active, and who steps down (specs/012-set.md, "Commands"). */
import { DstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { requireDaemon } from '../../session.ts'
import { setDocument, setText } from '../../terminal/set-text.ts'
import { stepDown } from './step-down.ts'

export async function set(invocation: Invocation): Promise<number> {
  const [action = 'status'] = invocation.positionals
  if (action === 'status') return status(invocation)
  if (action === 'step-down') return stepDown(invocation)
  throw new DstoreError('usage', `set takes status or step-down, not ${action}`, {
    hint: 'see `dstore set --help`',
  })
}

async function status(invocation: Invocation): Promise<number> {
  const client = await requireDaemon(invocation)
  const answer = await client.set.status()
  const { terminal } = invocation
  await terminal.printFact(setDocument(answer), setText(answer, terminal.now))
  return 0
}
