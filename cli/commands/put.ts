/** `dstore put`: store files, and what comes on standard input. */
import { realpathSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { DstoreError } from '../../src/errors.ts'
import type { PutAnswer } from '../../src/daemon/api/api.ts'
import { isForClient, type Client } from '../../src/daemon/client/client.ts'
import type { Progress } from '../../src/node/node.ts'
import { forEach } from '../each.ts'
import { inspect, openInput } from '../input/input.ts'
import type { Invocation } from '../invocation.ts'
import { showingPeers } from '../terminal/peers.ts'
import type { ProgressLine } from '../terminal/progress.ts'
import { useDaemon } from '../session.ts'
import { SmallFiles } from '../input/small-files.ts'
import { checkName } from '../words.ts'

export async function put(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal } = invocation
  const { name } = flags
  if (name !== undefined && positionals.length > 1) {
    throw new DstoreError('usage', 'put --name takes one file')
  }
  if (name !== undefined) await checkName(name)
  const smallFiles = new SmallFiles(positionals)
  let client: Client | undefined
  return forEach(positionals, terminal, async (file, at) => {
    const found = inspect(file)
    const daemon = (client ??= await useDaemon(invocation))
    const line = terminal.progress(found === undefined ? 'standard input' : file)
    const putting = { file, found, line, name }
    const answer =
      (await smallFiles.store(daemon, at)) ??
      (await showingPeers(daemon, line, () => store(daemon, putting)).finally(() => line?.end()))
    await terminal.printFact({ file, ...answer, ...(name !== undefined && { name }) }, answer.key)
  })
}

interface Putting {
  readonly file: string
  /** Undefined for standard input. */
  readonly found: Stats | undefined
  readonly line: ProgressLine | undefined
  readonly name: string | undefined
}

/** By path where there is one that means the same file to the daemon, else as a stream (R007-25). */
async function store(client: Client, putting: Putting): Promise<PutAnswer> {
  const { file, found, line, name } = putting
  const path = found?.isFile() === true ? realPath(file) : undefined
  if (path === undefined) return stream(client, putting)
  const onProgress = ({ doneBytes, totalBytes }: Progress): void =>
    line?.update(doneBytes, totalBytes)
  try {
    return await client.putFile(path, onProgress, name)
  } catch (error) {
    // Not for the daemon's eyes, but perhaps for ours: else streaming says why not.
    if (!isForClient(error)) throw error
    return stream(client, putting)
  }
}

async function stream(client: Client, { file, line, name }: Putting): Promise<PutAnswer> {
  const { bytes, size } = await openInput(file)
  return client.putBytes(counted(bytes, size, line), undefined, name)
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  total: number | undefined,
  line: ProgressLine | undefined,
): AsyncGenerator<Uint8Array> {
  let done = 0
  for await (const piece of bytes) {
    yield piece
    done += piece.byteLength
    line?.update(done, total)
  }
}

/** The path that means this file to another process too; undefined where none does, as for /dev/stdin. */
function realPath(file: string): string | undefined {
  try {
    return realpathSync(file)
  } catch {
    return undefined
  }
}
