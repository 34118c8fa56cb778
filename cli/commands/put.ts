/** `dstore put`: store files, and what comes on standard input. */
import { realpathSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { asDstoreError } from '../../src/errors.ts'
import type { PutAnswer } from '../../src/daemon/api.ts'
import type { Client } from '../../src/daemon/client.ts'
import { forEach } from '../each.ts'
import { inspect, openInput } from '../input.ts'
import type { Invocation } from '../invocation.ts'
import type { ProgressLine } from '../progress.ts'
import { useDaemon } from '../session.ts'

const NOT_FOR_THE_DAEMON: ReadonlySet<string> = new Set(['unreadable', 'not-permitted'])

export async function put(invocation: Invocation): Promise<number> {
  const { positionals, terminal } = invocation
  let client: Client | undefined
  return forEach(positionals, terminal, async (file) => {
    const found = inspect(file)
    client ??= await useDaemon(invocation)
    const line = terminal.progress(found === undefined ? 'standard input' : file)
    const answer = await store(client, file, found, line).finally(() => line?.end())
    await terminal.printFact({ file, ...answer }, answer.key)
  })
}

/** By path where there is one that means the same file to the daemon, else as a stream (R007-25). */
async function store(
  client: Client,
  file: string,
  found: Stats | undefined,
  line: ProgressLine | undefined,
): Promise<PutAnswer> {
  const path = found?.isFile() === true ? realPath(file) : undefined
  if (path === undefined) return stream(client, file, line)
  try {
    return await client.putFile(path, ({ doneBytes, totalBytes }) =>
      line?.update(doneBytes, totalBytes),
    )
  } catch (error) {
    // Not for the daemon's eyes, but perhaps for ours: else streaming says why not.
    if (!NOT_FOR_THE_DAEMON.has(asDstoreError(error).code)) throw error
    return stream(client, file, line)
  }
}

async function stream(
  client: Client,
  file: string,
  line: ProgressLine | undefined,
): Promise<PutAnswer> {
  const { bytes, size } = await openInput(file)
  return client.putBytes(counted(bytes, size, line))
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
