/**
 * Trees that share their parts, put into a store with rows as the index keeps them: written
 * directly, so that a test may write wrong ones. It ends holds as the index does, at once.
 */
import { DistinctChildren, type Children } from '../../../../src/directory/children.ts'
import { encodeDirectory } from '../../../../src/directory/encoder.ts'
import { decodeDirectory } from '../../../../src/directory/reader.ts'
import { totalsOf, type Entry } from '../../../../src/directory/directory.ts'
import { gather, toHex } from '../../../../src/bytes.ts'
import { DstoreError } from '../../../../src/errors.ts'
import { hash } from '../../../../src/hash/hasher.ts'
import type { Sealed } from '../../../../src/index/global/plan.ts'
import type { Body, Request } from '../../../../src/index/message.ts'
import { decodeKey, encodeKey, keyRow } from '../../../../src/index/records/record.ts'
import {
  MISSING_ROW,
  cascadeRow,
  decodeHeld,
  encodeCascade,
  encodeHold,
  encodeMissing,
  heldRecords,
  heldRow,
  holdRow,
  keptRow,
  missingRow,
  type Counted,
} from '../../../../src/index/records/tree-record.ts'
import { decodeCounter } from '../../../../src/store/counters.ts'
import { createMemoryStore } from '../../../../src/store/memory/memory.ts'
import type { Increment, Store, Write } from '../../../../src/store/store.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

export interface Made {
  readonly digest: Uint8Array
  readonly entry: Entry
}

export class Forest {
  readonly store: Store = createMemoryStore()
  /** Called before the children of a directory are read. */
  beforeRead: (directory: Sealed) => Promise<void> = async () => undefined
  readonly #depths = new Map<string, number>()
  /** Holds that were opened and not ended. */
  holds = 0

  /** A file, which nothing keeps until a directory lists it. */
  async file(content: string): Promise<Made> {
    const bytes = text(content)
    const { digest } = hash(bytes)
    const size = bytes.byteLength
    await this.#put(digest, bytes, undefined)
    return { digest, entry: { type: 'file', digest, size, executable: false } }
  }

  /** A directory of these, counted, which nothing keeps unless it has a name. */
  async directory(children: readonly Made[], name?: string): Promise<Made> {
    const entries = children.map(({ entry }, i): [string, Entry] => [`${i}`, entry])
    const bytes = encodeDirectory(entries)
    const { digest } = hash(bytes)
    const { size, files } = totalsOf(new Map(entries))
    const distinct = [...new Map(children.map((one) => [toHex(one.digest), one])).values()]
    const depth =
      1 + Math.max(0, ...distinct.map((one) => this.#depths.get(toHex(one.digest)) ?? 0))
    this.#depths.set(toHex(digest), depth)
    const facts = { size, files, depth, children: distinct.length, values: 1000 }
    const isNew = await this.#put(digest, bytes, facts, name)
    if (isNew) {
      await this.add(...distinct.map((one) => ({ key: heldRow(one.digest), by: 1 })))
    }
    return { digest, entry: { type: 'directory', digest, size, files } }
  }

  async add(...increments: readonly Increment[]): Promise<void> {
    await this.store.commit({ conditions: [], writes: [], increments, entry: undefined })
  }

  async write(...writes: readonly Write[]): Promise<void> {
    await this.store.commit({ conditions: [], writes, entry: text('e') })
  }

  /** A removal by force: what directories still hold is missing. */
  async lose({ digest }: Made): Promise<void> {
    const directory = await this.#removeKey(digest)
    await this.store.commit({
      conditions: [],
      writes: [{ key: missingRow(digest), value: encodeMissing({ directory }) }],
      increments: [{ key: MISSING_ROW, by: 1 }],
      entry: undefined,
    })
  }

  readonly childrenOf = async (
    directory: Sealed,
    from: number = 0,
    limit: number = Infinity,
  ): Promise<Children> => {
    await this.beforeRead(directory)
    const { location, size } = directory
    const bytes = await gather(this.store.read(location, { start: 0, end: size }))
    return new DistinctChildren(decodeDirectory(bytes)).slice(from, limit)
  }

  /** The index, as far as a recount asks it: the end of a hold removes what nothing keeps. */
  readonly ask = async (request: Request): Promise<Body> => {
    if (request.type !== 'hold') throw new Error(`${request.type} is not asked`)
    const { id, release } = request
    this.holds += release ? -1 : 1
    const value = release ? undefined : encodeHold({ expiresMs: 0 })
    await this.store.commit({
      conditions: [],
      writes: [{ key: holdRow(id), value }],
      entry: undefined,
    })
    if (!release) return { type: 'held' }
    for (const row of await this.store.scan('meta', { prefix: heldRecords(id), limit: 1000 })) {
      const { digests } = decodeHeld(row)
      const writes = [{ key: { table: 'meta', id: row.id } as const, value: undefined }]
      const increments = digests.map((digest) => ({ key: keptRow(digest), by: -1 }))
      await this.store.commit({ conditions: [], writes, increments, entry: undefined })
      for (const digest of digests) await this.#removeIfFree(digest)
    }
    return { type: 'held' }
  }

  /** Removes a key that nothing keeps, unless a count of a child forbids it. */
  async remove({ digest }: Made): Promise<void> {
    try {
      await this.#removeKey(digest)
    } catch (error) {
      if (!(error instanceof DstoreError && error.code === 'integrity')) throw error
    }
  }

  /** Removes the key of a directory, and leaves all of its children to be looked at. */
  async beginRemoval({ digest }: Made, counted: Counted): Promise<void> {
    const [row] = await this.store.rows([keyRow(digest)])
    const { size, location, incarnation } = decodeKey(row!)
    const root = { id: incarnation, digest }
    const value = encodeCascade({ digest, size, location, counted, root })
    await this.write(
      { key: keyRow(digest), value: undefined },
      { key: cascadeRow(incarnation, incarnation), value },
    )
  }

  async held({ digest }: Made): Promise<number> {
    return decodeCounter((await this.store.rows([heldRow(digest)]))[0]?.value)
  }

  async exists({ digest }: Made): Promise<boolean> {
    return (await this.store.rows([keyRow(digest)]))[0] !== undefined
  }

  async #removeIfFree(digest: Uint8Array): Promise<void> {
    const [key, held, kept] = await this.store.rows([
      keyRow(digest),
      heldRow(digest),
      keptRow(digest),
    ])
    if (key === undefined || held !== undefined || kept !== undefined) return
    const { unnamed, names } = decodeKey(key)
    if (!unnamed && names === 0) await this.#removeKey(digest)
  }

  /** Returns whether it was a directory. */
  async #removeKey(digest: Uint8Array): Promise<boolean> {
    const [key] = await this.store.rows([keyRow(digest)])
    const { size, location, directory } = decodeKey(key!)
    const value = { digest, size, location }
    const children = directory === undefined ? [] : (await this.childrenOf(value)).items
    await this.store.commit({
      conditions: [],
      writes: [{ key: keyRow(digest), value: undefined }],
      increments: children.map((child) => ({ key: heldRow(child.digest), by: -1 })),
      entry: text('remove'),
      release: [location],
    })
    for (const child of children) await this.#removeIfFree(child.digest)
    return directory !== undefined
  }

  async #put(
    digest: Uint8Array,
    bytes: Uint8Array,
    directory: ReturnType<typeof decodeKey>['directory'],
    name?: string,
  ): Promise<boolean> {
    if ((await this.store.rows([keyRow(digest)]))[0] !== undefined) return false
    const staging = await this.store.stage(bytes.byteLength)
    await staging.write(bytes)
    const location = await staging.seal(new Uint8Array(0))
    const record = { size: bytes.byteLength, location, names: 0, unnamed: name !== undefined }
    const value = encodeKey({ ...record, directory })
    await this.store.commit({
      conditions: [],
      writes: [{ key: keyRow(digest), value }],
      entry: text('put'),
      adopt: [location],
    })
    return true
  }
}
