import { ALL_SET_RULES } from '../../src/set/rules.ts'
import { Lease } from '../../src/set/lease.ts'
import { Patience } from '../../src/set/patience.ts'
import { TimedJournal } from '../../src/set/timed-journal.ts'
import { createMemoryJournal } from '../journal/memory-journal.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { readAll } from '../journal/tools.ts'
import { test } from '../serial.ts'

const look = (at: number, end = 7, isCaughtUp = true) => ({
  askedAt: at,
  answeredAt: at + 10,
  end,
  isCaughtUp,
})

test('R012-4: patience is over after 3 s in which the engine showed the same end', (t) => {
  const patience = new Patience()
  let at = 0
  for (; at < 3000; at += 250) patience.looked(look(at))
  t.is(patience.silentMs, 11 * 240, 'the time of a question is not counted')
  t.false(patience.isOver)
  for (; at < 3500; at += 250) patience.looked(look(at))
  t.true(patience.isOver)
  patience.looked(look(at, 8))
  t.is(patience.silentMs, 0)
})

test('R012-5: time in which the engine did not answer is no silence', (t) => {
  const silentAfter = (rules = ALL_SET_RULES): number => {
    const patience = new Patience(rules)
    patience.looked(look(0))
    patience.looked(look(250))
    patience.failed()
    patience.looked(look(20_000))
    return patience.silentMs
  }
  t.is(silentAfter(), 240)
  t.true(silentAfter({ ...ALL_SET_RULES, confirmsSilence: false }) > 3000)
})

test('R012-6: who has not read everything counts anew', (t) => {
  const patience = new Patience()
  for (let at = 0; at <= 2750; at += 250) patience.looked(look(at))
  patience.looked(look(3000, 7, false))
  t.is(patience.silentMs, 0)
  for (let at = 3250; at <= 5000; at += 250) patience.looked(look(at))
  t.false(patience.isOver)
})

test('R012-10: a member may answer for 2 s after it sent what was acknowledged', (t) => {
  const lease = new Lease()
  t.false(lease.mayServe(0))
  t.is(lease.pausedMs(0), Infinity)
  lease.sent(1000)
  t.false(lease.mayServe(1000), 'sent is not acknowledged')
  lease.acknowledged(1000)
  t.true(lease.mayServe(2999))
  t.false(lease.mayServe(3000))
  t.is(lease.pausedMs(13_000), 10_000)
  lease.acknowledged(500)
  t.is(lease.renewedAt, 1000, 'an answer that comes late takes nothing back')
  t.is(lease.heartbeatAt, 1500)
  lease.acknowledged(13_000)
  t.true(lease.mayServe(13_001))
  lease.end()
  t.false(lease.mayServe(13_001))
})

/** The first try arrives, its answer is lost; the second, much later, finds the entry there. */
async function triedAgain(rules = ALL_SET_RULES): Promise<boolean> {
  const inner = createMemoryJournal()
  let now = 0
  let isLost = false
  const journal: Journal = {
    append: async (after, entry) => {
      const answer = await inner.append(after, entry)
      // As an engine journal answers that reads its own entry back.
      if (answer === 'taken' && (await readAll(inner))[after] === entry) return 'ok'
      if (isLost) throw new Error('no answer')
      return answer
    },
    extent: () => inner.extent(),
    at: (position) => inner.at(position),
    follow: (after, signal) => inner.follow(after, signal),
    trim: (upto) => inner.trim(upto),
    close: () => inner.close(),
  }
  const lease = new Lease(rules)
  const nothing = (): void => undefined
  const timed = new TimedJournal({
    abandoned: new AbortController().signal,
    journal,
    lease,
    elapsed: () => now,
    rules,
    onAcknowledged: nothing,
    onFailed: nothing,
    onEnded: nothing,
  })
  const entry = new Uint8Array([1, 2, 3])
  isLost = true
  await timed.append(0, entry).catch(nothing)
  isLost = false
  now = 10_000
  await timed.append(0, entry)
  return lease.mayServe(now)
}

test('R012-11: an entry that is tried again counts from its first try', async (t) => {
  t.false(await triedAgain())
  t.true(await triedAgain({ ...ALL_SET_RULES, leasesFromFirst: false }))
})
