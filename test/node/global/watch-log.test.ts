import { test } from '../../serial.ts'
import { encodeMessage } from '../../../src/index/codec/encode.ts'
import { WATCH_START, type Position } from '../../../src/index/message.ts'
import { encodeChange } from '../../../src/index/records/change-record.ts'
import {
  BATCH_ITEMS,
  INDEX_MESSAGE_BYTES,
  NAMES_PER_ANSWER,
  NAME_BYTES,
} from '../../../src/limits.ts'
import { WatchLog } from '../../../src/node/global/watch-log.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'

test('R004-40: changes that are as large as they can be are told in messages that can be sent, none left out', async (t) => {
  const store = createMemoryStore()
  const digest = new Uint8Array(32)
  const names = Array.from({ length: NAMES_PER_ANSWER }, (_, i) => `${i}`.padStart(NAME_BYTES, 'n'))
  const entry = encodeChange({ type: 'remove', digest, incarnation: 1, names }, 0)
  for (let i = 0; i < 7; i++) await store.commit({ conditions: [], writes: [], entry })
  const runId = new Uint8Array(16)
  const changes = new WatchLog(store, {
    position: { runId, seq: 7 },
    contains: () => true,
  })
  const told: number[] = []
  while (told.length < 7) {
    const after = { runId, seq: told.length }
    const watched = await changes.read({ after, limit: BATCH_ITEMS })
    t.true(watched.changes.length > 0)
    t.is(watched.position.seq, watched.changes.at(-1)!.seq)
    t.true(encodeMessage({ id: 1, body: watched }).byteLength <= INDEX_MESSAGE_BYTES)
    told.push(...watched.changes.map(({ seq }) => seq))
  }
  t.deepEqual(told, [1, 2, 3, 4, 5, 6, 7])
})

test('R004-40: where changes are missing from the log a watcher is told so, not given those after them', async (t) => {
  const store = createMemoryStore()
  const entry = encodeChange({ type: 'run-started', runId: new Uint8Array(16) }, 0)
  for (let i = 0; i < 5; i++) await store.commit({ conditions: [], writes: [], entry })
  const runId = new Uint8Array(16)
  let isContained = true
  const changes = new WatchLog(store, {
    position: { runId, seq: 4 },
    contains: () => isContained,
  })
  const read = (seq: number, limit = 9) => changes.read({ after: { runId, seq }, limit })
  t.deepEqual(
    (await read(2)).changes.map(({ seq }) => seq),
    [3, 4],
    'no further than is complete',
  )
  t.deepEqual(
    (await read(0, 3)).changes.map(({ seq }) => seq),
    [1, 2, 3],
  )
  isContained = false
  t.like(await read(2), { lost: true, changes: [], position: { seq: 4 } })
  isContained = true
  await store.trim(3)
  t.like(await read(2), { lost: true, changes: [] }, 'trimmed while it was read')
  t.like(await read(3), { lost: false, position: { seq: 4 } })
})

test('R004-40: the start is before the oldest change that the log still has', async (t) => {
  const store = createMemoryStore()
  const entry = encodeChange({ type: 'run-started', runId: new Uint8Array(16) }, 0)
  const runId = new Uint8Array(16).fill(7)
  let seq = 0
  const index = {
    get position() {
      return { runId, seq }
    },
    contains: (from: Position) => from.runId[0] === 7,
  }
  const changes = new WatchLog(store, index)
  const told = async (limit = 9) => {
    const { position, lost, changes: some } = await changes.read({ after: WATCH_START, limit })
    t.false(lost)
    t.deepEqual(position.runId, runId)
    return [...some.map((one) => one.seq), position.seq]
  }
  t.deepEqual(await told(), [0], 'an empty log')
  for (let i = 0; i < 5; i++) await store.commit({ conditions: [], writes: [], entry })
  seq = 5
  t.deepEqual(await told(), [1, 2, 3, 4, 5, 5])
  t.deepEqual(await told(2), [1, 2, 2])
  await store.trim(3)
  t.deepEqual(await told(), [4, 5, 5])
  await store.trim(5)
  t.deepEqual(await told(), [5], 'all of it was trimmed')
  // It does not wait for a change.
  t.like(await changes.wait({ type: 'watch', after: WATCH_START, waitMs: 60_000, limit: 1 }), {
    after: WATCH_START,
  })
})
