import { test } from '../../../serial.ts'
import { Simulation } from './simulation.ts'

const RUNS = Number(process.env['DSTORE_RUNS'] ?? 60)

test(`R005-29, R005-91 power cuts, kills and faults of journal and LMDB, ${RUNS} seeds`, async (t) => {
  for (let seed = 100; seed < 100 + RUNS; seed++) {
    await new Simulation(seed).run().catch((cause: unknown) => {
      throw new Error(`seed ${seed}`, { cause })
    })
  }
  t.pass()
})
