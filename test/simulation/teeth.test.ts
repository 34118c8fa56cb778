import test from 'ava'
import { ALL_RULES, type Rules } from '../../src/index/rules.ts'
import { runSchedule } from './schedule.ts'

/** How many schedules a fault may hide from. */
const SCHEDULES = 3000

/** Where to begin with a fault that hides well: what lies before was searched once, for minutes. */
const FIRST: Partial<Record<keyof Rules, number>> = { acknowledgeVerified: 2900 }

for (const rule of Object.keys(ALL_RULES) as (keyof Rules)[]) {
  test(`with the rule "${rule}" switched off, the simulation finds a violation`, (t) => {
    const first = FIRST[rule] ?? 1
    for (let seed = first; seed < first + SCHEDULES; seed++) {
      const { violation } = runSchedule(seed, { [rule]: false })
      if (violation === undefined) continue
      t.log(`seed ${seed}: ${violation}`)
      t.is(runSchedule(seed).violation, undefined, 'the same schedule with the rule is sound')
      return
    }
    t.fail(`nothing was found in ${SCHEDULES} schedules`)
  })
}
