import type { Rules } from '../../../src/index/rules.ts'
import type { ScheduleOptions } from '../schedule.ts'

/** How the fault of a rule of names shows: in which schedules, and the one to begin with. */
interface Tooth extends ScheduleOptions {
  readonly first: number
}

const NAMES = { names: true } as const
const CLOCKS = { names: true, clockFaults: true } as const

export const OF_NAMES: Partial<Record<keyof Rules, Tooth>> = {
  kindsStay: { ...NAMES, first: 1 },
  movesFed: { ...NAMES, first: 1 },
  targetsStay: { ...NAMES, first: 1 },
  keepsElapsed: { ...CLOCKS, first: 1 },
  silentNamed: { ...NAMES, first: 1 },
  operationsOnce: { ...NAMES, first: 1 },
  operationsRecovered: { ...NAMES, first: 16 },
  repeatsNotKept: { ...NAMES, first: 46 },
  expiryHides: { ...NAMES, first: 1 },
  expiryTrusted: { ...CLOCKS, first: 1 },
  expiryDepends: { ...NAMES, first: 1 },
  roomFirst: { ...NAMES, first: 6 },
  countsResume: { ...NAMES, first: 30 },
  ownWrites: { ...NAMES, first: 1 },
}
