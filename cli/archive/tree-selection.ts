/** What is below directories that are exported: each value once (R007-282). */
import type { Client } from '../../src/daemon/client/client.ts'
import { asDstoreError, type DstoreError } from '../../src/errors.ts'
import { Key, parseKey } from '../../src/hash/key.ts'
import { DigestTable } from '../../src/tree/digest-table.ts'
import { Listings } from '../../src/tree/read/listings.ts'

/** A value that cannot be exported. */
export interface UnavailableValue {
  /** The key or name that was asked for. */
  readonly text: string
  readonly fault: DstoreError
}

/** A value to export. */
export interface WantedValue {
  readonly key: string
  /** Bytes; undefined if that is not known yet. */
  readonly size: number | undefined
}

/** The key under which the bytes of a value are found, also of a directory (R008-12). */
export const bytesKey = (key: string): string => new Key(parseKey(key).digest).toString()

export class TreeSelection {
  readonly #listings: Listings
  readonly #directories = new DigestTable()
  readonly #others = new DigestTable()
  /** Directories that could not be read: what is below them is not known. */
  readonly #unread = new DigestTable()

  constructor(client: Client) {
    const reader = { get: (key: Key) => client.get(new Key(key.digest).toString()) }
    this.#listings = new Listings(reader)
  }

  /** A directory and those below it that no other call gave. */
  async *directories(root: Key): AsyncGenerator<WantedValue | UnavailableValue> {
    for (const left = [root.digest]; left.length > 0;) {
      const digest = left.pop()!
      if (this.#directories.has(digest)) continue
      this.#directories.add(digest)
      const key = new Key(digest, 'directory')
      let size: number
      try {
        const { entries, bytes } = await this.#listings.get(key)
        size = bytes
        for (const [, entry] of entries) if (entry.type === 'directory') left.push(entry.digest)
      } catch (error) {
        this.#unread.add(digest)
        yield { text: key.toString(), fault: asDstoreError(error) }
        continue
      }
      yield { key: key.toString(), size }
    }
  }

  /** The files in all of these directories. */
  async *files(): AsyncGenerator<WantedValue | UnavailableValue> {
    for (let at = 0; at < this.#directories.size; at++) {
      const key = new Key(this.#directories.at(at), 'directory')
      if (this.#unread.has(key.digest)) continue
      try {
        for (const [, entry] of (await this.#listings.get(key)).entries) {
          if (entry.type !== 'file') continue
          const file = new Key(entry.digest)
          if (this.isNew(file)) yield { key: file.toString(), size: entry.size }
        }
      } catch (error) {
        yield { text: key.toString(), fault: asDstoreError(error) }
      }
    }
  }

  /** False if the value is in these directories, or was asked about before. */
  isNew({ digest }: Key): boolean {
    if (this.#directories.has(digest) || this.#others.has(digest)) return false
    this.#others.add(digest)
    return true
  }
}
