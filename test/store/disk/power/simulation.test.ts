/** A few seeds; simulation.extended.ts has more. */
import { test } from '../../../serial.ts'
import { Simulation } from './simulation.ts'

test('R005-29, R005-91, R005-97, R005-98 power cuts, kills and faults of journal and LMDB: what was told is so', async (t) => {
  for (let seed = 1; seed <= 6; seed++) {
    await new Simulation(seed).run().catch((cause: unknown) => {
      throw new Error(`seed ${seed}`, { cause })
    })
  }
  t.pass()
})
