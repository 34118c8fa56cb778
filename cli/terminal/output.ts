/**
 * Outputs of a command: standard output, or a file that appears whole or not at all (R007-26).
 * Partial writes are completed, which process.stdout does not do for a file.
 */
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { DstoreError } from '../../src/errors.ts'

const files = {
  open: promisify(fs.open),
  write: promisify(fs.write),
  fsync: promisify(fs.fsync),
  fchmod: promisify(fs.fchmod),
  close: promisify(fs.close),
  rename: promisify(fs.rename),
  stat: promisify(fs.stat),
  unlink: promisify(fs.unlink),
}

/** The reader of standard output is gone: the command ends silently. */
export class ClosedPipe extends Error {
  override readonly name = 'ClosedPipe'
}

export interface Output {
  write(bytes: Uint8Array): Promise<void>
  /** Make the written bytes visible. */
  commit(): Promise<void>
  /** Restore the state before the first write. */
  discard(): Promise<void>
}

/** Run `work`, which writes to `output`. Commit if it returns true; discard if false or failed. */
export async function writeWhole(output: Output, work: () => Promise<boolean>): Promise<void> {
  try {
    await ((await work()) ? output.commit() : output.discard())
  } catch (error) {
    await output.discard()
    throw error
  }
}

/** Standard output. Rejects with `ClosedPipe` once its reader is gone. */
export function standardOutput(): Output {
  const what = fs.fstatSync(1)
  // Pipes and terminals may be non-blocking: only process.stdout can wait for them.
  const direct = what.isFile() || (what.isCharacterDevice() && !process.stdout.isTTY)
  return {
    write: direct ? (bytes) => writeAll(1, bytes, 'standard output') : writeToStream,
    commit: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  }
}

/** The file at `path`: replaced at `commit`; a device or a pipe is written directly. */
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
    discard: () => files.close(fd).catch(() => undefined),
  }
}

async function replacingOutput(path: string, mode: number | undefined): Promise<Output> {
  // Replaces the target of a symbolic link, not the link.
  const target = mode === undefined ? path : fs.realpathSync(path)
  const folder = dirname(target)
  // node:crypto would take longer to load than a small get takes; `wx` refuses a taken name.
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
        await syncFolder(folder)
        await files.close(fd)
      } catch (error) {
        throw writeFault(error, path)
      }
    },
    discard,
  }
}

/** Makes the rename durable. */
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
  // The callback reports the error; the event would end the process.
  if (stdout.listenerCount('error') === 0) stdout.on('error', () => undefined)
  const failed = await new Promise<Error | null | undefined>((resolve) => {
    stdout.write(bytes, resolve)
  })
  if (failed) throw writeFault(failed, 'standard output')
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
