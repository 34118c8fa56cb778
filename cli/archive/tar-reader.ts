/**
 * Reads an archive from an untrusted source: files named after keys and files of names; refuses
 * everything else (R007-42). Nothing is written to a path, so directories in paths are ignored.
 */
import { createTarDecoder, type TarHeader } from 'modern-tar'
import { DstoreError } from '../../src/errors.ts'
import { isNamesFile } from './names-file.ts'

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

/** The spelling in which dstore prints keys. */
const KEY = /^bafkr4i[a-h][a-z2-7]{51}$/

/** Longer paths are cut in messages: they are untrusted. */
const SHOWN_CHARS = 100

/**
 * The entries in their order. Read the bytes of an entry before the next one: that skips the rest.
 * Fails with `unreadable` if this is no tar file or is cut off, or with the reason of the signal.
 */
export async function* readArchive(
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<ArchivedFile | Refused, void, undefined> {
  const { readable, writable } = createTarDecoder({ strict: true })
  const writer = writable.getWriter()
  const stop = (): void => void writer.abort(signal.reason).catch(() => undefined)
  signal.addEventListener('abort', stop, { once: true })
  const fed = feed(archive, writer)
  fed.catch(() => undefined)
  let isReported = false
  try {
    for await (const { header, body } of readable) {
      if (header.type === 'directory') continue
      const fault = faultOf(header)
      const { name: path, size } = header
      if (fault !== undefined) {
        await body.cancel()
        yield { kind: 'refused', path: shown(path), fault }
        continue
      }
      const file = baseOf(path)
      const kind = isNamesFile(file) ? 'names' : 'value'
      const bytes = reading(body, (error) => {
        isReported = true
        return archiveFault(error, signal)
      })
      yield { kind, file, size, bytes }
      // Skips unread bytes; does nothing if all were read.
      await body.cancel().catch(() => undefined)
    }
    await fed
  } catch (error) {
    // The reader of a broken entry has already received the fault.
    if (!isReported) throw archiveFault(error, signal)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Feed the archive to the decoder, no faster than it accepts it. */
async function feed(
  archive: AsyncIterable<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  try {
    for await (const piece of archive) await writer.write(piece)
    await writer.close()
  } catch (error) {
    await writer.abort(error).catch(() => undefined)
    throw error
  }
}

async function* reading(
  body: ReadableStream<Uint8Array>,
  faultOfBody: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array, void, undefined> {
  const pieces = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await pieces.next().catch((error: unknown) => {
        throw faultOfBody(error)
      })
      if (next.done === true) return
      yield next.value
    }
  } finally {
    await pieces.return?.()
  }
}

function faultOf({ name, type = 'file', pax = {} }: TarHeader): DstoreError | undefined {
  const refuse = (why: string): DstoreError =>
    new DstoreError('unreadable', `not imported: ${shown(name)} is ${why}`)
  if (type !== 'file') return refuse(`a ${type}`)
  if (Object.keys(pax).some((key) => key.startsWith('GNU.sparse.'))) return refuse('a sparse file')
  const file = baseOf(name)
  if (name.startsWith('/') || name.split('/').includes('..')) return refuse('outside the archive')
  return KEY.test(file) || isNamesFile(file) ? undefined : refuse('not named after a key')
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function shown(path: string): string {
  return path.length <= SHOWN_CHARS ? path : `${path.slice(0, SHOWN_CHARS)}...`
}

function archiveFault(error: unknown, { aborted, reason }: AbortSignal): unknown {
  if (aborted) return reason
  if (error instanceof DstoreError) return error
  const why = (error instanceof Error ? error.message : String(error)).replace(/\.$/, '')
  const message = `cannot read the archive: ${why.charAt(0).toLowerCase()}${why.slice(1)}`
  const hint = 'an archive is an uncompressed tar file'
  return new DstoreError('unreadable', message, { cause: error, hint })
}
