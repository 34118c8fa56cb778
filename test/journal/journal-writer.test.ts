import { setTimeout as sleep } from 'node:timers/promises'
import { Appender } from '../../src/journal/appender.ts'
import { nextEpoch, readEnd } from '../../src/journal/beginning.ts'
import { Chain } from '../../src/journal/chain.ts'
import { decodeEntry } from '../../src/journal/decode.ts'
import type { Change } from '../../src/journal/entry.ts'
import { AppendError, type Journal } from '../../src/journal/journal.ts'
import { JournalWriter } from '../../src/journal/journal-writer.ts'
import { createMemoryJournal } from './memory-journal.ts'
import { DstoreError } from '../../src/errors.ts'
import { JOURNAL_CHANGES, JOURNAL_PARTS, MIB } from '../../src/limits.ts'
import { test } from '../serial.ts'
import { id, marked, marksOf, openWriter, text, verified } from './tools.ts'

/** A journal of which one call is another. */
const withAppend = (journal: Journal, append: Journal['append']): Journal => ({
  append,
  extent: () => journal.extent(),
  at: (position) => journal.at(position),
  follow: (after, signal) => journal.follow(after, signal),
  trim: (upto) => journal.trim(upto),
  close: () => journal.close(),
})

const large = (bytes: number): Change => ({
  type: 'transaction',
  conditions: [],
  writes: [],
  increments: [],
  entry: new Uint8Array(bytes),
  adopt: [],
  release: [],
})

test('R009-24 what is asked for while an append is under way goes into the next entry, in order', async (t) => {
  const journal = createMemoryJournal()
  const seen: number[] = []
  const slow = withAppend(journal, async (after, entry) => {
    await sleep(2)
    return journal.append(after, entry)
  })
  const { writer } = await openWriter(journal, 1, {
    journal: slow,
    onAppended: (position, entry, body) => {
      const decoded = decodeEntry(entry)
      t.deepEqual(decoded.body, body)
      seen.push(position, ...marksOf(decoded))
    },
  })
  const first = [writer.append([marked(1)]), writer.append([marked(2), marked(3)])]
  await sleep(1)
  const then = [4, 5, 6].map((mark) => writer.append([marked(mark)]))
  t.deepEqual(await Promise.all([...first, ...then]), [2, 2, 3, 3, 3])
  const said = [writer.append([marked(7)]), writer.say('heartbeat'), writer.append([marked(8)])]
  t.deepEqual(await Promise.all(said), [4, 5, 6])
  t.deepEqual(seen, [1, 2, 1, 2, 3, 3, 4, 5, 6, 4, 7, 5, 6, 8])
  const kinds = (await verified(journal)).map(({ body }) => body.kind)
  t.deepEqual(kinds, ['begin', 'changes', 'changes', 'changes', 'heartbeat', 'changes'])
})

test('R009-24 a group has a bound; what is larger has an entry of its own', async (t) => {
  const journal = createMemoryJournal()
  const { writer } = await openWriter(journal, 1, { groupBytes: 10_000 })
  const sizes = [4000, 4000, 4000, 20_000, 1, 1]
  const positions = await Promise.all(sizes.map((size) => writer.append([large(size)])))
  t.deepEqual(positions, [2, 2, 3, 4, 5, 5])
  await writer.close()
  const { writer: another } = await openWriter(journal, 2)
  const asked = Array.from({ length: 5000 }, (_, i) => another.append([marked(i)]))
  const many = await Promise.all(asked)
  t.deepEqual([new Set(many).size, many[4095]! + 1], [2, many[4096]])
})

test('R009-24 changes that make no entry are a mistake, and nothing of the others is lost', async (t) => {
  const journal = createMemoryJournal()
  const { writer } = await openWriter(journal, 1)
  const wrong = { instanceOf: RangeError }
  t.throws(() => void writer.append([]), wrong)
  t.throws(
    () => void writer.append(Array.from({ length: JOURNAL_CHANGES + 1 }, () => marked(1))),
    wrong,
  )
  t.throws(() => void writer.append(Array.from({ length: 33 }, () => large(MIB))), wrong)
  const release = Array.from({ length: JOURNAL_PARTS + 1 }, () => '00'.repeat(10))
  t.throws(() => void writer.append([{ ...large(1), release } as Change]), wrong)
  const bad: Change = { type: 'damaged', location: 'none' }
  const results = await Promise.allSettled([
    writer.append([marked(1)]),
    writer.append([bad]),
    writer.append([marked(2)]),
  ])
  t.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  t.deepEqual((await verified(journal)).flatMap(marksOf), [1, 2])
})

test('R009-21 a refusal is passed on, and the writer goes on', async (t) => {
  const journal = createMemoryJournal()
  let isFull = false
  const full = new AppendError(
    'not-appended',
    new DstoreError('no-space', 'full', { hint: 'free' }),
  )
  const refusing = withAppend(journal, async (after, entry) => {
    if (isFull) throw full
    return journal.append(after, entry)
  })
  const { writer } = await openWriter(journal, 1, { journal: refusing })
  isFull = true
  const error = await t.throwsAsync(writer.append([marked(1)]))
  t.like(error, { code: 'no-space', hint: 'free', outcome: 'not-appended' })
  isFull = false
  t.is(await writer.append([marked(2)]), 2)
  t.deepEqual((await verified(journal)).flatMap(marksOf), [2])
})

test('R009-25 a journal that has ended leaves the append unknown, and everything after it refused', async (t) => {
  const journal = createMemoryJournal()
  let hasEnded = false
  const ending = withAppend(journal, async (after, entry) => {
    if (hasEnded) throw new AppendError('ended', new DstoreError('unwritable', 'the disk is gone'))
    return journal.append(after, entry)
  })
  const { writer } = await openWriter(journal, 1, { journal: ending })
  hasEnded = true
  const first = t.throwsAsync(writer.append([marked(1)]), { code: 'unwritable' })
  await sleep(0)
  const queued = t.throwsAsync(writer.append([marked(2)]), { code: 'unwritable' })
  t.like(await first, { outcome: 'ended' })
  t.like(await queued, { outcome: 'not-appended' })
  t.like(await t.throwsAsync(writer.append([marked(3)])), { outcome: 'not-appended' })
  t.is(writer.fault?.outcome, 'ended')
  await writer.close()
})

test('R009-25 what is in doubt when the writer is given up is unknown to its caller', async (t) => {
  const journal = createMemoryJournal()
  const silent = withAppend(journal, async (after, entry) => {
    if (after === 0) return journal.append(after, entry)
    return new Promise(() => undefined)
  })
  const { writer } = await openWriter(journal, 1, { journal: silent, timeoutMs: 5 })
  const pending = t.throwsAsync(writer.append([marked(1)]), { code: 'unreachable' })
  await sleep(20)
  const queued = t.throwsAsync(writer.append([marked(2)]), { code: 'unreachable' })
  await writer.abandon()
  t.like(await pending, { outcome: 'ended' })
  t.like(await queued, { outcome: 'not-appended' })
  await writer.abandon()
})

test('R009-25 a closed writer completes what was asked for, and refuses the rest', async (t) => {
  const journal = createMemoryJournal()
  const { writer } = await openWriter(journal, 1)
  const asked = [writer.append([marked(1)]), writer.say('farewell')]
  const closed = writer.close()
  await t.throwsAsync(writer.append([marked(2)]), { code: 'unreachable' })
  await closed
  t.deepEqual(await Promise.all(asked), [2, 3])
})

test('R009-35 after a farewell nothing is taken, nor while it is under way', async (t) => {
  const journal = createMemoryJournal()
  const { writer } = await openWriter(journal, 1)
  const farewell = writer.say('farewell')
  await t.throwsAsync(writer.say('heartbeat'), { code: 'unreachable' })
  t.is(await farewell, 2)
  await t.throwsAsync(writer.append([marked(1)]), { code: 'unreachable' })
  t.is((await verified(journal)).length, 2)
})

test('R009-21 a journal that is away for a while is asked less and less often', async (t) => {
  const journal = createMemoryJournal()
  let isAway = true
  const away = withAppend(journal, async (after, entry) => {
    if (isAway) throw new Error('away')
    return journal.append(after, entry)
  })
  const waits: number[] = []
  const end = await readEnd(journal)
  const appender = new Appender(nextEpoch(end, { newSet: id(9), writer: id(1) }))
  const writer = new JournalWriter({
    journal: away,
    appender,
    sleep: async (ms) => {
      waits.push(ms)
      if (waits.length === 12) isAway = false
    },
  })
  t.is(await writer.say('begin'), 1)
  t.deepEqual(waits.slice(0, 4), [20, 40, 80, 160])
  t.deepEqual(waits.slice(-3), [1000, 1000, 1000])
})

test('R009-34 an epoch follows that of the last entry, or the least that a store asks for', async (t) => {
  const journal = createMemoryJournal()
  const beginning = { newSet: id(9), writer: id(1) }
  const empty = await readEnd(journal)
  t.is(nextEpoch(empty, beginning).epoch, 1)
  t.is(nextEpoch(empty, { ...beginning, leastEpoch: 7 }).epoch, 7)
  const { writer } = await openWriter(journal, 1)
  await writer.append([marked(1)])
  const end = await readEnd(journal)
  t.like(end, { position: 2 })
  t.like(nextEpoch(end, { newSet: id(8), writer: id(2) }), {
    epoch: 2,
    set: id(99),
    position: 2,
    acknowledged: 1,
  })
  const chain = new Chain()
  for (const position of [1, 2]) chain.accept((await journal.at(position)) as Uint8Array)
  t.deepEqual(end.digest, chain.digest)
  const last = { ...end, head: { ...end.head!, epoch: 2 ** 32 - 1 } }
  t.throws(() => nextEpoch(last, beginning), { code: 'integrity' })
})

test('R009-34 the end of a journal that is trimmed meanwhile is its new end', async (t) => {
  const journal = createMemoryJournal()
  const { writer } = await openWriter(journal, 1)
  const reading: Journal = {
    ...withAppend(journal, (after, entry) => journal.append(after, entry)),
    at: async (position) => {
      if (position === 1) {
        await writer.append([marked(1)])
        await journal.trim(1)
      }
      return journal.at(position)
    },
  }
  t.like(await readEnd(reading), { position: 2 })
  const lost = { ...reading, at: async () => undefined }
  await t.throwsAsync(readEnd(lost), { code: 'integrity' })
  const foreign = createMemoryJournal()
  await foreign.append(0, text('something else'))
  await t.throwsAsync(readEnd(foreign), { code: 'incompatible' })
})
