/** `dstore path`: a file of a value for other programs to open or map. */
import type { OpenedPath, PathRequest } from '../../../src/daemon/client/paths/opened-path.ts'
import { ValueClient } from '../../../src/daemon/client/value-client.ts'
import { parseDuration } from '../../../src/daemon/config/quantities.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { explainNotFound } from '../../input/key-fault.ts'
import { shortLabel } from '../../input/references.ts'
import { findDaemon, useDaemonBy, type Connect } from '../../session.ts'
import { withTransferProgress } from '../../terminal/peers.ts'

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
  const { removed: _, release, ...facts } = await open(invocation, text, { holdMs })
  release()
  await terminal.printFact(facts, facts.path)
  return 0
}

/** Has the daemon fetch the value and hold a file of it; shows progress. */
export async function open(
  invocation: Invocation,
  text: string,
  request: PathRequest,
): Promise<OpenedPath> {
  const { terminal } = invocation
  const connect: Connect<ValueClient> = (socket, options) => ValueClient.connect(socket, options)
  const client = await useDaemonBy(connect, invocation)
  return withTransferProgress(
    terminal,
    shortLabel(text),
    () => findDaemon(invocation),
    async (line) => {
      try {
        return await client.openPath(text, request, ({ doneBytes, totalBytes }) =>
          line.update(doneBytes, totalBytes),
        )
      } catch (error) {
        throw await explainNotFound(text, error)
      }
    },
  )
}
