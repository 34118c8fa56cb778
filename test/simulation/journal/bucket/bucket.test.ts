import { test } from '../../../serial.ts'
import { runBucketJournal } from './bucket-world.ts'

/** bucket.extended.ts runs more schedules, and shows that each rule matters. */
const seed = process.env['DSTORE_SEED']
const [FIRST, SCHEDULES] = seed === undefined ? [1, 60] : [Number(seed), 1]

test(`R009-60 to R009-67: ${SCHEDULES} schedules of stale writers, trims and late requests`, async (t) => {
  let [acknowledged, fenced] = [0, 0]
  for (let i = FIRST; i < FIRST + SCHEDULES; i++) {
    const outcome = await runBucketJournal(i)
    const again = `again: DSTORE_SEED=${i} npx ava dist/test/simulation/journal/bucket/bucket.test.js`
    t.is(outcome.violation, undefined, [again, ...outcome.transcript.slice(-60)].join('\n'))
    acknowledged += outcome.acknowledged
    fenced += outcome.fenced
  }
  if (SCHEDULES > 1) t.true(acknowledged > 20 * SCHEDULES && fenced > 5)
})
