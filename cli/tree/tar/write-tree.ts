/** Writes a stored tree as a tar file (R007-275): folders before what is in them, in order. */
import { once } from '../../../src/bytes.ts'
import type { Entry } from '../../../src/directory/directory.ts'
import { Key } from '../../../src/hash/key.ts'
import { KIB } from '../../../src/limits.ts'
import { Listings } from '../../../src/tree/read/listings.ts'
import type { ValueReader } from '../../../src/tree/read/value-reader.ts'
import { walkTree } from '../../../src/tree/read/walk.ts'
import { mapConcurrently } from '../../archive/map-concurrently.ts'
import { TarWriter } from '../../archive/tar-writer.ts'

/** Files of at most this size are fetched before their turn, which bounds memory. */
const AHEAD_BYTES = 64 * KIB
const AHEAD = 32

/** Pieces of the archive are joined to as much before they are written. */
const WRITE_BYTES = 128 * KIB

export interface WriteTreeOptions {
  readonly signal: AbortSignal
  /** More of the tree has been written. */
  readonly onProgress: (files: number, bytes: number) => void
}

/** An entry that is not in a folder of its own: a file, a link, or a folder. */
interface Item {
  readonly path: string
  readonly entry: Entry | 'folder'
}

/**
 * Writes all that is below a directory, with paths from there; the directory itself has no entry.
 * `write` receives the archive. Errors: those of `Listings.get` and of `write`.
 */
export async function writeTree(
  reader: ValueReader,
  root: Key,
  write: (bytes: Uint8Array) => Promise<void>,
  { signal, onProgress }: WriteTreeOptions,
): Promise<void> {
  const joined = new JoinedWrites(write)
  const writer = new TarWriter((bytes) => joined.write(bytes))
  const stop = (): void => writer.abandon(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    const items = itemsBelow(new Listings(reader), root)
    const ready = mapConcurrently(items, AHEAD, async ({ path, entry }) => {
      return { path, entry, bytes: await fetchAhead(reader, entry) }
    })
    for await (const { path, entry, bytes } of ready) {
      signal.throwIfAborted()
      if (entry === 'folder') await writer.addFolder(path)
      else if (entry.type === 'link') await writer.addLink(path, entry.target)
      else if (entry.type === 'file') {
        const { size, executable } = entry
        const content = bytes ?? (await reader.get(new Key(entry.digest))).bytes
        await writer.add(path, size, counted(content, onProgress), executable ? 0o755 : 0o644)
        onProgress(1, 0)
      }
    }
    await writer.end()
    await joined.flush()
  } catch (error) {
    writer.abandon(error)
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function* itemsBelow(listings: Listings, root: Key): AsyncGenerator<Item> {
  const names: string[] = []
  for await (const step of walkTree(listings, root)) {
    if (step.type === 'leave') names.pop()
    else if (step.type === 'entry') {
      yield { path: [...names, step.name].join('/'), entry: step.entry }
    } else {
      names.push(step.name)
      yield { path: names.join('/'), entry: 'folder' }
    }
  }
}

/** The bytes of a small file; undefined for anything else. */
async function fetchAhead(
  reader: ValueReader,
  entry: Item['entry'],
): Promise<AsyncIterable<Uint8Array> | undefined> {
  if (entry === 'folder' || entry.type !== 'file' || entry.size > AHEAD_BYTES) return undefined
  const key = new Key(entry.digest)
  const bytes = await reader.getSmall?.(key, entry.size)
  if (bytes !== undefined) return once(bytes)
  const parts: Uint8Array[] = []
  // A part is valid only until the next one is asked for.
  for await (const part of (await reader.get(key)).bytes) parts.push(Uint8Array.from(part))
  return parts.length === 0 ? once(new Uint8Array(0)) : each(parts)
}

async function* each(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  onProgress: WriteTreeOptions['onProgress'],
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    yield piece
    onProgress(0, piece.byteLength)
  }
}

/** Joins small writes: each header of a tar file is one. */
class JoinedWrites {
  readonly #write: (bytes: Uint8Array) => Promise<void>
  readonly #buffer = new Uint8Array(WRITE_BYTES)
  #length = 0

  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#length + bytes.byteLength > WRITE_BYTES) await this.flush()
    if (bytes.byteLength > WRITE_BYTES) return this.#write(bytes)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.byteLength
  }

  async flush(): Promise<void> {
    if (this.#length === 0) return
    await this.#write(Uint8Array.from(this.#buffer.subarray(0, this.#length)))
    this.#length = 0
  }
}
