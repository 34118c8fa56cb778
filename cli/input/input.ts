/** File arguments, and standard input, which is `-`. */
import {
  accessSync,
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  open,
  openSync,
  statSync,
} from 'node:fs'
import type { Stats } from 'node:fs'
import { promisify } from 'node:util'
import { piecesOf } from '../../src/bytes.ts'
import { eachUntilAborted } from '../../src/deadline.ts'
import { DstoreError } from '../../src/errors.ts'
import { PIECE_BYTES } from '../../src/limits.ts'
import { unreadableFile } from '../../src/store/file/file-faults.ts'
import { isClosed } from '../terminal/standard-streams.ts'

export interface Input {
  readonly bytes: AsyncIterable<Uint8Array>
  /** In bytes; undefined if unknown. */
  readonly size: number | undefined
}

export interface Accepted {
  /** Also folders, in place of `unreadable` for them. */
  readonly folders?: boolean
}

/** The kind of a file; throws why it cannot be read. Undefined for standard input. */
export function inspect(file: string, { folders = false }: Accepted = {}): Stats | undefined {
  if (file === '-') return undefined
  if (file === '') throw new DstoreError('unreadable', 'an empty argument names no file')
  let found: Stats
  try {
    found = statSync(file)
    if (found.isFile()) accessSync(file, constants.R_OK)
  } catch (error) {
    throw unreadableFile(file, error)
  }
  if (found.isDirectory() && !folders) {
    throw new DstoreError('unreadable', `${file} is a directory`, {
      hint: `to store it: dstore put ${file}`,
    })
  }
  return found
}

/** What a progress line calls a file argument. */
export function labelOf(file: string): string {
  return file === '-' ? 'standard input' : file
}

/** Throws `usage` if these files have standard input twice: the second would be an empty value. */
export function checkStandardInput(files: readonly (string | undefined)[]): void {
  if (files.filter((file) => file === '-').length <= 1) return
  throw new DstoreError('usage', 'standard input is given twice, and can be read once', {
    hint: 'write ./- for a file that is called -',
  })
}

/** Standard input; throws `unreadable` if it was closed from the start. */
export function standardInput(): typeof process.stdin {
  if (isClosed(0)) throw new DstoreError('unreadable', 'standard input is closed')
  // Node would end such a stream at once, as an empty one.
  if (fstatSync(0).isDirectory()) {
    throw new DstoreError('unreadable', 'standard input is a folder', {
      hint: 'to store it: dstore put DIR',
    })
  }
  return process.stdin
}

/** The bytes of a file of any kind. The signal ends a wait for them, too. */
export async function openInput(file: string, signal: AbortSignal): Promise<Input> {
  const { bytes, size } = await openAny(file, signal)
  return { bytes: eachUntilAborted(bytes, signal), size }
}

async function openAny(file: string, signal: AbortSignal): Promise<Input> {
  if (file === '-') return { bytes: piecesOf(standardInput()), size: undefined }
  const fd = await openFile(file, signal)
  const found = fstatSync(fd)
  if (found.isFIFO()) {
    const { pipeInput } = await import('../../src/daemon/process/pipe-input.ts')
    return { bytes: piecesOf(pipeInput(fd)), size: undefined }
  }
  const bytes = createReadStream('', { fd, highWaterMark: PIECE_BYTES })
  // Some file systems state 0 for a file that has bytes.
  return { bytes: piecesOf(bytes), size: (found.isFile() && found.size) || undefined }
}

/** How often it is tried to end the wait of another thread. */
const RELEASE_MS = 10

/** A pipe opens once it has a writer: the signal ends the wait for one. */
async function openFile(file: string, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted()
  let timer: NodeJS.Timeout | undefined
  // The thread that waits would keep this process alive, so that it gets a writer.
  const release = (): void => void (timer = setInterval(() => openToWrite(file), RELEASE_MS))
  signal.addEventListener('abort', release)
  try {
    return await promisify(open)(file, 'r')
  } catch (error) {
    throw unreadableFile(file, error)
  } finally {
    signal.removeEventListener('abort', release)
    clearInterval(timer)
  }
}

/** Opens a pipe that has a reader, and closes it. */
function openToWrite(pipe: string): void {
  try {
    closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK))
  } catch {
    // Nobody waits yet, or it is no pipe.
  }
}
