/** Reads files that are uploaded: one that is being written, or a value with its outboard. */
import { DstoreError } from '../../../errors.ts'
import type { UploadSource } from '../archive.ts'
import type { Files, ReadableFile } from '../files.ts'

/** A file of this disk, from its beginning. */
export async function fileSource(files: Pick<Files, 'open'>, path: string): Promise<UploadSource> {
  const file = await files.open(path)
  return {
    read: (into, position) => fill(file, into, position),
    close: () => file.close(),
  }
}

export interface TwoFiles {
  readonly value: string
  /** Bytes of the value, and perhaps of the outboard behind it. */
  readonly valueBytes: number
  /** What follows: bytes, or a file. */
  readonly outboard: Uint8Array | string
}

/** A value, then its outboard, wherever that is. */
export async function valueSource(
  files: Pick<Files, 'open'>,
  { value, valueBytes, outboard }: TwoFiles,
): Promise<UploadSource> {
  const first = await fileSource(files, value)
  let second: UploadSource | undefined
  try {
    if (typeof outboard === 'string') second = await fileSource(files, outboard)
  } catch (error) {
    await first.close()
    throw error
  }
  return {
    read: async (into, position) => {
      const ofFirst = Math.max(0, Math.min(into.byteLength, valueBytes - position))
      if (ofFirst > 0) await first.read(into.subarray(0, ofFirst), position)
      const rest = into.subarray(ofFirst)
      const at = position + ofFirst - valueBytes
      if (rest.byteLength === 0) return
      if (second !== undefined) await second.read(rest, at)
      else rest.set((outboard as Uint8Array).subarray(at, at + rest.byteLength))
    },
    close: async () => {
      await first.close()
      await second?.close()
    },
  }
}

async function fill(file: ReadableFile, into: Uint8Array, position: number): Promise<void> {
  for (let filled = 0; filled < into.byteLength;) {
    const count = await file.read(into.subarray(filled), position + filled)
    if (count === 0) throw new DstoreError('integrity', 'a value is shorter than it was')
    filled += count
  }
}
