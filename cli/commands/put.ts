/** `dstore put`: store files, and standard input. */
import { realpathSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { DstoreError } from '../../src/errors.ts'
import type { PutAnswer } from '../../src/daemon/api/api.ts'
import { isForClient, type Client } from '../../src/daemon/client/client.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { inspect, labelOf, openInput } from '../input/input.ts'
import { checkName } from '../input/references.ts'
import { SmallFiles } from '../input/small-files.ts'
import { useDaemon } from '../session.ts'
import { withTransferProgress } from '../terminal/peers.ts'
import { counted, type ProgressLine } from '../terminal/progress.ts'

export async function put(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal } = invocation
  const { name } = flags
  if (name !== undefined && positionals.length > 1) {
    throw new DstoreError('usage', 'put --name takes one file')
  }
  if (name !== undefined) await checkName(name)
  const smallFiles = new SmallFiles(positionals)
  let client: Client | undefined
  return forEachArgument(positionals, terminal, async (file, index) => {
    const found = inspect(file)
    const daemon = (client ??= await useDaemon(invocation))
    const answer =
      (await smallFiles.store(daemon, index)) ??
      (await withTransferProgress(terminal, labelOf(file), daemon, (line) =>
        store(daemon, { file, found, line, name }),
      ))
    await terminal.printFact({ file, ...answer, ...(name !== undefined && { name }) }, answer.key)
  })
}

interface PutRequest {
  readonly file: string
  /** Undefined for standard input. */
  readonly found: Stats | undefined
  readonly line: ProgressLine
  readonly name: string | undefined
}

/** By path if one means the same file to the daemon, else as a stream (R007-25). */
async function store(client: Client, request: PutRequest): Promise<PutAnswer> {
  const { file, found, line, name } = request
  const path = found?.isFile() === true ? realPath(file) : undefined
  if (path === undefined) return stream(client, request)
  try {
    return await client.putFile(
      path,
      ({ doneBytes, totalBytes }) => line.update(doneBytes, totalBytes),
      name,
    )
  } catch (error) {
    // The daemon may not read it, but this process perhaps may; if not, opening it says why.
    if (!isForClient(error)) throw error
    return stream(client, request)
  }
}

async function stream(client: Client, { file, line, name }: PutRequest): Promise<PutAnswer> {
  const { bytes, size } = await openInput(file)
  const sent = counted(bytes, (doneBytes) => line.update(doneBytes, size))
  return client.putBytes(sent, undefined, name)
}

/** The path of this file for another process; undefined if it has none, as /dev/stdin. */
function realPath(file: string): string | undefined {
  try {
    return realpathSync(file)
  } catch {
    return undefined
  }
}
