import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { RACED_DIALS, RACE_MS, SILENCE_MS, WELCOME_MS } from '../../../src/limits.ts'
import {
  ConnectionRace,
  type RaceEffect,
  type Target,
} from '../../../src/node/local/connection-race.ts'

const targets = (...addresses: string[]): Target[] =>
  addresses.map((address) => ({ address, known: address }))

const brief = (effects: readonly RaceEffect[]): string[] =>
  effects.map((effect) => {
    if (effect.type === 'lost') return `lost ${effect.error.code}`
    return `${effect.type} ${effect.type === 'dial' ? effect.target.address : effect.id}`
  })

/** A race, whose effects are lines of text. */
class Course {
  readonly race = new ConnectionRace()
  now = 0

  start(addresses: readonly string[], beside = false): string[] {
    const event = { type: 'start', targets: targets(...addresses), beside } as const
    return brief(this.race.handle({ ...event, now: this.now }))
  }

  proved(id: number): string[] {
    return brief(this.race.handle({ type: 'proved', id, now: this.now }))
  }

  answered(id: number): string[] {
    return brief(this.race.handle({ type: 'answered', id, now: this.now }))
  }

  failed(id: number, code: 'unreachable' | 'impostor' = 'unreachable'): string[] {
    const error = new DstoreError(code, 'it failed')
    return brief(this.race.handle({ type: 'failed', id, error, now: this.now }))
  }

  resolved(id: number, ...addresses: string[]): string[] {
    const event = { type: 'resolved', id, targets: targets(...addresses) } as const
    return brief(this.race.handle({ ...event, now: this.now }))
  }

  /** What happens when the race asks to be called next, and how long that takes. */
  next(): string[] {
    const { dueAt } = this.race
    if (dueAt === undefined) return ['nothing']
    const after = dueAt - this.now
    this.now = dueAt
    return [`after ${after}`, ...brief(this.race.handle({ type: 'tick', now: this.now }))]
  }
}

test('R004-71 addresses are dialled 250 ms apart, the next at once when one fails', (t) => {
  const course = new Course()
  t.is(RACE_MS, 250)
  t.deepEqual(course.start(['a', 'b', 'c', 'd']), ['dial a'])
  t.deepEqual(course.next(), ['after 250', 'dial b'])
  course.now += 100
  t.deepEqual(course.failed(1), ['dial c'])
  t.deepEqual(course.next(), ['after 250', 'dial d'])
  t.deepEqual(course.failed(2), [])
  t.deepEqual(course.failed(3), [])
  t.deepEqual(course.failed(4), ['lost unreachable'])
  t.deepEqual(course.next(), ['nothing'])
})

test('R004-71 R006-45 no more dials than RACED_DIALS are in progress, and each makes way after 5 s', (t) => {
  const course = new Course()
  const addresses = Array.from({ length: RACED_DIALS + 2 }, (_, i) => `a${i}`)
  course.start(addresses)
  for (let i = 1; i < RACED_DIALS; i++) t.deepEqual(course.next(), ['after 250', `dial a${i}`])
  const waited = 5000 - RACE_MS * (RACED_DIALS - 1)
  t.deepEqual(course.next(), [`after ${waited}`, 'close 1', `dial a${RACED_DIALS}`])
  t.deepEqual(course.next(), ['after 250', 'close 2', `dial a${RACED_DIALS + 1}`])
})

test('R004-71 the dial of the only address is left to the network', (t) => {
  const course = new Course()
  t.deepEqual(course.start(['a']), ['dial a'])
  t.deepEqual(course.next(), ['after 12000', 'close 1', 'lost timeout'])
})

test('R004-72 the first that is proved gets the hello, when every other dial has ended', (t) => {
  const course = new Course()
  course.start(['a', 'b', 'c'])
  course.next()
  t.deepEqual(course.proved(2), ['close 1', 'hello 2'])
  t.deepEqual(course.proved(1), [], 'too late')
  t.true(course.race.isGreeting)
  course.now += 1000
  t.deepEqual(course.answered(2), [])
  t.deepEqual(course.next(), ['nothing'], 'the race is over')
})

test('R004-72 a hello without a welcome in 3 s is given up before the next address is dialled', (t) => {
  const course = new Course()
  t.is(WELCOME_MS, 3000)
  course.start(['a', 'b'])
  t.deepEqual(course.proved(1), ['hello 1'])
  t.deepEqual(course.next(), ['after 3000', 'close 1', 'dial b'])
  t.deepEqual(course.answered(1), [], 'what it answers now does not count')
  t.deepEqual(course.proved(2), ['hello 2'])
  // No other address is left: a slow Global gets its time.
  t.deepEqual(course.next(), [`after ${SILENCE_MS}`, 'close 2', 'lost timeout'])
})

test('R004-72 beside a session the only hello is given up in 3 s as well', (t) => {
  const course = new Course()
  course.start(['a'], true)
  course.proved(1)
  t.deepEqual(course.next(), ['after 3000', 'close 1', 'lost timeout'])
})

test('R004-75 a race that is not needed any longer closes all that it has', (t) => {
  const course = new Course()
  course.start(['a', 'b', 'c'])
  course.next()
  const error = new DstoreError('cancelled', 'the session was heard')
  t.deepEqual(brief(course.race.handle({ type: 'cancelled', error, now: 300 })), [
    'close 1',
    'close 2',
  ])
  t.deepEqual(course.next(), ['nothing'])
  const greeting = new Course()
  greeting.start(['a'])
  greeting.proved(1)
  t.deepEqual(brief(greeting.race.handle({ type: 'cancelled', error, now: 0 })), ['close 1'])
})

test('R004-71 R006-45 the addresses of a host name take its place, and none is dialled twice', (t) => {
  const course = new Course()
  t.deepEqual(course.start(['name', 'a']), ['dial name'])
  t.deepEqual(course.resolved(1, 'x', 'a', 'y'), ['dial x'])
  t.deepEqual(course.next(), ['after 250', 'dial y'])
  t.deepEqual(course.next(), ['after 250', 'dial a'])
  for (const id of [2, 3]) t.deepEqual(course.failed(id), [])
  t.deepEqual(course.failed(4), ['lost unreachable'])
  const only = new Course()
  only.start(['name'])
  t.deepEqual(only.resolved(1), ['lost unreachable'], 'a name without an address')
})

test('R006-7 that another peer answers somewhere matters only if no address may be well later', (t) => {
  const course = new Course()
  course.start(['a', 'b'])
  course.failed(1, 'impostor')
  t.deepEqual(course.failed(2), ['lost unreachable'])
  course.start(['a'])
  t.deepEqual(course.failed(3, 'impostor'), ['lost impostor'])
})

test('R004-71 a lost race blames no address of this machine where Global has another', (t) => {
  const isLoopback = (address: string): boolean => address.startsWith('here')
  const lost = (addresses: readonly string[], failed: readonly string[]): string | undefined => {
    const race = new ConnectionRace({ oneHello: true, isLoopback })
    const effects = race.handle({
      type: 'start',
      targets: targets(...addresses),
      beside: false,
      now: 0,
    })
    while (effects.at(-1)?.type === 'dial') {
      const { id, target } = effects.at(-1) as RaceEffect & { type: 'dial' }
      if (failed.includes(target.address)) {
        const error = new DstoreError('unreachable', `${target.address}: refused`)
        effects.push(...race.handle({ type: 'failed', id, error, now: 0 }))
      } else effects.push(...race.handle({ type: 'tick', now: 12_000 }))
    }
    const last = effects.at(-1)
    return last?.type === 'lost' ? last.error.message : undefined
  }
  t.is(lost(['here', 'a'], ['here']), 'a: no answer in time')
  t.is(lost(['a', 'here'], ['a', 'here']), 'a: refused')
  t.is(lost(['here', 'here too'], ['here', 'here too']), 'here: refused')
})
