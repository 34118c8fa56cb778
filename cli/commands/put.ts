/** `dstore put`: store files, and what comes on standard input. */
import { closeSync, createReadStream, fstatSync, openSync, realpathSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import { PIECE_BYTES } from '../../src/limits.ts'
import type { PutAnswer } from '../../src/daemon/api.ts'
import type { Client } from '../../src/daemon/client.ts'
import { forEach } from '../each.ts'
import type { Invocation } from '../invocation.ts'
import { useDaemon } from '../session.ts'
import type { Terminal } from '../terminal.ts'

export async function put(invocation: Invocation): Promise<number> {
  const { positionals, terminal } = invocation
  let client: Client | undefined
  return forEach(positionals, terminal, async (file) => {
    const input = file === '-' ? undefined : inspect(file)
    client ??= await useDaemon(invocation)
    const answer = await store(client, file, input, terminal)
    await terminal.printFact({ file, ...answer }, answer.key)
  })
}

async function store(
  client: Client,
  file: string,
  input: Stats | undefined,
  terminal: Terminal,
): Promise<PutAnswer> {
  const line = terminal.progress(file === '-' ? 'standard input' : file)
  try {
    const path = input?.isFile() === true ? realPath(file) : undefined
    if (path === undefined) return await stream(client, file, line)
    try {
      return await client.putFile(path, ({ doneBytes, totalBytes }) =>
        line?.update(doneBytes, totalBytes),
      )
    } catch (error) {
      // Not for the daemon's eyes, but perhaps for ours: else this says why not.
      if (asDstoreError(error).code !== 'unreadable') throw error
      return await stream(client, file, line)
    }
  } finally {
    line?.end()
  }
}

/** Send the bytes ourselves. */
async function stream(
  client: Client,
  file: string,
  line: ReturnType<Terminal['progress']>,
): Promise<PutAnswer> {
  const fd = file === '-' ? 0 : open(file)
  const input = fstatSync(fd)
  if (input.isDirectory()) throw new DstoreError('unreadable', `${file} is a directory`)
  const bytes = createReadStream('', { fd, autoClose: fd !== 0, highWaterMark: PIECE_BYTES })
  const total = input.isFile() && fd !== 0 ? input.size : undefined
  return client.putBytes(counted(bytes as AsyncIterable<Uint8Array>, total, line))
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  total: number | undefined,
  line: ReturnType<Terminal['progress']>,
): AsyncGenerator<Uint8Array> {
  let done = 0
  for await (const piece of bytes) {
    yield piece
    done += piece.byteLength
    line?.update(done, total)
  }
}

/** Fail early for what can never be stored. */
function inspect(file: string): Stats {
  let found: Stats
  try {
    found = statSync(file)
  } catch (error) {
    throw unreadable(file, error)
  }
  if (found.isDirectory()) throw new DstoreError('unreadable', `${file} is a directory`)
  if (found.isFile()) closeSync(open(file))
  return found
}

function open(file: string): number {
  try {
    return openSync(file, 'r')
  } catch (error) {
    throw unreadable(file, error)
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

function unreadable(file: string, cause: unknown): DstoreError {
  const { code } = cause as NodeJS.ErrnoException
  const why =
    code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'not permitted' : code
  return new DstoreError('unreadable', `cannot read ${file}: ${why}`, { cause })
}
