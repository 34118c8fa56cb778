/** What a batch of small values becomes in the journal of a set, and in that of a single Global. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  JOURNAL_INLINE_BYTES,
  MIB,
  JOURNAL_OBJECT_MS,
  SET_HEARTBEAT_MS,
  SET_TAKE_OVER_MS,
} from '../../src/limits.ts'
import { createMemoryJournal } from '../journal/memory-journal.ts'
import { SILENT } from '../../src/log.ts'
import { Global } from '../../src/node/global/global.ts'
import { openDiskStore } from '../../src/store/disk/disk.ts'
import type { Store } from '../../src/store/store.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import { test } from '../serial.ts'
import { watched } from '../store/disk/journal-files.ts'
import { member, open } from './members.ts'

/** In one message to the index, and more than one call of the store takes. */
const COUNT = 58
const BYTES = 9_000

const temporary = async (): Promise<{ path: string; end: () => Promise<void> }> => {
  const path = await mkdtemp(join(tmpdir(), 'dstore-set-'))
  return { path, end: () => rm(path, { recursive: true, force: true }) }
}

const globalOver = (store: Store): Promise<Global> =>
  Global.open({
    store,
    log: SILENT,
    random: (bytes) => Uint8Array.from(randomBytes(bytes)),
    now: () => performance.now(),
    wall: Date.now,
    network: undefined,
    gate: undefined,
  })

const values = (): Uint8Array[] => Array.from({ length: COUNT }, () => randomBytes(BYTES))

test('R005-140, R005-132: a batch in a set becomes entries that fit into messages', async (t) => {
  const { path: directory, end } = await temporary()
  t.teardown(end)
  await mkdir(join(directory, 'a'))
  const journal = createMemoryJournal()
  const lengths: number[] = []
  const append = journal.append.bind(journal)
  journal.append = (after, entry) => {
    lengths.push(entry.byteLength)
    return append(after, entry)
  }
  const { set, directory: own } = member({ directory, journal, bucket: new MemoryBucket() })
  const store = await open(own, await set.stand(new AbortController().signal))
  const global = await globalOver(store)
  lengths.length = 0
  const stored = await global.putMany(values())
  t.true(stored.every(({ existed }) => !existed))
  const large = lengths.filter((length) => length > BYTES)
  t.true(Math.max(...large) <= JOURNAL_INLINE_BYTES, large.join())
  t.true(large.length > 1 && large.length <= 4, large.join())
  await global.close()
  await store.close()
  await set.close()
  await journal.close()
})

test('R005-140, R009-24: at a single Global the same batch is one write', async (t) => {
  const { path: directory, end } = await temporary()
  t.teardown(end)
  let writes = 0
  const journalFiles = watched({ onWrite: () => void writes++ })
  const clocks = { wall: Date.now, elapsed: () => 0 }
  const journalBytes = { firstSegmentBytes: 4 * MIB }
  const store = await openDiskStore({ directory }, { journalFiles, clocks, journalBytes })
  const global = await globalOver(store)
  await global.putMany([randomBytes(BYTES)])
  writes = 0
  await global.putMany(values())
  t.is(writes, 1)
  await global.close()
  await store.close()
})

test('R009-86: the longest wait for an object leaves a set without a take-over', (t) => {
  t.true(SET_HEARTBEAT_MS + JOURNAL_OBJECT_MS <= SET_TAKE_OVER_MS - 2 * SET_HEARTBEAT_MS)
})
