/**
 * A store whose journal is on a simulated disk. Its process ends, its power is cut, its disk fails
 * at any call, and its LMDB refuses; after each opening all that was told is so, and the records
 * are those that a replay of the whole journal makes from nothing.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DstoreError } from '../../../../src/errors.ts'
import { Chain } from '../../../../src/journal/chain.ts'
import type { Journal } from '../../../../src/journal/journal.ts'
import { KIB } from '../../../../src/limits.ts'
import type { StoreArchive } from '../../../../src/store/disk/archive.ts'
import { type DiskStore, openDiskStore } from '../../../../src/store/disk/disk.ts'
import { nodeFiles } from '../../../../src/store/disk/files.ts'
import { Database } from '../../../../src/store/disk/records/database.ts'
import { applyBody } from '../../../../src/store/disk/replica/apply.ts'
import { Overlay } from '../../../../src/store/disk/replica/overlay.ts'
import type { Location, Table, Transaction } from '../../../../src/store/store.ts'
import { SimDisk, type SimFault } from '../../../journal/file/sim-disk.ts'
import { seeded } from '../../../wire/seeded.ts'
import { keyOf, pattern, text } from '../../conformance/suite.ts'

const TABLES: readonly Table[] = ['keys', 'names', 'meta']
const SIZES = [0, 10, 5000, 20_000]
const LIVES = 4
const STEPS = 40

/** What callers were told of each id: what it has, or one of what it may have. */
interface Told {
  readonly known: Map<string, string | undefined>
  readonly possible: Map<string, Set<string | undefined>>
}

export class Simulation {
  readonly #random: () => number
  readonly #disk: SimDisk
  readonly #told: Told = { known: new Map(), possible: new Map() }
  /** Every entry of the journal, from the first. */
  readonly #entries: Uint8Array[] = []
  /** Changes so far: no two say the same. */
  #count = 0
  #refusesLmdb = false
  #database: Database | undefined
  /** Where the journal was given up that LMDB did not have. */
  #trimmedEarly: number | undefined
  #isGone = false

  constructor(seed: number) {
    this.#random = seeded(seed)
    this.#disk = new SimDisk({ random: this.#random, sectorBytes: 512 })
  }

  async run(): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'dstore-power-'))
    try {
      for (let life = 0; life < LIVES; life++) {
        await this.#live(directory)
        if (this.#random() < 0.6) this.#disk.powerCut()
        else this.#disk.kill()
      }
      const store = await this.#open(directory)
      await this.#check(store)
      await store.close()
    } finally {
      await rm(directory, { recursive: true })
    }
  }

  async #live(directory: string): Promise<void> {
    let store: DiskStore | undefined
    try {
      store = await this.#open(directory)
      await this.#check(store)
      this.#disk.fault = this.#fault()
      for (let step = 0; step < STEPS; step++) {
        this.#refusesLmdb = this.#random() < 0.2
        await Promise.all(Array.from({ length: this.#below(4) + 1 }, () => this.#step(store!)))
        if (this.#disk.fault?.hit !== undefined && this.#disk.fault.kind === 'end') break
      }
    } catch (error) {
      if (!(error instanceof DstoreError)) throw error
      assert.ok(error.code !== 'integrity', error.message)
    } finally {
      // The process is gone: nothing that it does reaches a disk.
      this.#isGone = this.#random() < 0.8
      if (this.#isGone) this.#disk.kill()
      await store?.close()
      this.#isGone = false
      this.#refusesLmdb = false
    }
  }

  #fault(): SimFault | undefined {
    const kind = (['end', 'once', 'on', undefined] as const)[this.#below(4)]
    if (kind === undefined) return undefined
    const code = this.#random() < 0.5 ? 'EIO' : 'ENOSPC'
    return { kind, code, left: this.#below(60), hit: undefined }
  }

  #open(directory: string): Promise<DiskStore> {
    const files = {
      ...nodeFiles,
      identity: async (path: string) =>
        path.includes('/journal') ? 'simulated' : nodeFiles.identity(path),
    }
    const pace = this.#random() < 0.5 ? 0.1 : 1
    const archive = { leastEpoch: 1, join: (own: Journal) => this.#join(own) }
    const rest = { values: undefined, opened: async () => {}, close: async () => {} }
    return openDiskStore(
      { directory, archive: { ...archive, ...rest } as unknown as StoreArchive },
      {
        files,
        journalFiles: this.#disk.files(),
        journalBytes: { firstSegmentBytes: 24 * KIB, segmentBytes: 48 * KIB },
        random: (length) => Uint8Array.from({ length }, () => this.#below(256)),
        // Flushes come early and late.
        after: (ms, run) => {
          const timer = setTimeout(run, ms * this.#random() * pace)
          return () => clearTimeout(timer)
        },
        database: (opened) => this.#refusing(opened),
      },
    )
  }

  /** Keeps what the journal has, also what an earlier process did not hear of. */
  async #join(own: Journal): Promise<Journal> {
    const { last } = await own.extent()
    assert.ok(last >= this.#entries.length, 'an entry is missing')
    for (let position = this.#entries.length + 1; position <= last; position++) {
      const entry = await own.at(position)
      assert.ok(entry instanceof Uint8Array)
      this.#entries.push(entry)
    }
    return {
      append: async (after, entry) => {
        const appended = await own.append(after, entry)
        if (appended === 'ok') this.#entries.push(entry)
        return appended
      },
      extent: () => own.extent(),
      at: (position) => own.at(position),
      follow: (after, signal) => own.follow(after, signal),
      trim: (upto) => {
        if (upto > this.#database!.tally().position) this.#trimmedEarly = upto
        return own.trim(upto)
      },
      close: () => own.close(),
    }
  }

  #refusing(opened: Database): Database {
    this.#database = opened
    return new Proxy(opened, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown
        if (typeof member !== 'function') return member
        const bound = member.bind(target) as (...args: unknown[]) => unknown
        if (name !== 'transact') return bound
        return (write: unknown) => {
          if (!this.#refusesLmdb && !this.#isGone) return bound(write)
          return Promise.reject(Object.assign(new Error('refused'), { code: 'EIO' }))
        }
      },
    })
  }

  /** One call, and what its caller is told. */
  async #step(store: DiskStore): Promise<void> {
    const kind = this.#random()
    if (kind < 0.1) return this.#heed(store.trim(this.#below(20)))
    const id = `${this.#below(12)}`
    const row = (await store.rows([keyOf(id)]))[0]
    const at = row && locationOf(row.value)
    if (kind < 0.2 && at !== undefined) return this.#heed(store.quarantine(at))
    let location: Location
    const size = SIZES[this.#below(SIZES.length)]!
    try {
      const staging = await store.stage(size)
      await staging.write(pattern(size))
      location = await staging.seal(pattern(this.#random() < 0.5 ? 64 : 0))
    } catch (error) {
      if (error instanceof DstoreError) return
      throw error
    }
    const isRemoval = at !== undefined && kind < 0.5
    const value = isRemoval ? undefined : `${location} ${size} ${++this.#count}`
    const transaction: Transaction = {
      conditions: this.#random() < 0.7 ? [{ key: keyOf(id), version: row?.version ?? 0 }] : [],
      writes: [{ key: keyOf(id), value: value === undefined ? undefined : text(value) }],
      increments: [{ key: keyOf(`n${id}`, 'meta'), by: 1 }],
      entry: text(`${id} ${value}`),
      adopt: value === undefined ? [] : [location],
      release: at === undefined ? [] : [at],
    }
    const possible = this.#told.possible.get(id) ?? new Set([this.#told.known.get(id)])
    this.#told.possible.set(id, possible.add(value))
    await this.#heed(this.#commit(store, transaction, { id, value }))
    if (isRemoval) await this.#heed(store.discard(location))
  }

  async #commit(
    store: DiskStore,
    transaction: Transaction,
    { id, value }: { id: string; value: string | undefined },
  ): Promise<void> {
    const { ok } = await store.commit(transaction)
    // Others may be under way.
    if (!ok || (this.#told.possible.get(id)?.size ?? 0) > 2) return
    this.#told.possible.delete(id)
    this.#told.known.set(id, value)
  }

  async #heed(call: Promise<unknown>): Promise<void> {
    try {
      await call
    } catch (error) {
      // Of two calls that release one value, the second is mistaken.
      if (!(error instanceof DstoreError || error instanceof RangeError)) throw error
    }
  }

  async #check(store: DiskStore): Promise<void> {
    for (const [id, value] of this.#told.known) {
      const [row] = await store.rows([keyOf(id)])
      const found = row && Buffer.from(row.value).toString()
      const possible = this.#told.possible.get(id)
      if (possible === undefined) assert.equal(found, value, `${id} is what was told`)
      else assert.ok(possible.has(found), `${id} is ${found}`)
    }
    const found = await contentOf(store)
    for (const value of found.values) {
      const [location, size] = value.split(' ')
      assert.ok(!store.recovery.damaged.includes(location!), `${location} has its file`)
      if (await store.isDamaged(location!)) continue
      const range = { start: 0, end: Number(size) }
      for await (const piece of store.read(location!, range)) assert.ok(piece.byteLength > 0)
    }
    assert.equal(this.#trimmedEarly, undefined, 'LMDB has what the journal gave up')
    assert.deepEqual(found.state, await this.#replayed())
    // What is found is settled.
    for (const [id, possible] of this.#told.possible) {
      const [row] = await store.rows([keyOf(id)])
      const value = row && Buffer.from(row.value).toString()
      assert.ok(possible.has(value), `${id} is ${value}`)
      this.#told.known.set(id, value)
    }
    this.#told.possible.clear()
  }

  /** The state that the entries make from nothing. */
  async #replayed(): Promise<unknown> {
    const directory = await mkdtemp(join(tmpdir(), 'dstore-replayed-'))
    const database = new Database(directory)
    try {
      const overlay = new Overlay(database)
      const chain = new Chain()
      for (const bytes of this.#entries) {
        const { head, body } = chain.accept(bytes)
        applyBody(overlay, head.epoch, body)
        overlay.advance(chain)
      }
      const { values, valueBytes, lastSeq } = overlay.tally()
      const rows = TABLES.map((table) => overlay.rows(table, { limit: 1000 }))
      const damaged = overlay.damagedCount()
      return plain({ values, valueBytes, lastSeq, rows, log: overlay.entries(0, 1000), damaged })
    } finally {
      await database.close()
      await rm(directory, { recursive: true })
    }
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n)
  }
}

async function contentOf(store: DiskStore): Promise<{ values: string[]; state: unknown }> {
  const { values, valueBytes, damaged } = await store.usage()
  const rows = await Promise.all(TABLES.map((table) => store.scan(table, { limit: 1000 })))
  const log = await store.log(0, 1000)
  const lastSeq = await store.lastSeq()
  return {
    values: rows[0]!.map(({ value }) => Buffer.from(value).toString()),
    state: plain({ values, valueBytes, lastSeq, rows, log, damaged }),
  }
}

const locationOf = (value: Uint8Array): Location => Buffer.from(value).toString().split(' ')[0]!

/** Bytes as text, so that arrays of any kind are compared by what is in them. */
function plain(state: unknown): unknown {
  const text = JSON.stringify(state, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  )
  return JSON.parse(text) as unknown
}
