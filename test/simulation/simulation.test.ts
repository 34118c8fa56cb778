import { test } from '../serial.ts'
import { firstViolation } from './report.ts'
import { runSchedule } from './schedule.ts'

/**
 * Most rules that are switched off show within a hundred schedules; teeth.extended.ts has all of
 * them, and simulation.slow.ts runs 20,000.
 */
const seed = process.env.DSTORE_SEED
const [FIRST, SCHEDULES] = seed === undefined ? [1, 400] : [Number(seed), 1]

test('R004-6, R004-11 to R004-28, R004-50 to R004-52: 400 schedules of faults, and no promise is broken', (t) => {
  const violation = firstViolation(FIRST, SCHEDULES)
  if (violation === undefined) t.pass()
  else t.fail(violation)
})

test('a seed replays the same schedule, word for word', (t) => {
  for (const again of [7, 42, 1234]) {
    t.deepEqual(runSchedule(again).transcript, runSchedule(again).transcript)
  }
})

test('a schedule that fails says its seed and what happened', (t) => {
  // A schedule need not be one of those that find it.
  const seeds = Array.from({ length: 10 }, (_, i) => i + 1)
  const failing = seeds.find(
    (seed) => runSchedule(seed, { switched: { applyBeforeAck: false } }).violation !== undefined,
  )
  const failed = runSchedule(failing!, { switched: { applyBeforeAck: false } })
  t.regex(failed.transcript.join('\n'), /removes \d[\s\S]*VIOLATION: /)
})
