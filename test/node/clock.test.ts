import * as fc from 'fast-check'
import { test } from '../serial.ts'
import { grantorClock, holderClock, systemClocks, type Clocks } from '../../src/node/clock.ts'
import { LINUX, PORTABLE } from '../../src/platform.ts'

/** The clocks of a machine, which a test moves. */
class Machine implements Clocks {
  readonly at = { real: 0, monotonic: 0, uptime: 0, wall: 1e12 }
  readonly #grainMs: number

  constructor(grainMs = 1) {
    this.#grainMs = grainMs
  }

  readonly monotonic = (): number => this.at.monotonic
  readonly uptime = (): number => Math.floor(this.at.uptime / this.#grainMs) * this.#grainMs
  readonly wall = (): number => this.at.wall

  pass(ms: number): void {
    for (const clock of ['real', 'monotonic', 'uptime', 'wall'] as const) this.at[clock] += ms
  }

  sleep(ms: number): void {
    for (const clock of ['real', 'uptime', 'wall'] as const) this.at[clock] += ms
  }

  /** The wall clock is set. */
  set(ms: number): void {
    this.at.wall += ms
  }
}

const DAY = 86_400_000

test('R004-61: the clock of a holder runs on through sleep and steps forward, and never goes back', (t) => {
  const machine = new Machine()
  const now = holderClock(machine)
  machine.pass(1000)
  t.is(now(), 1000)
  machine.sleep(60_000)
  t.is(now(), 61_000, 'the machine slept')
  machine.pass(10)
  machine.set(4990)
  t.is(now(), 66_000, 'the wall clock was set forward')
  machine.pass(10)
  machine.set(-5010)
  t.is(now(), 66_010, 'and back')
  for (let i = 0; i < 1000; i++) {
    machine.at.monotonic += 1
    machine.at.wall += 2
    now()
  }
  t.is(now(), 67_010, 'coarse readings do not add up')
})

test('R004-60: the clock of a grantor takes no step of the wall clock, and counts sleep', (t) => {
  const machine = new Machine()
  const now = grantorClock(machine)
  for (const step of [3_600_000, -3_600_000, 400 * DAY]) {
    const before = now()
    machine.set(step)
    machine.pass(20)
    t.is(now() - before, 20)
  }
  const before = now()
  machine.sleep(DAY)
  const counted = now() - before
  t.true(counted <= DAY && counted >= DAY - 2000, String(counted))
})

test('R004-60: an up-time that jumps without the wall clock is not taken for sleep', (t) => {
  const machine = new Machine()
  const now = grantorClock(machine)
  machine.at.uptime += 100 * DAY
  machine.pass(20)
  t.is(now(), 20)
  machine.at.uptime -= 50 * DAY
  machine.pass(20)
  t.is(now(), 40)
})

test('R004-60: steps of the wall clock make no sleep of what a coarse up-time rounds', (t) => {
  const machine = new Machine(1000)
  const now = grantorClock(machine)
  for (let i = 0; i < 400; i++) {
    machine.pass(250)
    machine.set(3_600_000)
    t.is(now(), machine.at.real)
  }
})

test('R004-60: an up-time that follows the wall clock is not asked, so that no step is sleep', (t) => {
  const { monotonic, uptime } = systemClocks(PORTABLE)
  t.is(uptime, monotonic)
  t.not(systemClocks(LINUX).uptime, monotonic)

  // The monotonic clock of such a system counts sleep.
  const machine = new Machine()
  const { monotonic: elapsed, wall } = machine
  const clocks: Clocks = { monotonic: elapsed, uptime: elapsed, wall }
  const [grantor, holder] = [grantorClock(clocks), holderClock(clocks)]
  machine.pass(DAY)
  machine.set(3_600_000)
  machine.pass(20)
  t.is(grantor(), DAY + 20)
  t.is(holder(), DAY + 3_600_020)
})

test('R004-61: the clock of a holder counts sleep in which the wall clock is set back', (t) => {
  const machine = new Machine()
  const now = holderClock(machine)
  machine.sleep(60_000)
  machine.set(-3_600_000)
  machine.pass(10)
  t.is(now(), 60_010)
})

test('R004-61: an up-time in whole seconds makes the clock of a holder no faster', (t) => {
  const machine = new Machine(1000)
  const now = holderClock(machine)
  for (let i = 0; i < 400; i++) {
    machine.pass(250)
    t.is(now(), machine.at.real)
  }
})

const what = fc.constantFrom('pass', 'sleep', 'set forward', 'set back', 'exchange uptime', 'read')
/** No two the same, so that a step never hides a sleep to the millisecond. */
const lengths = fc.double({ min: 0.3, max: 8.5, noNaN: true }).map((power) => 10 ** power)
const happenings = fc.array(fc.tuple(what, lengths), { maxLength: 60 })

function happen(machine: Machine, [kind, ms]: [string, number]): void {
  if (kind === 'pass') machine.pass(ms)
  if (kind === 'sleep') machine.sleep(Math.max(ms, 200))
  if (kind === 'set forward') machine.set(ms)
  if (kind === 'set back') machine.set(-ms)
}

test('R004-60: whatever the clocks do, the clock of a grantor never goes back or runs ahead', (t) => {
  fc.assert(
    fc.property(happenings, fc.constantFrom(1, 10, 1000), (all, grainMs) => {
      const machine = new Machine(grainMs)
      const now = grantorClock(machine)
      const readings = [{ now: now(), real: 0 }]
      for (const [kind, ms] of all) {
        happen(machine, [kind, ms])
        if (kind === 'exchange uptime') machine.at.uptime += ms
        machine.pass(10)
        readings.push({ now: now(), real: machine.at.real })
      }
      for (const [i, later] of readings.entries()) {
        for (const earlier of readings.slice(0, i)) {
          const elapsed = later.now - earlier.now
          if (elapsed < 0 || elapsed > later.real - earlier.real + 0.01) return false
        }
      }
      return true
    }),
  )
  t.pass()
})

test('R004-61: whatever the clocks do, the clock of a holder never goes back or lags', (t) => {
  fc.assert(
    fc.property(happenings, (all) => {
      const machine = new Machine(10)
      const now = holderClock(machine)
      const readings = [{ now: now(), real: 0, sleeps: 0 }]
      let sleeps = 0
      for (const [kind, ms] of all) {
        if (kind === 'exchange uptime') continue
        happen(machine, [kind, ms])
        if (kind === 'sleep') sleeps++
        machine.pass(10)
        readings.push({ now: now(), real: machine.at.real, sleeps })
      }
      for (const [i, later] of readings.entries()) {
        for (const earlier of readings.slice(0, i)) {
          // The up-time has a grain, which each sleep may lose.
          const lost = 10 * (later.sleeps - earlier.sleeps)
          if (later.now - earlier.now < later.real - earlier.real - lost - 0.01) return false
        }
      }
      return true
    }),
  )
  t.pass()
})
