/** Groups small files that are next to each other: one request stores a group (R007-39). */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { BATCH_ITEMS, HTTP_BATCH_BYTES, INLINE_VALUE_BYTES } from '../../src/limits.ts'

/** Files that follow each other. */
export interface FileGroup {
  readonly files: readonly string[]
  /** Their bytes, where one request carries them; undefined for a file of its own. */
  readonly values: readonly Uint8Array[] | undefined
}

/** The files in order; reads those of a group when it is asked for. */
export function* groupSmall(files: readonly string[]): Generator<FileGroup, void, undefined> {
  for (let at = 0; at < files.length;) {
    const values = readRun(files, at)
    const length = Math.max(1, values.length)
    yield { files: files.slice(at, at + length), values: length > 1 ? values : undefined }
    at += length
  }
}

/** As many values as one request may carry, up to the first file that is large or unreadable. */
function readRun(files: readonly string[], from: number): Uint8Array[] {
  const values: Uint8Array[] = []
  let bytes = 0
  for (const file of files.slice(from, from + BATCH_ITEMS)) {
    const value = small(file)
    bytes += value?.byteLength ?? 0
    if (value === undefined || bytes > HTTP_BATCH_BYTES) break
    values.push(value)
  }
  return values
}

/** Memory to read a small file, and to notice that it is larger. */
const buffer = new Uint8Array(INLINE_VALUE_BYTES + 1)

/** The bytes of a small regular file. A file that fails is reported at its own turn. */
function small(file: string): Uint8Array | undefined {
  try {
    const isRegular = file !== '-' && statSync(file).isFile()
    return isRegular ? readSmall(file) : undefined
  } catch {
    return undefined
  }
}

/** The file to its end, whatever its stated size; undefined if that is far, or it changes. */
function readSmall(file: string): Uint8Array | undefined {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const before = fstatSync(fd, { bigint: true })
    if (!before.isFile() || before.size > INLINE_VALUE_BYTES) return undefined
    let filled = 0
    while (filled < buffer.byteLength) {
      const bytes = readSync(fd, buffer, filled, buffer.byteLength - filled, null)
      if (bytes === 0) break
      filled += bytes
    }
    const after = fstatSync(fd, { bigint: true })
    const isChanged = after.size !== before.size || after.mtimeNs !== before.mtimeNs
    return isChanged || filled > INLINE_VALUE_BYTES ? undefined : buffer.slice(0, filled)
  } finally {
    closeSync(fd)
  }
}
