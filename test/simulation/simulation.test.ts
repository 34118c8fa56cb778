import test from 'ava'
import { runSchedule } from './schedule.ts'

const SCHEDULES = 2000

test('R004: 2,000 schedules of work, faults and restarts, and no promise is broken', (t) => {
  const began = Date.now()
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const { violation, transcript } = runSchedule(seed)
    if (violation !== undefined) {
      t.fail([`seed ${seed}: ${violation}`, ...transcript.slice(-60)].join('\n'))
      return
    }
  }
  t.log(`${SCHEDULES} schedules in ${((Date.now() - began) / 1000).toFixed(1)} s`)
  t.pass()
})
