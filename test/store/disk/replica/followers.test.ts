/** Several replicas of one journal, which write to disk at different moments. */
import { open } from 'lmdb'
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Database } from '../../../../src/store/disk/records/database.ts'
import { applyBody } from '../../../../src/store/disk/replica/apply.ts'
import { Overlay } from '../../../../src/store/disk/replica/overlay.ts'
import { test } from '../../../serial.ts'
import { inTemporary } from '../../temporary.ts'
import { PlainRecords } from './plain-records.ts'
import { RandomChanges, TABLES, seeded } from './random-changes.ts'
import { Entries, applyEntry, outcomeOf, plain } from './replica.ts'

const TRANSACTIONS = 10_000

/** Rows of every table of LMDB, by name: how many there are, and a digest of them. */
async function tablesIn(directory: string): Promise<Record<string, string>> {
  const root = open<Buffer, Buffer>({
    path: directory,
    encoding: 'binary',
    keyEncoding: 'binary',
    maxDbs: 8,
  })
  const tables: Record<string, string> = {}
  for (const name of ['records', 'log', 'small', 'files', 'outboards', 'damaged', 'state']) {
    const digest = createHash('sha256')
    let count = 0
    for (const { key, value } of root
      .openDB<Buffer, Buffer>(name, { encoding: 'binary', keyEncoding: 'binary' })
      .getRange({})) {
      digest.update(`${key.length} ${value.length} `).update(key).update(value)
      count++
    }
    tables[name] = `${count} ${digest.digest('hex')}`
  }
  await root.close()
  return tables
}

/** Applies the entries one by one, and writes when `isDue` says so. */
async function follow(
  directory: string,
  entries: readonly Uint8Array[],
  isDue: (position: number) => boolean,
): Promise<unknown[]> {
  await mkdir(directory)
  const database = new Database(directory)
  const overlay = new Overlay(database)
  const write = async (): Promise<void> => {
    overlay.freeze()
    const { oldest } = overlay
    if (oldest === undefined) return
    await database.transact(() => {
      oldest.writeTo(database)
      database.trim(oldest.tally.trimmed, 1_000_000)
    })
    overlay.drop(oldest)
  }
  const outcomes: unknown[] = []
  for (const entry of entries) {
    outcomes.push(applyEntry(overlay, entry).map(outcomeOf))
    if (isDue(overlay.position.position)) await write()
  }
  await write()
  await database.close()
  return outcomes
}

test(`R005-120: replicas of one journal are equal in every table after ${TRANSACTIONS} transactions`, async (t) => {
  const random = seeded(30)
  const model = new PlainRecords()
  const changes = new RandomChanges(model, random)
  const entries = new Entries()
  entries.add({ kind: 'begin' }, 7)
  applyBody(model, 7, { kind: 'begin' })
  const expected: unknown[] = [[]]
  for (let made = 0; made < TRANSACTIONS;) {
    const list = Array.from({ length: 1 + random(4) }, () => changes.next())
    made += list.filter(({ type }) => type === 'transaction').length
    const body = { kind: 'changes', changes: list } as const
    expected.push(applyBody(model, 7, body).map(outcomeOf))
    entries.add(body, 7)
  }
  await inTemporary(async (directory) => {
    const schedules: Record<string, (position: number) => boolean> = {
      never: () => false,
      often: (position) => position % 50 === 0,
      random: () => random(300) === 0,
    }
    const names = Object.keys(schedules)
    for (const name of names) {
      const outcomes = await follow(join(directory, name), entries.all, schedules[name]!)
      if (name !== 'random') continue
      t.true(JSON.stringify(plain(outcomes)) === JSON.stringify(plain(expected)), name)
    }
    const tables = await Promise.all(names.map((name) => tablesIn(join(directory, name))))
    t.deepEqual(tables[1], tables[0])
    t.deepEqual(tables[2], tables[0])
    // They hold what the plain records do, too.
    const overlay = new Overlay(new Database(join(directory, 'never')))
    const { position: _, chain: __, ...tally } = overlay.tally()
    t.like(model.tally(), tally)
    t.is(tally.run, 7)
    for (const table of TABLES) {
      t.deepEqual(
        plain(overlay.rows(table, { limit: 1e6 })),
        plain(model.rows(table, { limit: 1e6 })),
      )
    }
    t.deepEqual(plain(overlay.entries(0, 1e6)), plain(model.entries(0, 1e6)))
    t.true(tally.lastSeq > TRANSACTIONS / 4)
  })
})
