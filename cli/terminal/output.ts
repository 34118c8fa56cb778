/**
 * Where a command's bytes go: standard output, or a file that appears whole or not at all (R007-26). Unlike
 * process.stdout on a file, nothing here takes a partial write for a whole one.
 */
import {
  close,
  fchmod,
  fstatSync,
  fsync,
  open,
  realpathSync,
  rename,
  stat,
  unlink,
  write,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { DstoreError } from '../../src/errors.ts'

const files = {
  open: promisify(open),
  write: promisify(write),
  fsync: promisify(fsync),
  fchmod: promisify(fchmod),
  close: promisify(close),
  rename: promisify(rename),
  stat: promisify(stat),
  unlink: promisify(unlink),
}

/** Nobody reads standard output any more: no reason to say anything. */
export class ClosedPipe extends Error {
  override readonly name = 'ClosedPipe'
}

export interface Output {
  write(bytes: Uint8Array): Promise<void>
  /** All is there: make it so that it is seen. */
  commit(): Promise<void>
  /** Leave everything as it was. */
  discard(): Promise<void>
}

/** Run `work`, which writes to `output` and returns whether to keep that; discard it on any failure. */
export async function writeWhole(output: Output, work: () => Promise<boolean>): Promise<void> {
  try {
    await ((await work()) ? output.commit() : output.discard())
  } catch (error) {
    await output.discard()
    throw error
  }
}

/** Standard output. A reader that is gone is `ClosedPipe`. */
export function standardOutput(): Output {
  const what = fstatSync(1)
  // Pipes and terminals may be non-blocking, which process.stdout knows how to wait for.
  const direct = what.isFile() || what.isCharacterDevice() ? !isTerminal() : false
  return {
    write: direct ? (bytes) => writeAll(1, bytes, 'standard output') : writeToStream,
    commit: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  }
}

/** The file at `path`: replaced at `commit`, or written to directly where it is a device or a pipe. */
export async function fileOutput(path: string): Promise<Output> {
  const found = await files.stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw writeFault(error, path)
  })
  if (found?.isDirectory() === true) {
    throw new DstoreError('unwritable', `cannot write to ${path}: it is a directory`)
  }
  if (found !== undefined && !found.isFile()) return deviceOutput(path)
  return replacingOutput(path, found?.mode)
}

async function deviceOutput(path: string): Promise<Output> {
  const fd = await files.open(path, 'w').catch((error: unknown) => {
    throw writeFault(error, path)
  })
  return {
    write: (bytes) => writeAll(fd, bytes, path),
    commit: () => files.close(fd),
    discard: () => files.close(fd),
  }
}

async function replacingOutput(path: string, mode: number | undefined): Promise<Output> {
  // A link stays a link: the file that it names is replaced.
  const target = mode === undefined ? path : realpathSync(path)
  const folder = dirname(target)
  // Not node:crypto: loading it takes longer than the rest of a small get, and `wx` refuses a name that is taken.
  const unique = `${process.pid}-${Math.random().toString(36).slice(2, 10)}`
  const temporary = join(folder, `.${basename(target)}.${unique}.part`)
  let fd: number
  try {
    fd = await files.open(temporary, 'wx')
  } catch (error) {
    throw writeFault(error, path)
  }
  const discard = async (): Promise<void> => {
    await files.close(fd).catch(() => undefined)
    await files.unlink(temporary).catch(() => undefined)
  }
  return {
    write: (bytes) => writeAll(fd, bytes, path),
    commit: async () => {
      try {
        if (mode !== undefined) await files.fchmod(fd, mode & 0o7777)
        await files.fsync(fd)
        await files.rename(temporary, target)
        await files.close(fd)
        await syncFolder(folder)
      } catch (error) {
        throw writeFault(error, path)
      }
    },
    discard,
  }
}

/** The rename is durable when its directory is. */
async function syncFolder(folder: string): Promise<void> {
  const fd = await files.open(folder, 'r')
  try {
    await files.fsync(fd)
  } finally {
    await files.close(fd)
  }
}

async function writeAll(fd: number, bytes: Uint8Array, name: string): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) {
    try {
      at += (await files.write(fd, bytes, at)).bytesWritten
    } catch (error) {
      throw writeFault(error, name)
    }
  }
}

async function writeToStream(bytes: Uint8Array): Promise<void> {
  const { stdout } = process
  // The callback tells; the event that comes with it must not end the process.
  if (stdout.listenerCount('error') === 0) stdout.on('error', () => undefined)
  const failed = await new Promise<Error | null | undefined>((resolve) => {
    stdout.write(bytes, resolve)
  })
  if (failed) throw writeFault(failed, 'standard output')
}

function isTerminal(): boolean {
  return process.stdout.isTTY
}

function writeFault(error: unknown, name: string): Error {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EPIPE') return new ClosedPipe('closed pipe', { cause: error })
  const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
  return new DstoreError(
    full ? 'no-space' : 'unwritable',
    full ? `no space left for ${name}` : `cannot write to ${name} (${code ?? message})`,
    { cause: error },
  )
}
