/** Locals with cached files, whose paths other processes use, in the simulated world. */
import { test } from '../serial.ts'
import { runSchedule } from './schedule.ts'
import type { FileRules } from './sim-holdings.ts'

const ALL_FILE_RULES: FileRules = {
  foundVoid: true,
  pathsUnlinked: true,
  pathsTakenAway: true,
  pathsLeased: true,
}

const SOUND = 300

/** How many schedules a fault may hide from. */
const SCHEDULES = 1000

/** What each rule stands under in the specification. */
const RULES: Readonly<Record<keyof FileRules, string>> = {
  foundVoid: 'R004-170',
  pathsUnlinked: 'R004-171',
  pathsTakenAway: 'R004-172',
  pathsLeased: 'R004-173',
}

test('R004-170 to R004-173: schedules of faults with files, and no promise is broken', (t) => {
  for (let seed = 1; seed <= SOUND; seed++) {
    const { violation } = runSchedule(seed, { files: ALL_FILE_RULES })
    if (violation !== undefined) return t.fail(`seed ${seed}: ${violation}`)
  }
  t.pass()
})

for (const rule of Object.keys(RULES) as (keyof FileRules)[]) {
  test(`${RULES[rule]} with the rule "${rule}" switched off, the simulation finds a violation`, (t) => {
    const files = { ...ALL_FILE_RULES, [rule]: false }
    for (let seed = 1; seed <= SCHEDULES; seed++) {
      const { violation } = runSchedule(seed, { files })
      if (violation === undefined) continue
      t.log(`seed ${seed}: ${violation}`)
      t.is(runSchedule(seed, { files: ALL_FILE_RULES }).violation, undefined)
      return
    }
    t.fail(`nothing was found in ${SCHEDULES} schedules`)
  })
}
