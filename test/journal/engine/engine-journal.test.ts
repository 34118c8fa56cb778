import { DstoreError } from '../../../src/errors.ts'
import type { Engine } from '../../../src/journal/engine/engine.ts'
import { openEngineJournal } from '../../../src/journal/engine/engine-journal.ts'
import { AppendError, type Journal } from '../../../src/journal/journal.ts'
import { createMemoryJournal } from '../memory-journal.ts'
import { test } from '../../serial.ts'
import { journalSuite } from '../suite.ts'
import { text } from '../tools.ts'
import { type FakeEngine, fakeEngine } from './fake-engine.ts'

const open = async (
  memory: Journal = createMemoryJournal(),
  pollMs: number = 5,
): Promise<{ journal: Journal; engine: FakeEngine }> => {
  let engine!: FakeEngine
  const journal = await openEngineJournal({
    open: async (onMoved) => (engine = fakeEngine(memory, onMoved)),
    pollMs,
  })
  return { journal, engine }
}

journalSuite({
  test,
  name: 'engine',
  durable: true,
  create: async () => {
    const memory = createMemoryJournal()
    let { journal } = await open(memory)
    const opened = [journal]
    const another = async (): Promise<Journal> => {
      const one = (await open(memory)).journal
      opened.push(one)
      return one
    }
    return {
      get journal() {
        return journal
      },
      another,
      reopen: async () => {
        await journal.close()
        return (journal = await another())
      },
      destroy: async () => {
        for (const one of opened) await one.close()
      },
    }
  },
})

const away = (): never => {
  throw new DstoreError('unreachable', 'away')
}

/** Calls that come next. */
const plan = (engine: FakeEngine, calls: Partial<Record<keyof Engine, (() => unknown)[]>>): void =>
  void Object.assign(engine.next, calls)

const refused = (): string => 'refused'

test('R009-72 what is refused is taken only if another entry was read, or it was trimmed', async (t) => {
  const memory = createMemoryJournal()
  const { journal, engine } = await open(memory)
  await journal.append(0, text('1'))
  // Its own earlier try has arrived.
  plan(engine, { append: [refused] })
  t.is(await journal.append(0, text('1')), 'ok')
  plan(engine, { append: [refused] })
  t.is(await journal.append(0, text('2')), 'taken')
  await memory.append(1, text('2'))
  await memory.trim(1)
  plan(engine, { append: [refused] })
  t.is(await journal.append(0, text('1')), 'taken')
  await journal.close()
})

test('R009-72 a refusal that nothing explains is looked at again, and then is doubt', async (t) => {
  const memory = createMemoryJournal()
  const { journal, engine } = await open(memory)
  plan(engine, { append: [refused] })
  const append = journal.append(0, text('mine'))
  while (engine.calls.filter((call) => call === 'at').length < 3) await new Promise(setImmediate)
  await memory.append(0, text('another'))
  t.is(await append, 'taken')
  plan(engine, { append: [refused] })
  const error = await t.throwsAsync(journal.append(1, text('2')))
  t.like(error, { code: 'unreachable' })
  t.false(error instanceof AppendError)
  await journal.close()
})

test('R009-72, R009-75 a refusal whose reads fail is doubt, beyond the end as well', async (t) => {
  const { journal, engine } = await open()
  await journal.append(0, text('1'))
  for (const calls of [{ at: [away] }, { extent: [away] }]) {
    plan(engine, calls)
    const error = await t.throwsAsync(journal.append(3, text('x')))
    t.like(error, { code: 'unreachable' })
    t.false(error instanceof AppendError)
  }
  t.like(await t.throwsAsync(journal.append(3, text('x'))), {
    code: 'integrity',
    outcome: 'not-appended',
  })
  await journal.close()
})

test('R009-74 what an engine is certain of is passed on; all else is doubt', async (t) => {
  const { journal, engine } = await open()
  const full = new AppendError('not-appended', new DstoreError('no-space', 'full'))
  const calls = [() => Promise.reject(full), away]
  plan(engine, { append: calls })
  t.is(await t.throwsAsync(journal.append(0, text('1'))), full)
  t.false((await t.throwsAsync(journal.append(0, text('1')))) instanceof AppendError)
  t.deepEqual(engine.calls, ['append', 'append'])
  await journal.close()
})

test('R009-71 a follower waits while the engine is away; another fault ends it', async (t) => {
  const { journal, engine } = await open()
  await journal.append(0, text('1'))
  plan(engine, { read: [away, away] })
  const stop = new AbortController()
  const follower = journal.follow(0, stop.signal)[Symbol.asyncIterator]()
  t.deepEqual((await follower.next()).value, [text('1')])
  const damaged = new DstoreError('integrity', 'damaged')
  plan(engine, { read: [() => Promise.reject(damaged)] })
  t.is(await t.throwsAsync(Promise.resolve(follower.next())), damaged)
  stop.abort()
  await journal.close()
})

test('R009-77 a follower that is told of more looks at once, and believes nothing', async (t) => {
  const memory = createMemoryJournal()
  const { journal, engine } = await open(memory, 60_000)
  const stop = new AbortController()
  const follower = journal.follow(0, stop.signal)[Symbol.asyncIterator]()
  const next = follower.next()
  while (!engine.calls.includes('read')) await new Promise(setImmediate)
  for (const hint of [Number.NaN, -1, 0]) engine.onMoved(hint)
  await memory.append(0, text('1'))
  engine.onMoved(1)
  t.deepEqual((await next).value, [text('1')])
  // It hears of what is not there: it looks seldom, and gets it when it comes.
  const late = follower.next()
  engine.onMoved(2 ** 53)
  await new Promise((resolve) => setTimeout(resolve, 40))
  t.true(engine.calls.filter((call) => call === 'read').length < 12)
  await memory.append(1, text('2'))
  t.deepEqual((await late).value, [text('2')])
  stop.abort()
  await journal.close()
})

test('R009-8 a follower ends with its signal, also while the engine says nothing', async (t) => {
  const { journal, engine } = await open()
  plan(engine, { read: [() => new Promise(() => undefined)] })
  const stop = new AbortController()
  const next = journal.follow(0, stop.signal)[Symbol.asyncIterator]().next()
  while (!engine.calls.includes('read')) await new Promise(setImmediate)
  stop.abort()
  t.true((await next).done)
  plan(engine, { read: [() => new Promise(() => undefined)] })
  const waiting = journal.follow(0, new AbortController().signal)[Symbol.asyncIterator]().next()
  await new Promise(setImmediate)
  await journal.close()
  t.like(await t.throwsAsync(Promise.resolve(waiting)), { code: 'unreachable' })
})

test('R009-7 a trim asks for what is before the last entry, and for nothing twice', async (t) => {
  const { journal, engine } = await open()
  await journal.trim(5)
  for (let i = 0; i < 3; i++) await journal.append(i, text(`${i + 1}`))
  await journal.trim(2)
  await journal.trim(2)
  await journal.trim(9)
  t.is(engine.calls.filter((call) => call === 'trim').length, 1)
  t.is(await journal.at(2), 'gone')
  t.deepEqual(await journal.extent(), { first: 3, last: 3 })
  await journal.close()
})
