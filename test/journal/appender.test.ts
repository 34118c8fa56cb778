import { Appender, type AppenderEffect, type AppenderEvent } from '../../src/journal/appender.ts'
import { BEFORE_FIRST } from '../../src/journal/chain.ts'
import { decodeEntry } from '../../src/journal/decode.ts'
import { DstoreError } from '../../src/errors.ts'
import { test } from '../serial.ts'
import { id, marked, text } from './tools.ts'

const START = { ...BEFORE_FIRST, set: id(1), writer: id(2), epoch: 1, acknowledged: 0 }
const FAULT = new DstoreError('no-space', 'full')
const changes = { kind: 'changes', changes: [marked(1)] } as const

/** The entry that is being appended, and the attempt to answer. */
function begin(appender: Appender): { entry: Uint8Array; attempt: number } {
  const [effect] = appender.append(changes)
  if (effect?.type !== 'append') throw new Error(`not appended: ${effect?.type}`)
  return effect
}

const words = (effects: readonly AppenderEffect[]): string =>
  effects
    .map((effect) => {
      if (effect.type !== 'report') return effect.type
      const { report } = effect
      return report.type === 'ended' ? `ended ${report.pending}` : report.type
    })
    .join(', ')

type Without<E> = E extends unknown ? Omit<E, 'attempt'> : never
type Answer = Without<AppenderEvent>

/** What the machine does about answers, each to the attempt before. */
function after(...events: readonly Answer[]): string[] {
  const appender = new Appender(START)
  let { attempt } = begin(appender)
  return events.map((event) => {
    const effects = appender.on({ ...event, attempt })
    const [first] = effects
    if (first !== undefined && first.type !== 'report') attempt = first.attempt
    return words(effects)
  })
}

const nothing: Answer = { type: 'found', found: undefined }
const other: Answer = { type: 'found', found: text('another') }
const gone: Answer = { type: 'found', found: 'gone' }
const refused: Answer = { type: 'refused', fault: FAULT }

test('R009-20, R009-21, R009-22, R009-23 what each answer leads to', (t) => {
  t.deepEqual(after({ type: 'ok' }), ['appended'])
  t.deepEqual(after(refused), ['refused'])
  t.deepEqual(after({ type: 'broken', fault: FAULT }), ['ended unknown'])
  t.deepEqual(after({ type: 'taken' }, other), ['read', 'ended absent'])
  t.deepEqual(after({ type: 'taken' }, gone), ['read', 'ended unknown'])
  t.deepEqual(after({ type: 'taken' }, nothing, { type: 'ok' }), ['read', 'append', 'appended'])
  t.deepEqual(after({ type: 'doubt' }, nothing, { type: 'ok' }), ['read', 'append', 'appended'])
  t.deepEqual(after({ type: 'doubt' }, { type: 'unread' }, { type: 'waited' }, other), [
    'read',
    'wait',
    'read',
    'ended absent',
  ])
  t.deepEqual(after({ type: 'doubt' }, nothing, refused, { type: 'waited' }, nothing, refused), [
    'read',
    'append',
    'wait',
    'read',
    'append',
    'wait',
  ])
  t.deepEqual(after({ type: 'doubt' }, nothing, { type: 'taken' }, { type: 'waited' }, gone), [
    'read',
    'append',
    'wait',
    'read',
    'ended unknown',
  ])
})

test('R009-21 its own entry at the position is the append', (t) => {
  const appender = new Appender(START)
  const { entry, attempt } = begin(appender)
  const [read] = appender.on({ type: 'doubt', attempt })
  const { attempt: reading } = read as { attempt: number }
  const found = Uint8Array.from(entry)
  t.is(words(appender.on({ type: 'found', attempt: reading, found })), 'appended')
  t.is(appender.position, 1)
  t.false(appender.isBusy)
  const next = decodeEntry(begin(appender).entry)
  t.like(next.head, { position: 2, acknowledged: 1, number: 2 })
})

test('R009-20 a late ok counts, whatever was done since; other late answers do not', (t) => {
  const appender = new Appender(START)
  const { attempt } = begin(appender)
  t.is(words(appender.on({ type: 'doubt', attempt })), 'read')
  for (const type of ['taken', 'doubt', 'waited', 'unread'] as const) {
    t.deepEqual(appender.on({ type, attempt }), [])
  }
  t.is(words(appender.on({ type: 'ok', attempt })), 'appended')
  const next = begin(appender)
  t.deepEqual(appender.on({ type: 'ok', attempt }), [], 'that of the entry before')
  t.is(words(appender.on({ type: 'ok', attempt: next.attempt })), 'appended')
})

test('R009-22 an appender that has ended appends nothing more', (t) => {
  const appender = new Appender(START)
  const { attempt } = begin(appender)
  t.throws(() => appender.append(changes), { instanceOf: TypeError })
  t.is(words(appender.abandon(FAULT)), 'ended unknown')
  t.true(appender.hasEnded)
  t.deepEqual(appender.on({ type: 'ok', attempt }), [])
  t.throws(() => appender.append(changes), { instanceOf: TypeError })
  t.deepEqual(new Appender(START).abandon(FAULT), [])
})
