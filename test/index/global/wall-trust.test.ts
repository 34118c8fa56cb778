import * as fc from 'fast-check'
import { test } from '../../serial.ts'
import { WALL_LEAP_MS, WALL_SETTLED_MS } from '../../../src/limits.ts'
import { WallTrust } from '../../../src/index/global/wall-trust.ts'

const DAY = 86_400_000
const START_MS = 1e12

/** Shows a `WallTrust` two clocks that a test moves. */
class Clocks {
  elapsedMs = 0
  wallMs: number
  readonly trust: WallTrust

  constructor(newestMs?: number, wallMs = START_MS) {
    this.wallMs = wallMs
    this.trust = new WallTrust({ elapsedMs: 0, wallMs }, newestMs)
  }

  /** Both clocks run for so long, and are looked at. */
  run(ms: number): void {
    this.elapsedMs += ms
    this.wallMs += ms
    this.look()
  }

  step(ms: number): void {
    this.wallMs += ms
    this.look()
  }

  look(): void {
    this.trust.observe({ elapsedMs: this.elapsedMs, wallMs: this.wallMs })
  }
}

test('R004-63 wall time is trusted once it has agreed with elapsed time for ten minutes', (t) => {
  const clocks = new Clocks()
  clocks.run(WALL_SETTLED_MS - 1)
  t.deepEqual(clocks.trust.doubt, { why: 'starting', leftMs: 1 })
  t.is(clocks.trust.trustedMs, undefined)
  clocks.run(1)
  t.is(clocks.trust.trustedMs, clocks.wallMs)
  for (const stepMs of [3_600_000, -3_600_000]) {
    clocks.step(stepMs)
    t.deepEqual(clocks.trust.doubt, { why: 'set', leftMs: WALL_SETTLED_MS })
    clocks.run(WALL_SETTLED_MS - 1)
    t.is(clocks.trust.trustedMs, undefined)
    clocks.run(1)
    t.is(clocks.trust.trustedMs, clocks.wallMs)
  }
})

for (const [why, sign] of [
  ['ahead', 1],
  ['behind', -1],
] as const) {
  test(`R004-63 at the start, a clock that is a day ${why} is not trusted until it is set right`, (t) => {
    const near = new Clocks(START_MS - sign * (WALL_LEAP_MS - 1))
    near.run(WALL_SETTLED_MS)
    t.is(near.trust.trustedMs, near.wallMs)
    const far = new Clocks(START_MS - sign * WALL_LEAP_MS)
    for (let i = 0; i < 1000; i++) far.run(WALL_SETTLED_MS)
    t.deepEqual(far.trust.doubt, { why, byMs: WALL_LEAP_MS })
    far.step(-sign * DAY)
    t.is(far.trust.doubt?.why, 'set')
    far.run(WALL_SETTLED_MS)
    t.is(far.trust.trustedMs, far.wallMs)
  })

  test(`R004-63 a clock that is set a day ${why} while Global runs is not trusted either`, (t) => {
    const clocks = new Clocks()
    clocks.run(WALL_SETTLED_MS)
    clocks.step(sign * WALL_LEAP_MS)
    for (let i = 0; i < 10; i++) clocks.run(WALL_SETTLED_MS)
    t.deepEqual(clocks.trust.doubt, { why, byMs: WALL_LEAP_MS })
    clocks.step(-sign * WALL_LEAP_MS)
    clocks.run(WALL_SETTLED_MS)
    t.is(clocks.trust.trustedMs, clocks.wallMs)
  })
}

test('R004-63 clocks that differ a little in pace agree, for a month', (t) => {
  for (const pace of [0.99, 1.01]) {
    const clocks = new Clocks()
    for (let i = 0; i < 30 * 24 * 60; i++) {
      clocks.elapsedMs += 60_000
      clocks.wallMs += 60_000 * pace
      clocks.look()
      if (i >= 10) t.is(clocks.trust.trustedMs, clocks.wallMs)
    }
  }
})

test('R004-63 time that passes with both clocks, such as a long sleep, is no step', (t) => {
  const clocks = new Clocks()
  clocks.run(WALL_SETTLED_MS)
  clocks.elapsedMs += 30 * DAY - 2000
  clocks.wallMs += 30 * DAY
  clocks.look()
  t.is(clocks.trust.trustedMs, clocks.wallMs)
})

const runs = fc.record({ kind: fc.constant('run'), ms: fc.nat(2 * WALL_SETTLED_MS) })
const steps = fc.record({
  kind: fc.constant('step'),
  ms: fc.integer({ min: -3 * DAY, max: 3 * DAY }),
})
const story = fc.array(fc.oneof(runs, steps), { maxLength: 40 })

test('R004-63 whatever happens to the clock, a trusted time is less than a day off one trusted before', (t) => {
  fc.assert(
    fc.property(story, (happenings) => {
      const clocks = new Clocks(START_MS)
      let newest = { elapsedMs: 0, wallMs: START_MS }
      // How long the clocks have run since the last step that counts.
      let evenMs = 0
      for (const { kind, ms } of happenings) {
        if (kind === 'run') {
          for (let leftMs = ms; leftMs > 0; leftMs -= 60_000) clocks.run(Math.min(60_000, leftMs))
          evenMs += ms
        } else {
          clocks.step(ms)
          if (Math.abs(ms) > 10_000) evenMs = 0
        }
        const { trustedMs, doubt } = clocks.trust
        if ((trustedMs === undefined) !== (doubt !== undefined)) return false
        if (trustedMs === undefined) continue
        const offMs = trustedMs - newest.wallMs - (clocks.elapsedMs - newest.elapsedMs)
        if (evenMs < WALL_SETTLED_MS || Math.abs(offMs) >= DAY) return false
        newest = { elapsedMs: clocks.elapsedMs, wallMs: trustedMs }
      }
      return true
    }),
  )
  t.pass()
})
