/**
 * The judge of a journal: what specs/009-journal.md asks of every implementation. Call it from the
 * test file of the journal, or of anything that wraps one.
 */
import type { ExecutionContext, SerialFn } from 'ava'
import { JOURNAL_BATCH_BYTES, JOURNAL_ENTRY_BYTES } from '../../src/limits.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { seeded } from '../wire/seeded.ts'
import { PHASES, cutJournal } from './cut.ts'
import { follow, marked, marksOf, openWriter, pattern, readAll, text, verified } from './tools.ts'

/** A journal under test and where it lives. */
export interface JournalHarness {
  readonly journal: Journal
  /** Another client of the same journal, where there can be several; else the same. */
  another(): Promise<Journal>
  /** Close it and open what it left behind. */
  reopen(): Promise<Journal>
  /** Close it and leave nothing behind. */
  destroy(): Promise<void>
}

export interface JournalSuite {
  readonly test: SerialFn
  /** Begins the title of every test. */
  readonly name: string
  create(): Promise<JournalHarness>
  /** Does it keep anything beyond `close`? */
  readonly durable: boolean
}

type Case = (t: ExecutionContext, journal: Journal, harness: JournalHarness) => Promise<void>

export function journalSuite(suite: JournalSuite): void {
  const check = (title: string, run: Case): void => {
    suite.test(`${suite.name}: ${title}`, async (t) => {
      const harness = await suite.create()
      try {
        await run(t, harness.journal, harness)
      } finally {
        await harness.destroy()
      }
    })
  }
  appending(check)
  racing(check)
  trimming(check)
  following(check)
  closing(check)
  if (suite.durable) keeping(check)
}

type Check = (title: string, run: Case) => void

/** Entries "1" to "count", at those positions. */
async function fill(journal: Journal, count: number): Promise<void> {
  for (let i = 1; i <= count; i++) await journal.append(i - 1, text(`${i}`))
}

const texts = (entries: readonly Uint8Array[]): string[] =>
  entries.map((entry) => Buffer.from(entry).toString())

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`)

function appending(check: Check): void {
  check('R009-1, R009-2 an empty journal begins at position 1', async (t, journal) => {
    t.deepEqual(await journal.extent(), { first: 1, last: 0 })
    t.is(await journal.at(1), undefined)
    t.is(await journal.append(0, text('1')), 'ok')
    t.deepEqual(await journal.extent(), { first: 1, last: 1 })
    t.deepEqual(await journal.at(1), text('1'))
    t.is(await journal.at(2), undefined)
  })

  check(
    'R009-2 an append anywhere but at the end is taken, and leaves nothing',
    async (t, journal) => {
      await fill(journal, 3)
      for (const after of [0, 1, 2]) t.is(await journal.append(after, text('x')), 'taken')
      t.deepEqual(texts(await readAll(journal)), ['1', '2', '3'])
    },
  )

  check(
    'R009-3 an append beyond the end is certain not to be there: integrity',
    async (t, journal) => {
      await fill(journal, 2)
      const error = { code: 'integrity', outcome: 'not-appended' }
      t.like(await t.throwsAsync(journal.append(3, text('x'))), error)
      t.like(await t.throwsAsync(journal.append(2 ** 53 - 1, text('x'))), error)
      t.deepEqual(texts(await readAll(journal)), ['1', '2'])
      t.is(await journal.append(2, text('3')), 'ok')
    },
  )

  check('R009-4 entries of every length come back as they were', async (t, journal) => {
    const lengths = [1, 63, 64, 4031, 4032, 4033, 8128, 100_000, JOURNAL_BATCH_BYTES + 1]
    for (const [i, length] of lengths.entries()) {
      t.is(await journal.append(i, pattern(length, i)), 'ok')
    }
    for (const [i, length] of lengths.entries()) {
      t.is(Buffer.compare((await journal.at(i + 1)) as Uint8Array, pattern(length, i)), 0)
    }
    const all = await readAll(journal)
    t.deepEqual(
      all.map(({ byteLength }) => byteLength),
      lengths,
    )
  })

  check('R009-4 positions and lengths out of their bounds are mistakes', async (t, journal) => {
    const wrong = { instanceOf: RangeError }
    await t.throwsAsync(journal.append(0, new Uint8Array(0)), wrong)
    await t.throwsAsync(journal.append(0, new Uint8Array(JOURNAL_ENTRY_BYTES + 1)), wrong)
    await t.throwsAsync(journal.append(0, 'x' as never), { instanceOf: TypeError })
    for (const position of [-1, 0.5, Number.NaN, 2 ** 53, Infinity]) {
      await t.throwsAsync(journal.append(position, text('x')), wrong)
      await t.throwsAsync(journal.at(position), wrong)
      await t.throwsAsync(journal.trim(position), wrong)
      t.throws(() => journal.follow(position, new AbortController().signal), wrong)
    }
    await t.throwsAsync(journal.at(0), wrong)
    t.deepEqual(await journal.extent(), { first: 1, last: 0 })
  })

  check('R009-4 an entry of the largest length', async (t, journal) => {
    const largest = new Uint8Array(JOURNAL_ENTRY_BYTES).fill(7)
    t.is(await journal.append(0, largest), 'ok')
    t.is(await journal.append(1, text('2')), 'ok')
    t.is(Buffer.compare((await journal.at(1)) as Uint8Array, largest), 0)
    t.deepEqual(texts(await readAll(journal, 1)), ['2'])
  })
}

const APPENDERS = 8
const POSITIONS = 200
const CUTS = 120

function racing(check: Check): void {
  check(
    `R009-2 ${APPENDERS} race for ${POSITIONS} positions: one winner each`,
    async (t, _, harness) => {
      const journals = await Promise.all(Array.from({ length: APPENDERS }, () => harness.another()))
      const won = Array.from({ length: POSITIONS }, () => [] as string[])
      const race = async (journal: Journal, racer: number): Promise<void> => {
        for (let position = 1; position <= POSITIONS; position++) {
          // As a follower sees it, without waiting for others that lose.
          while ((await journal.extent()).last < position - 1) await new Promise(setImmediate)
          const said = `${racer} at ${position}`
          const answer = await journal.append(position - 1, text(said))
          if (answer === 'ok') won[position - 1]!.push(said)
        }
      }
      await Promise.all(journals.map(race))
      t.deepEqual(
        won.map(({ length }) => length),
        won.map(() => 1),
      )
      t.deepEqual(texts(await readAll(harness.journal)), won.flat())
    },
  )

  for (const seed of [1, 2, 3]) {
    check(
      `R009-20, R009-21 appends cut in every phase: none twice, none lost, ${seed}`,
      async (t, journal) => {
        const random = seeded(seed)
        let isCut = true
        const phaseOf = (): (typeof PHASES)[number] =>
          isCut ? PHASES[Math.floor(random() * PHASES.length)]! : 'whole'
        const cut = cutJournal(journal, phaseOf)
        const { writer } = await openWriter(journal, 1, { journal: cut, timeoutMs: 20 })
        const positions: number[] = []
        for (let i = 0; i < CUTS;) {
          const together = Math.min(CUTS - i, 1 + Math.floor(random() * 4))
          const asked = Array.from({ length: together }, (_, k) => writer.append([marked(i + k)]))
          positions.push(...(await Promise.all(asked)))
          i += together
        }
        isCut = false
        await writer.say('farewell')
        await writer.close()
        const entries = await verified(journal)
        t.deepEqual(
          entries.flatMap(marksOf),
          Array.from({ length: CUTS }, (_, i) => i),
        )
        for (const [i, position] of positions.entries()) {
          t.true(marksOf(entries[position - 1]!).includes(i))
        }
      },
    )
  }

  check(
    'R009-22 an overtaken writer appends nothing more, and its last is not there',
    async (t, journal, harness) => {
      const other = await harness.another()
      const first = await openWriter(journal, 1)
      await first.writer.append([marked(1)])
      const second = await openWriter(other, 2)
      const error = await t.throwsAsync(first.writer.append([marked(2)]))
      t.like(error, { code: 'conflict', outcome: 'not-appended' })
      t.like(await t.throwsAsync(first.writer.append([marked(3)])), { outcome: 'not-appended' })
      t.true(first.appender.hasEnded)
      await second.writer.append([marked(4)])
      t.deepEqual((await verified(journal)).flatMap(marksOf), [1, 4])
    },
  )
}

function trimming(check: Check): void {
  check('R009-5 what is trimmed is gone, the rest is there', async (t, journal) => {
    await fill(journal, 5)
    await journal.trim(3)
    t.deepEqual(await journal.extent(), { first: 4, last: 5 })
    for (const position of [1, 2, 3]) t.is(await journal.at(position), 'gone')
    t.deepEqual(await journal.at(4), text('4'))
    await journal.trim(1)
    await journal.trim(0)
    t.deepEqual(await journal.extent(), { first: 4, last: 5 })
    t.deepEqual(await follow(journal, 2), ['gone'])
    t.deepEqual(texts(await readAll(journal, 3)), ['4', '5'])
  })

  check('R009-6 an append at a trimmed position is taken', async (t, journal, harness) => {
    await fill(journal, 5)
    await journal.trim(3)
    for (const client of [journal, await harness.another()]) {
      for (const after of [0, 1, 2, 3, 4]) t.is(await client.append(after, text('x')), 'taken')
    }
    t.is(await journal.append(5, text('6')), 'ok')
    t.deepEqual(texts(await readAll(journal, 3)), ['4', '5', '6'])
  })

  check(
    'R009-6, R009-7 also after everything up to the end was trimmed, of which the last stays',
    async (t, journal, harness) => {
      await fill(journal, 5)
      for (const upto of [5, 1000, 2 ** 53 - 1]) {
        await journal.trim(upto)
        t.deepEqual(await journal.extent(), { first: 5, last: 5 })
        t.deepEqual(await journal.at(5), text('5'))
        for (const client of [journal, await harness.another()]) {
          for (const after of [0, 3, 4]) t.is(await client.append(after, text('x')), 'taken')
        }
      }
      t.is(await journal.append(5, text('6')), 'ok')
      t.deepEqual(texts(await readAll(journal, 4)), ['5', '6'])
    },
  )

  check('R009-7 an empty journal is trimmed without effect', async (t, journal) => {
    await journal.trim(10)
    t.deepEqual(await journal.extent(), { first: 1, last: 0 })
    t.is(await journal.append(0, text('1')), 'ok')
  })
}

function following(check: Check): void {
  check(
    'R009-8 followers get every entry in order, those that come later too',
    async (t, journal, harness) => {
      await fill(journal, 10)
      const stop = new AbortController()
      const follows = async (after: number): Promise<string[]> => {
        const got: string[] = []
        for await (const batch of (await harness.another()).follow(after, stop.signal)) {
          if (batch === 'gone') break
          got.push(...texts(batch))
          if (got.at(-1) === '300') break
        }
        return got
      }
      const all = Promise.all([0, 0, 5, 10, 290].map(follows))
      for (let i = 11; i <= 300; i++) await journal.append(i - 1, text(`${i}`))
      const got = await all
      t.deepEqual(
        got,
        [0, 0, 5, 10, 290].map((after) => numbers(after + 1, 300)),
      )
    },
  )

  check('R009-8 a follower at the end waits, and ends with its signal', async (t, journal) => {
    await fill(journal, 1)
    const stop = new AbortController()
    const got: string[] = []
    const followed = (async () => {
      for await (const batch of journal.follow(1, stop.signal))
        got.push(...texts(batch as Uint8Array[]))
    })()
    await journal.append(1, text('2'))
    while (got.length === 0) await new Promise(setImmediate)
    stop.abort()
    await followed
    t.deepEqual(got, ['2'])
    const aborted = AbortSignal.abort()
    for await (const batch of journal.follow(0, aborted)) t.fail(`${batch.length} entries`)
  })

  check(
    'R009-9 a follower whose next entry is trimmed is told, and gets nothing more',
    async (t, journal) => {
      await fill(journal, 10)
      const stop = new AbortController()
      const follower = journal.follow(4, stop.signal)[Symbol.asyncIterator]()
      const first = (await follower.next()).value as Uint8Array[]
      t.is(texts(first)[0], '5')
      const next = 4 + first.length
      for (let i = 10; i < next + 20; i++) await journal.append(i, text(`${i + 1}`))
      await journal.trim(next + 10)
      const then = await follower.next()
      t.is(then.value, 'gone')
      t.true((await follower.next()).done)
      // One that is past them follows on.
      t.deepEqual(texts(await readAll(journal, next + 10))[0], `${next + 11}`)
    },
  )

  check('R009-10 batches are bounded', async (t, journal) => {
    const length = JOURNAL_BATCH_BYTES / 4
    for (let i = 0; i < 10; i++) await journal.append(i, pattern(length, i))
    await journal.append(10, pattern(2 * JOURNAL_BATCH_BYTES))
    const batches = (await follow(journal, 0)) as (readonly Uint8Array[])[]
    for (const batch of batches) {
      const bytes = batch.reduce((sum, { byteLength }) => sum + byteLength, 0)
      t.true(batch.length === 1 || bytes <= JOURNAL_BATCH_BYTES)
    }
    t.is(batches.flat().length, 11)
  })
}

function closing(check: Check): void {
  check(
    'R009-11 a closed journal refuses every call, and ends those who follow',
    async (t, journal) => {
      await fill(journal, 2)
      const signal = new AbortController().signal
      const closed = { code: 'unreachable' }
      const follower = journal.follow(2, signal)[Symbol.asyncIterator]()
      const waiting = t.throwsAsync(Promise.resolve(follower.next()), closed)
      const appending = journal.append(2, text('3'))
      await journal.close()
      await journal.close()
      await waiting.catch(() => undefined)
      t.is(await appending, 'ok')
      await t.throwsAsync(journal.append(3, text('4')), closed)
      await t.throwsAsync(journal.at(1), closed)
      await t.throwsAsync(journal.extent(), closed)
      await t.throwsAsync(journal.trim(1), closed)
      const late = journal.follow(0, signal)[Symbol.asyncIterator]()
      await t.throwsAsync(Promise.resolve(late.next()), closed)
    },
  )
}

function keeping(check: Check): void {
  check(
    'R009-12 what was appended is there after reopening, and the end is the same',
    async (t, journal, harness) => {
      await fill(journal, 50)
      let again = await harness.reopen()
      t.deepEqual(texts(await readAll(again)), numbers(1, 50))
      t.is(await again.append(49, text('x')), 'taken')
      t.is(await again.append(50, text('51')), 'ok')
      await again.trim(51)
      again = await harness.reopen()
      t.is((await again.extent()).last, 51)
      for (const after of [0, 20, 49, 50]) t.is(await again.append(after, text('x')), 'taken')
      t.is(await again.append(51, text('52')), 'ok')
      again = await harness.reopen()
      t.deepEqual(texts(await readAll(again, 50)), ['51', '52'])
    },
  )

  check(
    'R009-12 a journal that is opened again and again keeps nothing but what it must',
    async (t, journal, harness) => {
      await fill(journal, 1)
      let again = journal
      for (let i = 2; i <= 30; i++) {
        again = await harness.reopen()
        t.is(await again.append(i - 1, text(`${i}`)), 'ok')
        await again.trim(i - 1)
        t.deepEqual(await again.at(i), text(`${i}`))
      }
    },
  )
}
