import * as fc from 'fast-check'
import { test } from '../../serial.ts'
import type { Change } from '../../../src/index/records/change-record.ts'
import { ChangeFeed, feedFromLog, RECENT_LOSSES } from '../../../src/index/global/feed.ts'
import {
  BATCH_ITEMS,
  INDEX_MESSAGE_BYTES,
  NAMES_PER_ANSWER,
  NAME_BYTES,
} from '../../../src/limits.ts'
import { encodeMessage } from '../../../src/index/codec/encode.ts'

const DIGEST = new Uint8Array(32)
const put: Change = { type: 'put', digest: DIGEST, size: 1, names: [] }
const remove: Change = { type: 'remove', digest: DIGEST, incarnation: 1, names: ['n'] }

test('R004-13: whatever the order in which changes are reported, a feed tells all of its interval', (t) => {
  const changes = fc.array(fc.constantFrom(put, remove), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(changes, fc.infiniteStream(fc.nat()), fc.nat(), (all, order, from) => {
      const changeFeed = new ChangeFeed(100)
      const left = all.map((change, i) => ({ seq: 101 + i, change }))
      const reported = new Set<number>()
      while (left.length > 0) {
        const [{ seq, change }] = left.splice(order.next().value! % left.length, 1) as [
          (typeof left)[0],
        ]
        changeFeed.report(seq, change)
        reported.add(seq)
        // It never goes beyond a change that was not reported.
        for (let at = 101; at <= changeFeed.seq; at++) t.true(reported.has(at))
        t.false(reported.has(changeFeed.seq + 1))
      }
      const after = 100 + (from % (all.length + 1))
      const feed = changeFeed.since(after)!
      const lost = all.flatMap((change, i) =>
        change === remove && 101 + i > after ? [101 + i] : [],
      )
      t.deepEqual(
        feed.removals.map(({ seq }) => seq),
        lost,
      )
      t.deepEqual(
        feed.unbindings.map(({ seq }) => seq),
        lost,
      )
      t.deepEqual([feed.after, feed.upto], [after, 100 + all.length])
    }),
  )
})

test('R004-14: what memory does not hold any more comes from the log, in as many feeds as it takes', (t) => {
  const changeFeed = new ChangeFeed(0)
  for (let seq = 1; seq <= RECENT_LOSSES + 1; seq++) changeFeed.report(seq, remove)
  t.is(changeFeed.since(0), undefined)
  t.is(changeFeed.since(1)!.removals.length, RECENT_LOSSES)
  const changes = Array.from({ length: 3000 }, (_, i) => ({ seq: i + 1, change: remove }))
  const told: number[] = []
  for (let after = 0; after < 3000;) {
    const feed = feedFromLog(after, 3000, changes.slice(after))
    t.true(feed.removals.length <= BATCH_ITEMS)
    told.push(...feed.removals.map(({ seq }) => seq))
    after = feed.upto
  }
  t.deepEqual(
    told,
    changes.map(({ seq }) => seq),
  )
})

test('R004-13: a feed holds as many losses as fit into a message, whatever their names take', (t) => {
  const names = Array.from({ length: NAMES_PER_ANSWER }, (_, i) => `${i}`.padStart(NAME_BYTES, 'n'))
  const changeFeed = new ChangeFeed(0)
  for (let seq = 1; seq <= 5; seq++) {
    changeFeed.report(seq, { type: 'remove', digest: DIGEST, incarnation: 1, names })
  }
  const fed: number[] = []
  for (let after = 0; after < 5;) {
    const feed = changeFeed.since(after)!
    t.true(feed.removals.length > 0)
    t.true(encodeMessage({ id: 0, body: feed }).byteLength <= INDEX_MESSAGE_BYTES)
    fed.push(...feed.removals.map(({ seq }) => seq))
    after = feed.upto
  }
  t.deepEqual(fed, [1, 2, 3, 4, 5])
})

test('R013-37: removals after a seq are counted as far as they are in memory, and members are none', (t) => {
  const admit: Change = { type: 'admit', peer: 'p', role: 'reader', label: undefined } as never
  const all = fc.array(fc.constantFrom(put, remove, admit), { maxLength: 60 })
  fc.assert(
    fc.property(all, fc.nat({ max: 70 }), (changes, after) => {
      const feed = new ChangeFeed(0)
      for (const [i, change] of changes.entries()) feed.report(i + 1, change)
      const expected = changes.filter((change, i) => change === remove && i + 1 > after)
      t.is(feed.removalsAfter(after), expected.length)
    }),
  )
  const full = new ChangeFeed(0)
  for (let seq = 1; seq <= RECENT_LOSSES + 7; seq++) full.report(seq, remove)
  t.is(full.removalsAfter(0), RECENT_LOSSES)
  t.is(full.removalsAfter(RECENT_LOSSES + 6), 1)
})
