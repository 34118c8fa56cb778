import { test } from '../serial.ts'
import { runManyAddresses } from './report.ts'
import { runAddresses, type AddressRules } from './sim-addresses.ts'

const seed = process.env.DSTORE_SEED
/** The faults below show within twenty seeds; simulation.slow.ts runs 10,000. */
const [FIRST, SEEDS] = seed === undefined ? [1, 1000] : [Number(seed), 1]

test(`R004-8 R004-72 to R004-74: ${SEEDS} seeds of two addresses 300 ms away: one hello at a time, no session ends for one that was given up, and the Local is connected at the end`, (t) => {
  const { violation, hellos, replaced } = runManyAddresses(FIRST, SEEDS)
  if (violation !== undefined) return t.fail(violation)
  t.log(`${hellos} hellos, ${replaced} sessions replaced`)
  if (seed === undefined) t.true(hellos > 2 * SEEDS && replaced > SEEDS / 10)
  t.pass()
})

/** What the simulation says where a rule is off. */
const FOUND: Readonly<Record<keyof AddressRules, RegExp>> = {
  oneHello: /^a hello on /,
  olderStays: /^Global ended .* for one that the Local has closed$/,
  pauses: /^the feed does not continue /,
}

for (const rule of Object.keys(FOUND) as (keyof AddressRules)[]) {
  test(`with the rule "${rule}" of connections switched off, the simulation finds a violation`, (t) => {
    for (let one = 1; one <= 1000; one++) {
      const { violation } = runAddresses(one, { [rule]: false })
      if (violation === undefined) continue
      t.log(`seed ${one}: ${violation}`)
      t.regex(violation, FOUND[rule])
      return
    }
    t.fail('nothing was found in 1,000 seeds')
  })
}
