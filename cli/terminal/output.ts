/**
 * Outputs of a command: standard output here, files in file-output.ts. Partial writes are
 * completed, which process.stdout does not do for a file.
 */
import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { DstoreError } from '../../src/errors.ts'
import { unwritableFile } from '../../src/store/file/file-faults.ts'
import { isClosed } from './standard-streams.ts'

const write = promisify(fs.write)

/** The reader of standard output is gone: the command ends silently. */
export class ClosedPipe extends Error {
  override readonly name = 'ClosedPipe'
}

export interface Output {
  /** The empty file that becomes the output at `commit`; undefined if there is none. */
  readonly partial?: { readonly fd: number; readonly path: string }
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

/**
 * Standard output. Throws `unwritable` if it was closed from the start; writes reject with
 * `ClosedPipe` once its reader is gone.
 */
export function standardOutput(): Output {
  if (isClosed(1)) throw new DstoreError('unwritable', 'standard output is closed')
  const what = fs.fstatSync(1)
  // Pipes and terminals may be non-blocking: only process.stdout can wait for them.
  const direct = what.isFile() || (what.isCharacterDevice() && !process.stdout.isTTY)
  return {
    write: direct ? (bytes) => writeAll(1, bytes, 'standard output') : writeToStream,
    commit: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  }
}

export async function writeAll(fd: number, bytes: Uint8Array, name: string): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) {
    try {
      at += (await write(fd, bytes, at)).bytesWritten
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

/** The fault of an output that cannot be opened or written. */
export function writeFault(error: unknown, name: string): Error {
  if (error instanceof DstoreError) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EPIPE') return new ClosedPipe('closed pipe', { cause: error })
  return unwritableFile(`write to ${name}`, error)
}
