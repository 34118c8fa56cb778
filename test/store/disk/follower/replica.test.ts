/** Stores and followers without a journal of their own. */
import { access, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { discardReplica } from '../../../../src/archive/replica.ts'
import { decodeEntry } from '../../../../src/journal/decode.ts'
import { createMemoryJournal } from '../../../journal/memory-journal.ts'
import type { Journal } from '../../../../src/journal/journal.ts'
import { openDiskStore } from '../../../../src/store/disk/disk.ts'
import { type Follower, openFollower } from '../../../../src/store/disk/follower/follower.ts'
import { type Mismatch, mismatchOf } from '../../../../src/store/disk/follower/mismatch.ts'
import { ReadOnlyStore } from '../../../../src/store/disk/read-only-store.ts'
import { HeldFiles } from '../../../../src/store/file/held-files.ts'
import { applyBody } from '../../../../src/store/disk/replica/apply.ts'
import { test } from '../../../serial.ts'
import { commit, keep, pattern, row, write } from '../../conformance/suite.ts'
import { inTemporary } from '../../temporary.ts'
import { PlainRecords } from '../replica/plain-records.ts'
import { RandomChanges, seeded } from '../replica/random-changes.ts'
import { Entries } from '../replica/replica.ts'
import { lent, onlyJournal } from './only-journal.ts'

async function entriesOf(journal: Journal, after = 0): Promise<Uint8Array[]> {
  const { last } = await journal.extent()
  const entries: Uint8Array[] = []
  for (let i = after + 1; i <= last; i++) entries.push((await journal.at(i)) as Uint8Array)
  return entries
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

test('R005-130: a store of a set has a mark and no journal, and trims nothing of the set', async (t) => {
  await inTemporary(async (directory) => {
    const journal = createMemoryJournal()
    const archive = onlyJournal(lent(journal))
    const store = await openDiskStore({ directory, archive })
    for (let i = 0; i < 20; i++) await keep(store, pattern(16_000))
    await store.close()
    t.deepEqual((await readdir(join(directory, 'store-v3'))).toSorted(), [
      'records',
      'set',
      'values',
    ])
    t.is((await journal.extent()).first, 1)
    const kinds = (await entriesOf(journal)).map((entry) => decodeEntry(entry).body.kind)
    t.is(kinds[0], 'begin')
    t.is(kinds.at(-1), 'farewell')
  })
})

test('R005-131: neither opens the store of the other, and nothing is changed', async (t) => {
  await inTemporary(async (parent) => {
    const [plain, set] = [join(parent, 'plain'), join(parent, 'set')]
    const archive = (): ReturnType<typeof onlyJournal> => onlyJournal(lent(createMemoryJournal()))
    await (await openDiskStore({ directory: plain })).close()
    await (await openDiskStore({ directory: set, archive: archive() })).close()
    const before = await readdir(join(plain, 'store-v3'))
    const conflict = { code: 'conflict' }
    for (const open of [
      () => openDiskStore({ directory: plain, archive: archive() }),
      () => openFollower({ directory: plain }),
      () => discardReplica(plain),
      () => openDiskStore({ directory: set }),
      () => ReadOnlyStore.open(set),
    ]) {
      const error = await t.throwsAsync<Error & { hint?: string }>(
        open as () => Promise<unknown>,
        conflict,
      )
      t.truthy(error.hint)
    }
    t.deepEqual(await readdir(join(plain, 'store-v3')), before)
    await (await openDiskStore({ directory: plain })).close()
    await discardReplica(set)
    t.false(await exists(join(set, 'store-v3')))
  })
})

test('R005-132: the bytes of an entry are bounded as the archive says', async (t) => {
  await inTemporary(async (directory) => {
    const journal = createMemoryJournal()
    const archive = onlyJournal(lent(journal), { groupBytes: 1000 })
    const store = await openDiskStore({ directory, archive })
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => commit(store, write(`${i}`, 'x'.repeat(400)))),
    )
    await store.close()
    for (const { byteLength } of await entriesOf(journal))
      t.true(byteLength < 1400, `${byteLength}`)
  })
})

test('R005-133: a close gives up what its journal does not answer, and the held files stay good', async (t) => {
  await inTemporary(async (directory) => {
    const journal = createMemoryJournal()
    let isAway = false
    const never = new Promise<never>(() => undefined)
    const way = lent(journal, {
      append: (after, entry) => (isAway ? never : journal.append(after, entry)),
    })
    const held = new HeldFiles()
    const waits: { ms: number; run: () => void }[] = []
    const store = await openDiskStore(
      { directory, held, archive: onlyJournal(way) },
      {
        after: (ms, run) => {
          const wait = { ms, run }
          waits.push(wait)
          return () => void waits.splice(waits.indexOf(wait), 1)
        },
      },
    )
    await commit(store, write('a', '1'))
    isAway = true
    const doubtful = commit(store, write('b', '1'))
    const refused = t.throwsAsync(doubtful, { code: 'unreachable' })
    await Promise.resolve()
    const closed = store.close()
    const wait = waits.find(({ ms }) => ms === 5_000)
    t.truthy(wait)
    wait?.run()
    await refused
    // LMDB is taken forward by what the close asks for.
    await closed
    t.notThrows(() => held.check())
    isAway = false
    const again = await openDiskStore({ directory, held, archive: onlyJournal(way) })
    t.truthy(await row(again, 'a'))
    await commit(again, write('b', '2'))
    await again.close()
  })
})

test('R005-134: replicas of one journal have one digest, whenever each writes, and another for other rows', async (t) => {
  const random = seeded(31)
  const model = new PlainRecords()
  const entries = new Entries()
  const made = new RandomChanges(model, random)
  entries.add({ kind: 'begin' }, 7)
  applyBody(model, 7, { kind: 'begin' })
  for (let i = 0; i < 300; i++) {
    const list = Array.from({ length: 1 + random(4) }, () => made.next())
    const body = { kind: 'changes', changes: list } as const
    applyBody(model, 7, body)
    entries.add(body, 7)
  }
  await inTemporary(async (parent) => {
    const digests: string[][] = []
    for (const every of [1, 7, 300]) {
      const directory = join(parent, `${every}`)
      let follower: Follower = await openFollower({ directory })
      const own: string[] = []
      for (const [i, entry] of entries.all.entries()) {
        await follower.apply([entry])
        if (i % 60 === 59) {
          const { position, digest } = await follower.rowsDigest()
          t.is(position, i + 1)
          own.push(Buffer.from(digest).toString('hex'))
        }
        if (i % (10 * every) === 1 && i > 1) {
          await follower.close()
          follower = await openFollower({ directory })
          t.is(follower.position.position, i + 1)
        }
      }
      await follower.close()
      digests.push(own)
    }
    t.is(new Set(digests[0]).size, 5)
    t.deepEqual(digests[1], digests[0])
    t.deepEqual(digests[2], digests[0])
  })
})

test('R005-135: the records of a follower are those of the store that wrote the journal', async (t) => {
  await inTemporary(async (parent) => {
    const journal = createMemoryJournal()
    const [active, standby] = [join(parent, 'active'), join(parent, 'standby')]
    let source: Parameters<NonNullable<ReturnType<typeof onlyJournal>['opened']>>[0] | undefined
    const archive = onlyJournal(lent(journal))
    const opened = archive.opened.bind(archive)
    const store = await openDiskStore({
      directory: active,
      archive: { ...archive, opened: async (given) => opened((source = given)) },
    })
    const large = await keep(store, pattern(50_000))
    await commit(store, write('a', '1'))
    const follower = await openFollower({ directory: standby })
    await follower.apply(await entriesOf(journal))
    t.deepEqual(await follower.rowsDigest(), await source!.rowsDigest())
    t.true(follower.isNamed(large))
    t.false(follower.isNamed(`${large.slice(0, -1)}f`))
    await store.close()
    await follower.apply(await entriesOf(journal, follower.position.position))
    await follower.close()
    const taken = await openDiskStore({ directory: standby, archive: onlyJournal(lent(journal)) })
    t.truthy(await row(taken, 'a'))
    t.deepEqual(taken.recovery, { deletedFiles: 0, damaged: [] })
    await taken.close()
  })
})

test('R012-16: an opening replays nothing beyond the end that the journal states', async (t) => {
  await inTemporary(async (parent) => {
    const [journal, longer] = [createMemoryJournal(), createMemoryJournal()]
    const open = (name: string, way: Journal): ReturnType<typeof openDiskStore> =>
      openDiskStore({ directory: join(parent, name), archive: onlyJournal(way) })
    const first = await open('first', lent(journal))
    await commit(first, write('a', '1'))
    await first.close()
    // A leader without a majority took what another member says, and shows it to followers.
    const { last } = await journal.extent()
    for (const [i, entry] of (await entriesOf(journal)).entries()) await longer.append(i, entry)
    const other = await open('other', lent(longer))
    await commit(other, write('gone', '1'))
    await other.close()
    const way = lent(journal, { follow: (after, signal) => longer.follow(after, signal) })
    const store = await open('store', way)
    t.is((await journal.extent()).last, last + 1)
    t.truthy(await row(store, 'a'))
    t.is(await row(store, 'gone'), undefined)
    await commit(store, write('b', '1'))
    await store.close()
    const again = await open('store', lent(journal))
    t.truthy(await row(again, 'b'))
    t.is(await row(again, 'gone'), undefined)
    await again.close()
  })
})

test('R005-136: why a journal can not take a replica forward is told apart', async (t) => {
  await inTemporary(async (parent) => {
    const journal = createMemoryJournal()
    const directory = join(parent, 'one')
    const open = (way: Journal): ReturnType<typeof openDiskStore> =>
      openDiskStore({ directory, archive: onlyJournal(way) })
    const store = await open(lent(journal))
    await commit(store, write('a', '1'))
    await store.close()
    const mismatch = async (way: Journal): Promise<Mismatch | undefined> => {
      const error = await t.throwsAsync(open(way), { code: 'integrity' })
      return mismatchOf(error)
    }
    t.is(await mismatch(lent(createMemoryJournal())), 'behind')
    const other = createMemoryJournal()
    const another = await openDiskStore({
      directory: join(parent, 'other'),
      archive: onlyJournal(lent(other)),
    })
    for (let i = 0; i < 5; i++) await commit(another, write('a', '1'))
    t.is(await mismatch(lent(other)), 'parted')
    await another.close()
    const follower = await openFollower({ directory })
    const error = await t.throwsAsync(follower.apply(await entriesOf(other, 3)))
    t.is(mismatchOf(error), 'parted')
    await follower.close()
    const next = await openDiskStore({
      directory: join(parent, 'two'),
      archive: onlyJournal(lent(journal)),
    })
    for (let i = 0; i < 5; i++) await commit(next, write('a', '1'))
    await journal.trim(6)
    t.is(await mismatch(lent(journal)), 'gone')
    await next.close()
  })
})

test('R005-137: an entry that a follower applied in part is never written', async (t) => {
  await inTemporary(async (directory) => {
    const random = seeded(5)
    const model = new PlainRecords()
    const made = new RandomChanges(model, random)
    const entries = new Entries()
    entries.add({ kind: 'begin' }, 1)
    applyBody(model, 1, { kind: 'begin' })
    for (let i = 0; i < 40; i++) {
      const body = { kind: 'changes', changes: [made.next(), made.next()] } as const
      applyBody(model, 1, body)
      entries.add(body, 1)
    }
    let fails = false
    const follower = await openFollower(
      { directory },
      {
        database: (opened) =>
          new Proxy(opened, {
            get: (target, name) => {
              const member = Reflect.get(target, name) as unknown
              if (typeof member !== 'function') return member
              if (fails && name === 'row') throw new Error('LMDB does not answer')
              return member.bind(target) as unknown
            },
          }),
      },
    )
    await follower.apply(entries.all.slice(0, 20))
    await follower.rowsDigest()
    fails = true
    const failed = await t.throwsAsync(follower.apply(entries.all.slice(20)))
    fails = false
    t.is(await t.throwsAsync(follower.apply(entries.all.slice(20))), failed)
    await follower.close()
    const again = await openFollower({ directory })
    t.is(again.position.position, 20)
    await again.apply(entries.all.slice(20))
    await again.close()
  })
})

test('R005-130: a mark is durable before the first record', async (t) => {
  await inTemporary(async (directory) => {
    await (await openFollower({ directory })).close()
    t.is((await readFile(join(directory, 'store-v3', 'set'))).byteLength, 0)
    await writeFile(join(directory, 'store-v3', 'set'), '')
    await (await openFollower({ directory })).close()
  })
})
