/** The names of values that are exported, of any number, each with its terms (R007-41). */
import type { Client } from '../../src/daemon/client/client.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import { parseKey, type Key } from '../../src/hash/key.ts'
import { NAMES_PER_ANSWER } from '../../src/limits.ts'
import { DigestTable } from '../../src/tree/digest-table.ts'
import { Spool } from '../../src/tree/spool.ts'
import type { ArchivedName } from './names-file.ts'

/** Values whose names are asked for one by one; for more of them, all names are listed once. */
const ONE_BY_ONE = 128

/** To be closed. */
export class ValueNames {
  readonly #client: Client
  #left: number
  #all: Promise<NameTable> | undefined

  /** `oneByOne`: values whose names are asked for one by one. */
  constructor(client: Client, oneByOne: number = ONE_BY_ONE) {
    this.#client = client
    this.#left = oneByOne
  }

  /** All names of a value, in order. Errors: those of facts; `unreachable` without Global. */
  async of(key: string): Promise<readonly ArchivedName[]> {
    if (this.#all === undefined && this.#left > 0) {
      this.#left--
      const few = await this.#few(key)
      if (few !== undefined) return few
    }
    this.#all ??= NameTable.load(this.#client)
    return (await this.#all).of(parseKey(key))
  }

  async close(): Promise<void> {
    const table = await this.#all?.catch(() => undefined)
    table?.close()
  }

  /** Undefined if they are more than one answer has. */
  async #few(key: string): Promise<ArchivedName[] | undefined> {
    const { names, confirmed } = await this.#client.facts(key)
    if (!confirmed) {
      throw new DstoreError('unreachable', 'Global is away, and only Global knows all names')
    }
    if (names.length >= NAMES_PER_ANSWER) return undefined
    const bound: ArchivedName[] = []
    for (const name of names.toSorted()) {
      try {
        const line = await this.#client.lookup(name, true)
        // It may have moved meanwhile.
        if (isSame(line.key, key)) bound.push(nameOf(line))
      } catch (error) {
        if (asDstoreError(error).code !== 'not-found') throw error
      }
    }
    return bound
  }
}

/** Every name, by the digest that it is bound to: the names themselves are in a file. */
class NameTable {
  readonly #digests = new DigestTable()
  /** Where the last name of each digest is; each name says where the one before it is. */
  readonly #lasts: number[] = []
  readonly #spool = new Spool()

  static async load(client: Client): Promise<NameTable> {
    const table = new NameTable()
    try {
      for await (const line of client.names()) table.#add(parseKey(line.key), nameOf(line))
      return table
    } catch (error) {
      table.close()
      throw error
    }
  }

  of({ digest }: Key): ArchivedName[] {
    const names: ArchivedName[] = []
    const number = this.#digests.find(digest)
    for (let at = this.#lasts[number] ?? NONE; at !== NONE;) {
      const head = Buffer.from(this.#spool.read(at, HEAD_BYTES))
      const bytes = this.#spool.read(at + HEAD_BYTES, head.readUInt32LE(8))
      names.push(JSON.parse(Buffer.from(bytes).toString()) as ArchivedName)
      at = head.readDoubleLE(0)
    }
    return names.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  close(): void {
    this.#spool.close()
  }

  #add({ digest }: Key, name: ArchivedName): void {
    const number = this.#digests.add(digest)
    const text = Buffer.from(JSON.stringify(name))
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeDoubleLE(this.#lasts[number] ?? NONE, 0)
    head.writeUInt32LE(text.byteLength, 8)
    this.#lasts[number] = this.#spool.append(Buffer.concat([head, text]))
  }
}

const NONE = -1
/** Where the name before is, and the bytes of this one. */
const HEAD_BYTES = 12

function nameOf({ name, key, kind, expiresAt }: ArchivedLine): ArchivedName {
  return {
    name,
    key,
    ...(kind === 'tag' && { kind }),
    ...(expiresAt !== undefined && { expires: expiresAt }),
  }
}

interface ArchivedLine {
  readonly name: string
  readonly key: string
  readonly kind?: 'fixed' | 'tag'
  readonly expiresAt?: string
}

const isSame = (one: string, other: string): boolean =>
  Buffer.compare(parseKey(one).digest, parseKey(other).digest) === 0
