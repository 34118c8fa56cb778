/**
 * Reads an archive from an untrusted source: files named after keys and files of names; refuses
 * everything else (R007-42). Nothing is written to a path, so directories in paths are ignored.
 */
import { DstoreError } from '../../src/errors.ts'
import { isNamesFile } from './names-file.ts'
import { readTar, type TarEntry } from './tar-entries.ts'

export interface ArchivedFile {
  readonly kind: 'value' | 'names'
  /** The name without directories; for a value, its key. */
  readonly file: string
  /** In bytes, as the header claims; `bytes` yields exactly that many, or fails. */
  readonly size: number
  readonly bytes: AsyncIterable<Uint8Array>
}

/** An entry that does not belong into an archive of values. */
export interface Refused {
  readonly kind: 'refused'
  readonly path: string
  readonly fault: DstoreError
}

/** The spelling in which dstore prints keys, of values and of directories. */
const KEY = /^baf[ky]r4i[a-h][a-z2-7]{51}$/

/** Longer paths are cut in messages: they are untrusted. */
const SHOWN_CHARS = 100

/**
 * The files in their order. Read the bytes of one before the next: that skips the rest. Fails with
 * `unreadable` when everything that is whole has been read, and with the reason of the signal.
 */
export async function* readArchive(
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<ArchivedFile | Refused, void, undefined> {
  for await (const entry of readTar(archive, signal)) {
    if (entry.type === 'directory') continue
    const { path, size, bytes } = entry
    const fault = faultOf(entry)
    const file = baseOf(path)
    if (fault !== undefined) yield { kind: 'refused', path: shown(path), fault }
    else yield { kind: isNamesFile(file) ? 'names' : 'value', file, size, bytes }
  }
}

function faultOf({ path, type }: TarEntry): DstoreError | undefined {
  const refuse = (why: string): DstoreError =>
    new DstoreError('unreadable', `not imported: ${shown(path)} is ${why}`)
  if (type !== 'file') return refuse(`a ${type}`)
  const file = baseOf(path)
  if (path.startsWith('/') || path.split('/').includes('..')) return refuse('outside the archive')
  return KEY.test(file) || isNamesFile(file) ? undefined : refuse('not named after a key')
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function shown(path: string): string {
  return path.length <= SHOWN_CHARS ? path : `${path.slice(0, SHOWN_CHARS)}...`
}
