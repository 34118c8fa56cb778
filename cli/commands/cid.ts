/** `dstore cid`: the keys of files, without a daemon. */
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { inspect, labelOf, openInput } from '../input/input.ts'

export async function cid({ positionals, terminal, signal }: Invocation): Promise<number> {
  const { keyOfFile, keyOfStream, refusedAddon } = await import('../input/hashing.ts')
  const refused = refusedAddon()
  if (refused !== undefined) terminal.note(refused)
  return forEachArgument(positionals, terminal, async (file) => {
    const found = inspect(file)
    const { key, size } = await terminal.withProgress(labelOf(file), async (line) =>
      found?.isFile() === true
        ? keyOfFile(file, signal, (done, total) => line.update(done, total))
        : keyOfStream((await openInput(file)).bytes, signal),
    )
    await terminal.printFact({ file, key, size }, key)
  })
}
