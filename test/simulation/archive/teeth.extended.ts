/** Each rule, switched off, lets a schedule fail: the simulation finds what the rule prevents. */
import { test } from '../../serial.ts'
import { ALL_FOLLOWING_RULES } from '../../../src/archive/following/rules.ts'
import { firstArchiveViolation } from './archive-report.ts'

const SCHEDULES = 1000

for (const rule of [...Object.keys(ALL_FOLLOWING_RULES), 'countsSleep']) {
  test(`the simulation finds the fault that the rule ${rule} prevents`, async (t) => {
    const switched = { [rule]: false }
    const violation = await firstArchiveViolation(1, SCHEDULES, { switched })
    t.log(violation?.split('\n')[0])
    t.not(violation, undefined)
  })
}
