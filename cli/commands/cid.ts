/** `dstore cid`: the keys of files and folders, without a daemon. */
import type { IgnoreRules } from '../../src/tree/put/walk/ignore-rules.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { inspect, labelOf, openInput } from '../input/input.ts'

export async function cid(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal, signal } = invocation
  const { keyOfFile, keyOfStream, refusedAddon } = await import('../input/hashing.ts')
  const refused = refusedAddon()
  if (refused !== undefined) terminal.note(refused)
  const ignore = await rulesIn(flags['ignore-file'])
  return forEachArgument(positionals, terminal, async (file) => {
    const found = inspect(file, { folders: true })
    if (found?.isDirectory() === true) {
      const { keyOfFolder } = await import('../tree/key-of-folder.ts')
      const { key, ...totals } = await keyOfFolder(invocation, file, ignore)
      return terminal.printFact({ file, key, ...totals }, key)
    }
    const { key, size } = await terminal.withProgress(labelOf(file), async (line) =>
      found?.isFile() === true
        ? keyOfFile(file, signal, (done, total) => line.update(done, total))
        : keyOfStream((await openInput(file)).bytes, signal),
    )
    await terminal.printFact({ file, key, size }, key)
  })
}

/** Loaded only for an ignore file. */
async function rulesIn(file: string | undefined): Promise<IgnoreRules | undefined> {
  if (file === undefined) return undefined
  const { readIgnoreFile } = await import('../tree/put-folder.ts')
  return readIgnoreFile(file)
}
