/**
 * What every topic of the conformance suite shares: how a store is made, and short words for common
 * acts.
 */
import type { ExecutionContext, SerialFn } from 'ava'
import type { Location, RecordKey, Row, Store, Table, Write } from '../../../src/store/store.ts'

/** A store under test and where it lives. */
export interface Harness {
  readonly store: Store
  /** Close the store and open what it left behind. */
  reopen(): Promise<Store>
  /** Close the store and leave nothing behind. */
  destroy(): Promise<void>
}

export interface Suite {
  readonly test: SerialFn
  /** Begins the title of every test. */
  readonly name: string
  create(options: { readonly maxBytes?: number }): Promise<Harness>
  readonly supports: {
    /** Does it keep anything beyond `close`? */
    readonly durable: boolean
    /** Does it make room for what comes? Then what is said of quotas does not hold. */
    readonly evicts?: boolean
  }
}

export type Case = (t: ExecutionContext, store: Store, harness: Harness) => Promise<void>

/** One line of the suite: a store of its own, and nothing of it left whatever happens. */
export function check(suite: Suite, title: string, run: Case, maxBytes?: number): void {
  if (maxBytes !== undefined && suite.supports.evicts === true) return
  suite.test(`${suite.name}: ${title}`, async (t) => {
    const harness = await suite.create(maxBytes === undefined ? {} : { maxBytes })
    try {
      await run(t, harness.store, harness)
    } finally {
      await harness.destroy()
    }
  })
}

/** Of usage: no damaged value, no partial upload. */
export const NOTHING_WRONG = { damaged: 0, unfinishedBytes: 0 } as const

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/**
 * Bytes in which every 251st is the same: a shift by any power of two shows. The array is shared:
 * read only.
 */
export function pattern(size: number): Uint8Array {
  if (longest.byteLength < size) longest = Uint8Array.from({ length: size }, (_, i) => i % 251)
  return longest.subarray(0, size)
}

let longest = new Uint8Array(0)

export function keyOf(id: string | Uint8Array, table: Table = 'keys'): RecordKey {
  return { table, id: typeof id === 'string' ? text(id) : id }
}

export function write(id: string | Uint8Array, value: string | undefined, table?: Table): Write {
  return { key: keyOf(id, table), value: value === undefined ? undefined : text(value) }
}

/** Commit writes with an entry, expecting nothing. */
export async function commit(store: Store, ...writes: readonly Write[]): Promise<number> {
  const result = await store.commit({ conditions: [], writes, entry: text('change') })
  if (!result.ok) throw new Error('a transaction without conditions failed')
  return result.seq
}

export async function row(
  store: Store,
  id: string | Uint8Array,
  table?: Table,
): Promise<Row | undefined> {
  return (await store.rows([keyOf(id, table)]))[0]
}

export async function seal(
  store: Store,
  bytes: Uint8Array,
  outboard: Uint8Array = new Uint8Array(0),
): Promise<Location> {
  const staging = await store.stage(bytes.byteLength)
  await staging.write(bytes)
  return staging.seal(outboard)
}

export async function adopt(store: Store, ...locations: readonly Location[]): Promise<number> {
  const entry = text('adopt')
  const result = await store.commit({ conditions: [], writes: [], entry, adopt: locations })
  return result.ok ? result.seq : Number.NaN
}

export async function release(store: Store, ...locations: readonly Location[]): Promise<number> {
  const entry = text('release')
  const result = await store.commit({ conditions: [], writes: [], entry, release: locations })
  return result.ok ? result.seq : Number.NaN
}

/** Seal and adopt: a value that is there. */
export async function keep(
  store: Store,
  bytes: Uint8Array,
  outboard?: Uint8Array,
): Promise<Location> {
  const location = await seal(store, bytes, outboard)
  await adopt(store, location)
  return location
}

export async function readAll(
  store: Store,
  location: Location,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of store.read(location, { start, end })) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** The same bytes? Says where they part, not both arrays. */
export function sameBytes(t: ExecutionContext, actual: Uint8Array, expected: Uint8Array): void {
  t.is(actual.byteLength, expected.byteLength, 'length')
  t.is(Buffer.compare(actual, expected), 0, 'content')
}
