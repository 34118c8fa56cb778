import { test } from '../../serial.ts'
import { runSchedule } from '../schedule.ts'
import { RARE_OF_TREES } from './rare-faults.ts'

/** How many schedules a fault may hide from. */
const SCHEDULES = 5000

for (const rule of RARE_OF_TREES) {
  test(`with the rule "${rule}" switched off, the simulation of trees finds a violation`, (t) => {
    for (let seed = 1; seed <= SCHEDULES; seed++) {
      const options = { trees: true, switched: { [rule]: false } }
      const { violation } = runSchedule(seed, options)
      if (violation === undefined) continue
      t.log(`seed ${seed}: ${violation}`)
      const { violation: sound } = runSchedule(seed, { trees: true })
      t.is(sound, undefined, 'the same schedule with the rule is sound')
      return
    }
    t.fail(`nothing was found in ${SCHEDULES} schedules`)
  })
}
