/** Asks the daemon for a file, with progress. */
import type { OpenedPath, PathRequest } from '../../../src/daemon/client/paths/opened-path.ts'
import { ValueClient } from '../../../src/daemon/client/value-client.ts'
import type { Invocation } from '../../command.ts'
import { explainNotFound } from '../../input/key-fault.ts'
import { shortLabel } from '../../input/references.ts'
import { withSpelling } from '../../input/spelling.ts'
import { findDaemon, useDaemonBy, type Connect } from '../../session.ts'
import { withTransferProgress } from '../../terminal/peers.ts'

/** Has the daemon fetch the value and hold a file of it; shows progress. */
export async function openPath(
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
        return await withSpelling(
          () => findDaemon(invocation),
          text,
          (word) =>
            client.openPath(word, request, ({ doneBytes, totalBytes }) =>
              line.update(doneBytes, totalBytes),
            ),
        )
      } catch (error) {
        throw await explainNotFound(text, error)
      }
    },
  )
}
