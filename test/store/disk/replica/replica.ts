/** A replica under test: the records in plain memory, and a database with an overlay over it. */
import assert from 'node:assert/strict'
import { NO_ENTRY, entryDigest } from '../../../../src/journal/digest.ts'
import { decodeEntry } from '../../../../src/journal/decode.ts'
import { encodeEntry } from '../../../../src/journal/encode.ts'
import type { Change, EntryBody } from '../../../../src/journal/entry.ts'
import { Database } from '../../../../src/store/disk/records/database.ts'
import type { StoredValue } from '../../../../src/store/disk/records/file-row.ts'
import { type Applied, applyBody } from '../../../../src/store/disk/replica/apply.ts'
import { Overlay } from '../../../../src/store/disk/replica/overlay.ts'
import { pageOfRows } from '../../../../src/store/row-page.ts'
import { PlainRecords } from './plain-records.ts'
import { IDS, type Random, RandomChanges, TABLES, locationAt } from './random-changes.ts'

interface FileOf {
  readonly location: string
  readonly value: StoredValue
}

/** Entries that follow each other. */
export class Entries {
  readonly all: Uint8Array[] = []

  /** Appends an entry. */
  add(body: EntryBody, epoch: number = 1): Uint8Array {
    const before = this.all.length === 0 ? NO_ENTRY : entryDigest(this.all.at(-1)!)
    const position = this.all.length + 1
    const id = new Uint8Array(16)
    const head = { set: id, epoch, writer: id, number: position, position, acknowledged: 0, before }
    const entry = encodeEntry({ head, body })
    this.all.push(entry)
    return entry
  }
}

/** Applies an entry as it stands in a journal. */
export function applyEntry(overlay: Overlay, bytes: Uint8Array): readonly Applied[] {
  const { head, body } = decodeEntry(bytes)
  const applied = applyBody(overlay, head.epoch, body)
  overlay.advance({ position: head.position, digest: entryDigest(bytes) })
  return applied
}

/** What a change came to, to be compared. */
export const outcomeOf = ({ result, released, mistake }: Applied): unknown => ({
  result,
  released: released.map(plainValue),
  mistake: mistake?.message,
})

/** What a database gives back with a value. */
const plainValue = ({ small, size, outboardBytes, file, place }: StoredValue): unknown => ({
  size,
  outboardBytes,
  file,
  place,
  small: small && Buffer.from(small),
})

export class Replica {
  readonly model: PlainRecords = new PlainRecords()
  readonly entries: Entries = new Entries()
  readonly #changes: RandomChanges
  readonly #random: Random
  readonly #directory: string
  database: Database
  overlay: Overlay

  constructor(directory: string, random: Random) {
    this.#directory = directory
    this.#random = random
    this.#changes = new RandomChanges(this.model, random)
    this.database = new Database(directory)
    this.overlay = new Overlay(this.database)
  }

  /** Begins an epoch, in a store of layout 1 with two values. */
  async begin(): Promise<void> {
    const behind = [1, 2].map((i) => locationAt(1_000_000 + i))
    const tally = { ...this.model.tally(), values: 2, valueBytes: 20 }
    this.model.writeTally(tally)
    await this.database.transact(() => {
      this.database.writeTally(tally)
      for (const file of behind) {
        const value = {
          size: 10,
          outboardBytes: 2,
          file,
          small: undefined,
          place: 'behind',
        } as const
        this.database.writeValue(file, value)
        this.model.writeValue(file, value)
      }
    })
    this.overlay = new Overlay(this.database)
    this.apply({ kind: 'begin' })
  }

  /** An entry with a few random changes. */
  change(): void {
    const changes: Change[] = []
    for (let left = 1 + this.#random(3); left > 0; left--) changes.push(this.#changes.next())
    this.apply({ kind: 'changes', changes })
  }

  apply(body: EntryBody): void {
    const entry = this.entries.add(body, 7)
    const expected = applyBody(this.model, 7, body)
    const position = this.entries.all.length
    const chain = Buffer.from(entryDigest(entry)).toString('hex')
    this.model.writeTally({ ...this.model.tally(), position, chain })
    assert.deepEqual(applyEntry(this.overlay, entry).map(outcomeOf), expected.map(outcomeOf))
  }

  /** Writes the oldest generation; without `drop` as if the answer were still on its way. */
  async write(drop: boolean): Promise<void> {
    if (this.overlay.oldest === undefined) this.overlay.freeze()
    const { oldest } = this.overlay
    if (oldest === undefined) return
    await this.database.transact(() => oldest.writeTo(this.database))
    if (drop) this.overlay.drop(oldest)
  }

  /** A transaction that writes a generation and then fails. */
  async failToWrite(): Promise<void> {
    this.overlay.freeze()
    const { oldest } = this.overlay
    if (oldest === undefined) return
    const write = this.database.transact(() => {
      oldest.writeTo(this.database)
      throw new Error('the disk failed')
    })
    await assert.rejects(write, { message: 'the disk failed' })
  }

  /** Deletes some of what was trimmed. */
  async trim(): Promise<void> {
    await this.database.transact(() => this.database.trim(this.database.tally().trimmed, 2))
  }

  /** The process ends; the next one replays what the database lacks. */
  async restart(): Promise<void> {
    await this.database.close()
    this.database = new Database(this.#directory)
    this.overlay = new Overlay(this.database)
    for (const entry of this.entries.all.slice(this.overlay.position.position)) {
      applyEntry(this.overlay, entry)
    }
  }

  /** Every read, with random options. */
  compare(): void {
    const { model, overlay } = this
    assert.deepEqual(overlay.tally(), model.tally())
    for (const table of TABLES) this.#compareTable(table)
    const { lastSeq } = model.tally()
    const [after, limit] = [this.#random(lastSeq + 3), this.#random(5)]
    assert.deepEqual(plain(overlay.entries(after, limit)), plain(model.entries(after, limit)))
    assert.deepEqual(plain(overlay.entries(0, 10_000)), plain(model.entries(0, 10_000)))
    assert.equal(overlay.damagedCount(), model.damagedCount())
    const afterLocation = this.#random(3) === 0 ? undefined : locationAt(this.#random(20))
    assert.deepEqual(
      [...overlay.files(afterLocation)].map(plainFile),
      model.files(afterLocation).map(plainFile),
    )
    for (const location of [...model.locations(), locationAt(1 + this.#random(20)), 'nowhere']) {
      const [value, expected] = [overlay.value(location), model.value(location)]
      assert.deepEqual(value && plainValue(value), expected && plainValue(expected), location)
      assert.equal(overlay.isDamaged(location), model.isDamaged(location), location)
      // The database is only asked for outboards of locations that it has.
      if (expected?.small !== undefined || location === 'nowhere') continue
      assert.deepEqual(
        plain(overlay.outboard(location) ?? NONE),
        plain(model.outboard(location) ?? NONE),
      )
    }
  }

  #compareTable(table: (typeof TABLES)[number]): void {
    const { model, overlay } = this
    assert.equal(overlay.count(table), model.count(table))
    const all = { limit: 1000 }
    assert.deepEqual(plain(overlay.rows(table, all)), plain(model.rows(table, all)))
    const prefix = IDS[this.#random(IDS.length)]!
    const after = IDS[this.#random(IDS.length)]!
    const some = {
      ...(this.#random(2) === 0 && { prefix }),
      ...(this.#random(2) === 0 && { after }),
      limit: this.#random(5),
    }
    assert.deepEqual(plain(overlay.rows(table, some)), plain(model.rows(table, some)))
    assert.deepEqual(
      plain(overlay.page(table, some)),
      plain(pageOfRows(model.rows(table, { ...some, limit: 1000 }), some.limit)),
    )
    for (const id of IDS) {
      assert.deepEqual(plain(overlay.row({ table, id })), plain(model.row({ table, id })))
      assert.equal(overlay.version({ table, id }), model.version({ table, id }))
      assert.equal(overlay.hasPrefix(table, id), model.hasPrefix(table, id))
    }
    assert.equal(overlay.hasPrefix(table, NONE), model.hasPrefix(table, NONE))
  }
}

const NONE = new Uint8Array(0)

/** Arrays of bytes as text, whatever their class. */
export const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null, (_, one: unknown) =>
      one instanceof Uint8Array ? Buffer.from(one).toString('hex') : one,
    ),
  )

const plainFile = ({ location, value }: FileOf): unknown => ({
  location,
  value: plainValue(value),
})
