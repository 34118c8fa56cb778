import type { Rules } from '../../../src/index/rules.ts'

/** Rules of trees whose faults hide from hundreds of schedules. */
export const RARE_OF_TREES: readonly (keyof Rules)[] = ['namesExclude', 'partsCountedDown']
