/** `dstore get` of one value: to standard output or to a file. */
import { ValueClient, type HandedFile } from '../../src/daemon/client/value-client.ts'
import type { Progress, RangeRequest } from '../../src/node/node.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { shortLabel } from '../input/references.ts'
import { findDaemon, useDaemonBy, type Connect } from '../session.ts'
import { fileOutput } from '../terminal/file-output.ts'
import { fileForDaemon } from './hand-over.ts'
import { writeWhole } from '../terminal/output.ts'
import { withTransferProgress } from '../terminal/peers.ts'
import { counted } from '../terminal/progress.ts'

/** The only positional is a key or a name, as `parseReferences` has found. */
export async function getOne(
  invocation: Invocation,
  range: RangeRequest | undefined,
): Promise<number> {
  const { flags, positionals, terminal } = invocation
  // Before the daemon is asked: a value that cannot be written costs others their place in a cache.
  const output = flags.output === undefined ? terminal.output : await fileOutput(flags.output)
  const connect: Connect<ValueClient> = (socket, options) => ValueClient.connect(socket, options)
  const client = await useDaemonBy(connect, invocation).catch(async (error: unknown) => {
    await output.discard()
    throw error
  })
  return forEachArgument(positionals, terminal, async (text) => {
    await writeWhole(output, async () => {
      const file = await fileForDaemon(output, flags.output)
      if (file !== undefined && (await copied(invocation, client, file, range))) return true
      const value = await client.get(text, range)
      const { start, end } = value.range
      await withTransferProgress(
        terminal,
        shortLabel(text),
        () => findDaemon(invocation),
        async (line) => {
          const bytes = counted(value.bytes, (doneBytes) => line.update(doneBytes, end - start))
          for await (const piece of bytes) await output.write(piece)
        },
      )
      return true
    })
    return undefined
  })
}

/** Has the daemon write the value to the file; false if it does not. */
async function copied(
  invocation: Invocation,
  client: ValueClient,
  file: HandedFile,
  range: RangeRequest | undefined,
): Promise<boolean> {
  const { positionals, terminal } = invocation
  const [text = ''] = positionals
  return withTransferProgress(
    terminal,
    shortLabel(text),
    () => findDaemon(invocation),
    async (line) => {
      const onProgress = ({ doneBytes, totalBytes }: Progress): void =>
        line.update(doneBytes, totalBytes)
      return (await client.copy(text, file, range, onProgress)) !== undefined
    },
  )
}
