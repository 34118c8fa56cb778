/** Each rule, switched off, lets a schedule of a set fail. */
import { test } from '../../serial.ts'
import { firstSetViolation } from './set-report.ts'
import type { Fault, SetSwitches } from './set-world.ts'

const SCHEDULES = 5000

interface Tooth {
  /** The faults that show it soonest; all, if undefined. */
  readonly plan?: readonly Fault[]
  /**
   * A take-over without confirmed silence is a fault by itself, where nothing else shows the rule:
   * the conditional append keeps a hasty standby from doing harm.
   */
  readonly checksSilence?: boolean
}

const TEETH: Record<keyof SetSwitches, Tooth> = {
  fences: {},
  leases: { plan: ['pause'] },
  leasesFromFirst: { plan: ['engine', 'pause'] },
  isPatient: { plan: ['kill', 'pause'] },
  confirmsSilence: { plan: ['engine', 'leader'], checksSilence: true },
  checksHandOver: { plan: ['pause'] },
  appliesAcknowledged: { plan: ['alone', 'kill'] },
  countsSleep: { plan: ['pause'] },
  checksElected: { plan: ['pause'] },
}

for (const [rule, { plan, checksSilence = false }] of Object.entries(TEETH)) {
  test(`the simulation of a set finds the fault that the rule ${rule} prevents`, async (t) => {
    const options = { switched: { [rule]: false }, checksSilence, ...(plan && { plan }) }
    const violation = await firstSetViolation(1, SCHEDULES, options)
    t.log(violation?.split('\n')[0])
    t.not(violation, undefined)
  })
}
