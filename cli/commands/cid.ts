/** `dstore cid`: the keys of files and folders, without a daemon. */
import type { IgnoreRules } from '../../src/tree/put/walk/ignore-rules.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { checkStandardInput, inspect, labelOf, openInput } from '../input/input.ts'
import { shownName } from '../wording.ts'

export async function cid(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal, signal } = invocation
  checkStandardInput(positionals)
  const { keyOfFile, keyOfStream, refusedAddon } = await import('../input/hashing.ts')
  const refused = refusedAddon()
  if (refused !== undefined) terminal.note(refused)
  const ignore = await rulesIn(flags['ignore-file'], signal)
  if (flags.digest !== undefined) return digestNames(invocation, flags.digest)
  // Where a person reads several, each has its file beside it, as sha256sum prints them.
  const isListed = positionals.length > 1 && terminal.columns !== undefined
  const lineOf = (key: string, file: string): string =>
    isListed ? `${key}  ${shownName(file)}` : key
  return forEachArgument(positionals, terminal, async (file) => {
    const found = inspect(file, { folders: true })
    if (found?.isDirectory() === true) {
      const { keyOfFolder } = await import('../tree/key-of-folder.ts')
      const { key, ...totals } = await keyOfFolder(invocation, file, ignore)
      return terminal.printFact({ file, key, ...totals }, lineOf(key, file))
    }
    const { key, size } = await terminal.withProgress(labelOf(file), async (line) =>
      found?.isFile() === true
        ? keyOfFile(file, signal, (done, total) => line.update(done, total))
        : keyOfStream((await openInput(file, signal)).bytes),
    )
    await terminal.printFact({ file, key, size }, lineOf(key, file))
  })
}

/** The names that files have by another hash function (R007-349). */
async function digestNames(
  { positionals, terminal, signal }: Invocation,
  algorithm: string,
): Promise<number> {
  const { digestNameOf } = await import('../input/digest-name.ts')
  const nameOf = digestNameOf(algorithm)
  return forEachArgument(positionals, terminal, async (file) => {
    // A folder is refused as by any command that takes files only.
    const { bytes, size: total } = await openInput(file, signal)
    const { name, size } = await terminal.withProgress(labelOf(file), (line) =>
      nameOf(bytes, (done) => line.update(done, total)),
    )
    await terminal.printFact({ file, name, size }, name)
  })
}

/** Loaded only for an ignore file. */
async function rulesIn(
  file: string | undefined,
  signal: AbortSignal,
): Promise<IgnoreRules | undefined> {
  if (file === undefined) return undefined
  const { readIgnoreFile } = await import('../tree/put-folder.ts')
  return readIgnoreFile(file, signal)
}
