/** Values in memory that trees are read from, and trees of them by a description. */
import { encodeDirectory } from '../../src/directory/encoder.ts'
import { totalsOf, type Directory, type Entry } from '../../src/directory/directory.ts'
import { DstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import type { ValueReader } from '../../src/tree/read/value-reader.ts'
import type { Content } from './folder.ts'

const PIECE_BYTES = 10_000

export class StoredValues implements ValueReader {
  readonly values: Map<string, Uint8Array> = new Map()
  /** Digests of the values that were read, in order. */
  readonly reads: string[] = []
  /** Called before each read; what it throws is the outcome. */
  beforeGet: (key: Key) => Promise<void> | void = () => undefined
  /** What the bytes of files wait for. */
  gate: Promise<void> = Promise.resolve()
  /** Reads in progress, and the most at a time. */
  reading: number = 0
  mostReading: number = 0

  put(bytes: Uint8Array): Uint8Array {
    const { digest } = hash(bytes)
    this.values.set(new Key(digest).toHex(), bytes)
    return digest
  }

  file(text: string | Uint8Array, executable: boolean = false): Entry {
    const bytes = Buffer.from(text)
    return { type: 'file', digest: this.put(bytes), size: bytes.byteLength, executable }
  }

  directory(entries: Iterable<readonly [string, Entry]>): Extract<Entry, { type: 'directory' }> {
    const directory: Directory = new Map(entries)
    const digest = this.put(encodeDirectory(directory))
    return { type: 'directory', digest, ...totalsOf(directory) }
  }

  /** The key of a tree with these contents, by their paths as in `folderOf`. */
  tree(contents: Readonly<Record<string, Content>>): Key {
    return new Key(this.#entries(Object.entries(contents)).digest, 'directory')
  }

  async get(
    key: Key,
  ): Promise<{ readonly size: number; readonly bytes: AsyncIterable<Uint8Array> }> {
    await this.beforeGet(key)
    const bytes = this.values.get(key.toHex())
    if (bytes === undefined) throw new DstoreError('not-found', `no such key: ${key.toString()}`)
    this.reads.push(key.toHex())
    return { size: bytes.byteLength, bytes: this.#pieces(bytes, key) }
  }

  async *#pieces(bytes: Uint8Array, { kind }: Key): AsyncGenerator<Uint8Array> {
    this.mostReading = Math.max(this.mostReading, ++this.reading)
    try {
      if (kind === 'bytes') await this.gate
      // As a node does, it uses its memory again.
      const piece = new Uint8Array(PIECE_BYTES)
      for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
        const part = bytes.subarray(at, at + PIECE_BYTES)
        piece.set(part)
        yield piece.subarray(0, part.byteLength)
        piece.fill(0xff)
      }
    } finally {
      this.reading--
    }
  }

  #entries(contents: [string, Content][]): Extract<Entry, { type: 'directory' }> {
    const entries = new Map<string, Entry>()
    const below = new Map<string, [string, Content][]>()
    for (const [path, content] of contents) {
      const at = path.indexOf('/')
      if (at !== -1) {
        const name = path.slice(0, at)
        below.set(name, [...(below.get(name) ?? []), [path.slice(at + 1), content]])
      } else if (content === null) entries.set(path, this.directory([]))
      else if (typeof content === 'string') entries.set(path, this.file(content))
      else if ('to' in content) entries.set(path, { type: 'link', target: content.to })
      else entries.set(path, this.file(content.exec, true))
    }
    for (const [name, inner] of below) entries.set(name, this.#entries(inner))
    return this.directory(entries)
  }
}
