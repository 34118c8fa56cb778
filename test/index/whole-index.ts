/**
 * Walks a whole store and says everything that is wrong with its index: the judge of what the rules
 * of directories promise (specs/004-index.md, "Rules: directories"). It takes nothing on trust: it
 * reads every value, and counts again what is counted. All of it is in memory, so it is for tests.
 */
import { gather, toHex } from '../../src/bytes.ts'
import { decodeDirectory } from '../../src/directory/reader.ts'
import { totalsOf, type Directory } from '../../src/directory/directory.ts'
import { hash } from '../../src/hash/hasher.ts'
import { keepOf } from '../../src/index/records/keep-record.ts'
import { decodeName } from '../../src/index/records/name-record.ts'
import { decodeKey, type KeyRecord } from '../../src/index/records/record.ts'
import {
  decodeAdding,
  decodeCascade,
  decodeHeld,
  decodeMissing,
  MISSING_ROW,
} from '../../src/index/records/tree-record.ts'
import { decodeCounter } from '../../src/store/counters.ts'
import type { Location, Row, Store, Table } from '../../src/store/store.ts'

export interface WholeIndex {
  /** A line for each fault. */
  readonly faults: readonly string[]
  /** Hex digits of every key that exists. */
  readonly keys: ReadonlyMap<string, KeyRecord>
  /** Names, and the digests that they are bound to. */
  readonly names: ReadonlyMap<string, string>
  /** Directories whose children are counted. */
  readonly directories: ReadonlyMap<string, Directory>
  /** For each key that directories hold, how many. */
  readonly held: ReadonlyMap<string, number>
  /** Work that is not done: holds, what they keep, edges half counted, cascades. */
  readonly unfinished: readonly string[]
  /** Keys that directories hold and that do not exist. */
  readonly missing: ReadonlySet<string>
}

type ReadableStore = Pick<Store, 'rows' | 'scan' | 'read' | 'usage'>

const PAGE = 4096

/** Nothing may change while it runs. */
export async function walkIndex(store: ReadableStore): Promise<WholeIndex> {
  const walk = new Walk(store)
  await walk.run()
  return walk
}

class Walk implements WholeIndex {
  readonly faults: string[] = []
  readonly keys = new Map<string, KeyRecord>()
  readonly names = new Map<string, string>()
  readonly directories = new Map<string, Directory>()
  readonly held = new Map<string, number>()
  readonly kept = new Map<string, number>()
  readonly unfinished: string[] = []
  readonly missing = new Set<string>()
  /** The names of keys that have rows of their own. */
  readonly #named = new Map<string, string[]>()
  /** What waits to be looked at, and removed unless something keeps it. */
  readonly #doomed = new Set<string>()
  readonly #asDirectory = new Set<string>()
  /** Values of directories that were removed, whose children are being counted down. */
  readonly #locations: { readonly location: Location; readonly size: number }[] = []
  readonly #store: ReadableStore

  constructor(store: ReadableStore) {
    this.#store = store
  }

  async run(): Promise<void> {
    for (const row of await this.#rows('names')) {
      this.names.set(Buffer.from(row.id).toString(), toHex(decodeName(row)))
    }
    for (const { id } of await this.#meta('named/')) {
      const hex = toHex(id.subarray(0, 32))
      const name = Buffer.from(id.subarray(33)).toString()
      this.#named.set(hex, [...(this.#named.get(hex) ?? []), name])
    }
    for (const row of await this.#rows('keys')) await this.#key(row)
    await this.#unfinished()
    this.#names()
    await this.#counters('held', this.held)
    await this.#counters('kept', this.kept)
    this.#orphans()
    await this.#missing()
    this.#totals()
    await this.#usage()
  }

  async #key(row: Row): Promise<void> {
    const hex = toHex(row.id)
    const record = decodeKey(row)
    this.keys.set(hex, record)
    const bytes = await this.#bytes(hex, record)
    if (record.directory === undefined) return
    const directory = bytes && this.#decoded(hex, bytes)
    if (directory === undefined) return
    this.directories.set(hex, directory)
    this.#count(childrenOf(directory), directory)
  }

  async #bytes(
    hex: string,
    { size, location }: Pick<KeyRecord, 'size' | 'location'>,
  ): Promise<Uint8Array | undefined> {
    try {
      const bytes = await gather(this.#store.read(location, { start: 0, end: size }))
      if (toHex(hash(bytes).digest) === hex) return bytes
      this.#fault(`${hex}: its bytes are not what its key says`)
    } catch (error) {
      this.#fault(`${hex}: its bytes cannot be read: ${(error as Error).message}`)
    }
    return undefined
  }

  #decoded(hex: string, bytes: Uint8Array): Directory | undefined {
    try {
      return decodeDirectory(bytes)
    } catch (error) {
      this.#fault(`${hex}: it counts as a directory and is none: ${(error as Error).message}`)
      return undefined
    }
  }

  #count(children: readonly string[], directory: Directory): void {
    for (const child of children) this.held.set(child, (this.held.get(child) ?? 0) + 1)
    for (const entry of directory.values()) {
      if (entry.type === 'directory') this.#asDirectory.add(toHex(entry.digest))
    }
  }

  /** Edges that are half counted, and what holds keep. */
  async #unfinished(): Promise<void> {
    for (const { id, row } of await this.#meta('adding/')) {
      const hex = toHex(id)
      this.unfinished.push(`adding ${hex}`)
      const record = this.keys.get(hex)
      if (record === undefined) {
        this.#fault(`${hex}: its edges are being counted, and it does not exist`)
      } else if (record.directory !== undefined) {
        this.#fault(`${hex}: its edges are being counted, and are counted`)
      } else {
        const bytes = await this.#bytes(hex, record)
        this.#part(hex, bytes, decodeAdding(row).counted)
      }
    }
    for (const { id, row } of await this.#meta('cascade/')) {
      const { digest, size, location, counted } = decodeCascade(row)
      const hex = toHex(digest)
      this.unfinished.push(`cascade ${toHex(id)} of ${hex}`)
      this.#locations.push({ location, size })
      this.#part(hex, await this.#bytes(hex, { size, location }), counted)
    }
    for (const { row } of await this.#meta('keep/')) {
      const hex = toHex(keepOf(row).digest)
      this.kept.set(hex, (this.kept.get(hex) ?? 0) + 1)
    }
    const holds = new Set<string>()
    for (const { id } of await this.#meta('ended/')) holds.add(toHex(id))
    for (const { id, row } of await this.#meta('hold/')) {
      if (id.byteLength === 16) {
        this.unfinished.push(`hold ${toHex(id)}`)
        holds.add(toHex(id))
        continue
      }
      const hold = toHex(id.subarray(0, 16))
      this.unfinished.push(`record of ${hold}`)
      if (!holds.has(hold)) this.#fault(`${hold}: what it keeps is recorded, and it is no hold`)
      const { digests, released } = decodeHeld(row)
      for (const digest of digests) {
        const hex = toHex(digest)
        if (released) this.#doomed.add(hex)
        else this.kept.set(hex, (this.kept.get(hex) ?? 0) + 1)
      }
    }
  }

  /** A directory of whose children only a part is counted. */
  #part(
    hex: string,
    bytes: Uint8Array | undefined,
    { upto, unchecked }: { readonly upto: number; readonly unchecked: number },
  ): void {
    const directory = bytes && this.#decoded(hex, bytes)
    if (directory === undefined) return
    const children = childrenOf(directory)
    if (upto > children.length || (unchecked !== 0 && unchecked < upto)) {
      this.#fault(`${hex}: ${upto} and ${unchecked} of ${children.length} children are counted`)
    }
    this.#count(children.slice(0, upto), directory)
    for (const child of children.slice(upto, unchecked)) this.#doomed.add(child)
  }

  #names(): void {
    for (const [name, hex] of this.names) {
      if (!this.#namesOf(hex).has(name)) this.#fault(`${name}: not a name of ${hex}`)
    }
    for (const [hex, { names }] of this.keys) {
      if (this.#namesOf(hex).size !== names) this.#fault(`${hex}: not ${names} names`)
    }
    for (const hex of new Set([...this.keys.keys(), ...this.#named.keys()])) {
      for (const name of this.#namesOf(hex)) {
        if (this.names.get(name) !== hex) this.#fault(`${hex}: ${name} is not bound to it`)
      }
    }
  }

  #namesOf(hex: string): ReadonlySet<string> {
    return new Set([...(this.keys.get(hex)?.listed ?? []), ...(this.#named.get(hex) ?? [])])
  }

  async #counters(table: 'held' | 'kept', counted: ReadonlyMap<string, number>): Promise<void> {
    const stated = new Map<string, number>()
    for (const { id, row } of await this.#meta(`${table}/`)) {
      stated.set(toHex(id), decodeCounter(row.value))
    }
    for (const hex of new Set([...stated.keys(), ...counted.keys()])) {
      const [is, ought] = [stated.get(hex) ?? 0, counted.get(hex) ?? 0]
      if (is !== ought) this.#fault(`${hex}: ${table} says ${is}, and it is ${ought}`)
    }
  }

  #orphans(): void {
    for (const [hex, { names, unnamed }] of this.keys) {
      const isKept = unnamed || names > 0 || this.held.has(hex) || this.kept.has(hex)
      if (!isKept && !this.#doomed.has(hex)) this.#fault(`${hex}: nothing keeps it`)
    }
  }

  async #missing(): Promise<void> {
    const stated = new Map<string, boolean>()
    for (const { id, row } of await this.#meta('missing/')) {
      stated.set(toHex(id), decodeMissing(row).directory)
    }
    const [counter] = await this.#store.rows([MISSING_ROW])
    if (decodeCounter(counter?.value) !== stated.size) this.#fault('missing keys: miscounted')
    for (const hex of this.held.keys()) {
      const record = this.keys.get(hex)
      const lacks =
        record === undefined || (this.#asDirectory.has(hex) && record.directory === undefined)
      if (!lacks) continue
      this.missing.add(hex)
      if (!stated.has(hex)) this.#fault(`${hex}: held and missing, and not marked so`)
    }
    for (const hex of stated.keys()) {
      if (!this.missing.has(hex)) this.#fault(`${hex}: marked as missing, and it is not`)
    }
  }

  /** What the row of a directory says of what is below it. */
  #totals(): void {
    for (const [hex, directory] of this.directories) {
      const stated = this.keys.get(hex)!.directory!
      const { size, files } = totalsOf(directory)
      const children = childrenOf(directory)
      if (stated.size !== size || stated.files !== files || stated.children !== children.length) {
        this.#fault(`${hex}: its row states other totals than its entries`)
      }
      const below = children.map((child) => this.keys.get(child)?.directory)
      const depth = 1 + Math.max(0, ...below.map((child) => child?.depth ?? 0))
      if (stated.depth < depth) this.#fault(`${hex}: it has depth ${depth}, not ${stated.depth}`)
    }
  }

  async #usage(): Promise<void> {
    const values = [...this.keys.values(), ...this.#locations]
    const { values: count, valueBytes } = await this.#store.usage()
    const bytes = values.reduce((sum, { size }) => sum + size, 0)
    if (count !== values.length || valueBytes !== bytes) {
      this.#fault(
        `${count} values of ${valueBytes} bytes are stored, ${values.length} of ${bytes} known`,
      )
    }
  }

  #fault(line: string): void {
    this.faults.push(line)
  }

  /** Rows of `meta` that begin with a prefix, and their ids without it. */
  async #meta(prefix: string): Promise<{ readonly id: Uint8Array; readonly row: Row }[]> {
    const rows = await this.#rows('meta', Buffer.from(prefix))
    return rows.map((row) => ({ id: row.id.subarray(prefix.length), row }))
  }

  async #rows(table: Table, prefix: Uint8Array = new Uint8Array(0)): Promise<Row[]> {
    const rows: Row[] = []
    for (;;) {
      const after = rows.at(-1)?.id
      const page = await this.#store.scan(table, { prefix, limit: PAGE, ...(after && { after }) })
      rows.push(...page)
      if (page.length < PAGE) return rows
    }
  }
}

/** The distinct children of a directory, in the order of its entries. */
export function childrenOf(directory: Directory): string[] {
  const children = new Set<string>()
  for (const entry of directory.values()) {
    if (entry.type !== 'link') children.add(toHex(entry.digest))
  }
  return [...children]
}
