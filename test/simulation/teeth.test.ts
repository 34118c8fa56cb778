import test from 'ava'
import { ALL_RULES, type Rules } from '../../src/index/rules.ts'
import { runSchedule } from './schedule.ts'

/** How many schedules a fault may hide from. */
const SCHEDULES = 3000

for (const rule of Object.keys(ALL_RULES) as (keyof Rules)[]) {
  test(`with the rule "${rule}" switched off, the simulation finds a violation`, (t) => {
    for (let seed = 1; seed <= SCHEDULES; seed++) {
      const { violation } = runSchedule(seed, { [rule]: false })
      if (violation === undefined) continue
      t.log(`seed ${seed}: ${violation}`)
      t.is(runSchedule(seed).violation, undefined, 'the same schedule with the rule is sound')
      return
    }
    t.fail(`nothing was found in ${SCHEDULES} schedules`)
  })
}
