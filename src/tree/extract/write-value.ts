/** Writes the value of one file entry to an open, empty file. */
import * as fs from 'node:fs'
import { promisify } from 'node:util'
import type { FileEntry } from '../../directory/directory.ts'
import { DstoreError } from '../../errors.ts'
import { KIB, MIB } from '../../limits.ts'
import { unwritableFile } from '../../store/file/file-faults.ts'
import type { Progress } from '../../node/node.ts'
import { keyOf } from '../read/entry-at.ts'
import { naming } from '../read/naming.ts'
import type { ValueReader } from '../read/value-reader.ts'
import type { ExtractOptions } from './options.ts'

const write = promisify(fs.write)

/** The largest value that is asked for whole, and that the system takes at once. */
const SMALL_BYTES = 64 * KIB

/** From this size on, the node writes the file itself where it can. */
const COPY_BYTES = MIB

export interface WrittenFile {
  readonly fd: number
  /** Leads to it, for the system. */
  readonly at: string
  /** For messages. */
  readonly path: string
}

type Calls = Pick<ExtractOptions, 'signal' | 'timeoutMs'>

/**
 * Writes all of it; `onBytes` gets how many bytes are written of a large one. Errors name the path:
 * those of `Node.get`, `integrity` if the value has another size than its entry says, `unwritable`,
 * `no-space`.
 */
export async function writeValue(
  reader: ValueReader,
  entry: FileEntry,
  file: WrittenFile,
  { onBytes, ...calls }: Calls & { readonly onBytes: (doneBytes: number) => void },
): Promise<void> {
  const { size } = entry
  const key = keyOf(entry)
  try {
    if (size <= SMALL_BYTES) {
      const whole = await reader.getSmall?.(key, size)
      if (whole !== undefined) {
        if (whole.byteLength !== size) throw wrongSize(whole.byteLength, size)
        return await writeAll(file, whole, 0)
      }
    }
    if (size >= COPY_BYTES) {
      const opened = { fd: file.fd, path: file.at }
      const onProgress = ({ doneBytes }: Progress): void => onBytes(doneBytes)
      const isCopied = await reader.copy?.(key, size, opened, { ...calls, onProgress })
      if (isCopied === true) return checkLength(file, size)
    }
    const value = await reader.get(key, calls)
    if (value.size !== size) throw wrongSize(value.size, size)
    let at = 0
    for await (const part of value.bytes) {
      await writeAll(file, part, at)
      at += part.byteLength
      onBytes(at)
    }
    if (at !== size) throw wrongSize(at, size)
  } catch (error) {
    throw naming(file.path, error)
  }
}

async function writeAll({ fd, path }: WrittenFile, bytes: Uint8Array, at: number): Promise<void> {
  try {
    const isSmall = bytes.byteLength <= SMALL_BYTES
    let done = isSmall ? fs.writeSync(fd, bytes, 0, bytes.byteLength, at) : 0
    while (done < bytes.byteLength) {
      const left = bytes.byteLength - done
      done += (await write(fd, bytes, done, left, at + done)).bytesWritten
    }
  } catch (error) {
    throw unwritableFile(`write to ${path}`, error)
  }
}

function checkLength({ fd }: WrittenFile, size: number): void {
  const found = fs.fstatSync(fd).size
  if (found !== size) throw wrongSize(found, size)
}

const wrongSize = (found: number, size: number): DstoreError =>
  new DstoreError('integrity', `the value has ${found} bytes, and its directory says ${size}`)
