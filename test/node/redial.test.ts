import test from 'ava'
import * as fc from 'fast-check'
import { REDIAL_FIRST_MS, REDIAL_LONGEST_MS, REDIAL_STEADY_MS } from '../../src/limits.ts'
import { Redial } from '../../src/node/redial.ts'
import type { RedialEvent } from '../../src/node/redial.ts'

const DIAL = { kind: 'dial' } as const
const NONE = { kind: 'none' } as const
const wait = (ms: number): { kind: 'wait'; ms: number } => ({ kind: 'wait', ms })

test('waits double up to the longest, and it never gives up', (t) => {
  const redial = new Redial(() => 1)
  t.deepEqual(redial.on('wanted', 0), DIAL)
  const waits: number[] = []
  for (let i = 0; i < 5000; i++) {
    const action = redial.on('failed', 0)
    waits.push(action.kind === 'wait' ? action.ms : -1)
    t.deepEqual(redial.on('due', 0), DIAL)
  }
  t.deepEqual(waits.slice(0, 7), [200, 400, 800, 1600, 3200, 6400, 10_000])
  t.true(waits.slice(6).every((ms) => ms === REDIAL_LONGEST_MS))
})

test('Locals that lose Global together come back spread out', (t) => {
  const waits = [0, 0.25, 0.5, 0.999].map((random) => {
    const redial = new Redial(() => random)
    redial.on('wanted', 0)
    return redial.on('failed', 0)
  })
  t.deepEqual(
    waits.map((action) => (action.kind === 'wait' ? Math.round(action.ms) : -1)),
    [100, 125, 150, 200],
  )
})

test('only a connection that stood for a while begins anew', (t) => {
  const redial = new Redial(() => 1)
  redial.on('wanted', 0)
  redial.on('connected', 1000)
  t.deepEqual(redial.on('lost', 1001), wait(200))
  redial.on('due', 1300)
  redial.on('connected', 1400)
  t.deepEqual(redial.on('lost', 1400 + REDIAL_STEADY_MS - 1), wait(400))
  redial.on('due', 9000)
  redial.on('connected', 9000)
  t.deepEqual(redial.on('lost', 9000 + REDIAL_STEADY_MS), wait(REDIAL_FIRST_MS))
})

test('a caller that wants it does not wait, and a late timer does nothing', (t) => {
  const redial = new Redial(() => 1)
  redial.on('wanted', 0)
  redial.on('failed', 0)
  t.deepEqual(redial.on('wanted', 1), DIAL)
  t.deepEqual(redial.on('wanted', 1), NONE)
  t.deepEqual(redial.on('due', 200), NONE)
  t.deepEqual(redial.on('connected', 201), NONE)
  t.is(redial.state, 'connected')
  t.deepEqual(redial.on('wanted', 202), NONE)
  t.deepEqual(redial.on('failed', 203), NONE)
})

test('whatever happens, there is one dial or one wait at a time', (t) => {
  const events = fc.constantFrom<RedialEvent>('wanted', 'due', 'connected', 'failed', 'lost')
  fc.assert(
    fc.property(
      fc.array(events, { maxLength: 200 }),
      fc.noShrink(fc.infiniteStream(fc.double({ min: 0, max: 0.99, noNaN: true }))),
      (happened, randoms) => {
        const redial = new Redial(() => randoms.next().value as number)
        let dialling = false
        for (const [now, event] of happened.entries()) {
          const before = redial.state
          const action = redial.on(event, now)
          if (action.kind === 'dial') {
            t.false(dialling)
            t.is(redial.state, 'dialling')
          }
          if (action.kind === 'wait') {
            t.is(redial.state, 'waiting')
            t.true(action.ms >= REDIAL_FIRST_MS / 2 && action.ms <= REDIAL_LONGEST_MS)
            t.true(before === 'dialling' || before === 'connected')
          }
          dialling = redial.state === 'dialling'
        }
      },
    ),
  )
})
