/** Each rule, switched off, lets a schedule of a set fail. */
import { test } from '../../serial.ts'
import { firstSetViolation } from './set-report.ts'
import type { SetSwitches } from './set-world.ts'

const SCHEDULES = 5000

/**
 * A take-over without confirmed silence is a fault by itself, where nothing else shows the rule:
 * the conditional append keeps a hasty standby from doing harm.
 */
const TEETH: Partial<Record<keyof SetSwitches, boolean>> = {
  fences: false,
  leases: false,
  isPatient: false,
  confirmsSilence: true,
  checksHandOver: false,
  appliesAcknowledged: false,
  countsSleep: false,
}

for (const [rule, checksSilence] of Object.entries(TEETH)) {
  test(`the simulation of a set finds the fault that the rule ${rule} prevents`, async (t) => {
    const switched = { [rule]: false }
    const violation = await firstSetViolation(1, SCHEDULES, { switched, checksSilence })
    t.log(violation?.split('\n')[0])
    t.not(violation, undefined)
  })
}
