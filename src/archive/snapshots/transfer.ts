/** Large files to objects and back, in parts with bounded memory. */
import type { ObjectStore, UploadedPart } from '../../bucket/object-store.ts'
import { DstoreError } from '../../errors.ts'
import { type Hasher, createHasher, hashInTurns } from '../../hash/hasher.ts'
import { ARCHIVE_PARTS_AHEAD, ARCHIVE_PART_BYTES, KIB, MIB } from '../../limits.ts'
import type { Files, ReadableFile } from '../../store/disk/files.ts'
import { PartSizes } from '../values/part-sizes.ts'

export interface TransferOptions {
  readonly objects: ObjectStore
  readonly files: Files
  readonly signal: AbortSignal
  /** Bytes so far. */
  readonly onProgress?: (bytes: number) => void
}

/** Only the digest is wanted: large groups make a small tree. */
const plainHasher = (): Hasher => createHasher({ groupBytes: 256 * KIB })

/** Length and BLAKE3 of a file. */
export async function digestFile(
  path: string,
  { files, signal }: Pick<TransferOptions, 'files' | 'signal'>,
): Promise<{ readonly size: number; readonly content: Uint8Array }> {
  const file = await files.open(path)
  try {
    const hasher = plainHasher()
    const piece = new Uint8Array(MIB)
    for (let size = 0; ;) {
      signal.throwIfAborted()
      const length = await file.read(piece, size)
      if (length === 0) return { size, content: hasher.finish().digest }
      await hashInTurns(hasher, piece.subarray(0, length))
      size += length
    }
  } finally {
    await file.close()
  }
}

/** Makes an object of a file, if there is none of the name; leaves no part of it if it fails. */
export async function uploadFile(
  path: string,
  key: string,
  size: number,
  { objects, files, signal, onProgress }: TransferOptions,
): Promise<void> {
  const file = await files.open(path)
  try {
    if (size <= ARCHIVE_PART_BYTES) {
      const body = await exactly(file, 0, size)
      await objects.put(key, body, { ifAbsent: true, signal })
      return
    }
    const upload = { key, id: await objects.beginUpload(key, signal) }
    try {
      const sizes = new PartSizes(size)
      const parts: UploadedPart[] = []
      let [number, begun, done] = [0, 0, 0]
      const send = async (): Promise<void> => {
        while (begun < size) {
          const part = ++number
          const start = begun
          begun = Math.min(size, start + sizes.of(part))
          const body = await exactly(file, start, begun - start)
          parts[part - 1] = await objects.uploadPart(upload, part, body, signal)
          onProgress?.((done += body.byteLength))
        }
      }
      await all(Array.from({ length: ARCHIVE_PARTS_AHEAD }, send))
      await objects.completeUpload(upload, parts, signal)
    } catch (error) {
      await objects.abortUpload(upload).catch(() => undefined)
      throw error
    }
  } finally {
    await file.close()
  }
}

/**
 * Writes an object of this size to a new file, durably, and returns its BLAKE3. Error: `integrity`
 * where the object is missing or shorter.
 */
export async function downloadFile(
  key: string,
  path: string,
  size: number,
  { objects, files, signal, onProgress }: TransferOptions,
): Promise<Uint8Array> {
  const file = await files.create(path)
  const ahead: Promise<Uint8Array>[] = []
  const fetchFrom = (start: number): void => {
    const range = { start, end: Math.min(size, start + ARCHIVE_PART_BYTES) }
    const part = fetched(objects, key, range, signal)
    // Its failure is thrown when its turn comes, if it does.
    part.catch(() => undefined)
    ahead.push(part)
  }
  try {
    const hasher = plainHasher()
    let [next, done] = [0, 0]
    for (;;) {
      for (; next < size && ahead.length < ARCHIVE_PARTS_AHEAD; next += ARCHIVE_PART_BYTES) {
        fetchFrom(next)
      }
      const part = await ahead.shift()
      if (part === undefined) break
      await hashInTurns(hasher, part)
      for (let at = 0; at < part.byteLength;) at += await file.write(part.subarray(at))
      onProgress?.((done += part.byteLength))
    }
    await file.sync()
    return hasher.finish().digest
  } finally {
    await file.close()
  }
}

async function fetched(
  objects: ObjectStore,
  key: string,
  range: { readonly start: number; readonly end: number },
  signal: AbortSignal,
): Promise<Uint8Array> {
  signal.throwIfAborted()
  const bytes = await objects.get(key, { range, signal })
  if (bytes?.byteLength === range.end - range.start) return bytes
  throw new DstoreError('integrity', `${key} is missing or shorter than its description says`)
}

async function exactly(file: ReadableFile, start: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length;) {
    const read = await file.read(bytes.subarray(at), start + at)
    if (read === 0) throw new DstoreError('changed', 'the copy of the records became shorter')
    at += read
  }
  return bytes
}

/** Waits for all, also where one fails: none must use what the caller closes. */
async function all(work: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(work)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
