/**
 * Promises 3 and 8: real daemons under load, killed repeatedly at random moments. A few times
 * here, over a hundred times with `npm run test:faults`.
 */
import { join } from 'node:path'
import { test } from '../serial.ts'
import { eventually } from '../eventually.ts'
import { Daemon } from '../e2e/nodes.ts'
import { differences, nothingTold, thin, work } from './load.ts'

const KILLS = Number(process.env['DSTORE_KILLS'] ?? 4)
const MAX_LIFE_MS = 1500
const WORKERS = 4
const KEPT = 30

test(`R005-29, R005-30, R007-32: a Global and its Local under load, kill -9, ${KILLS} times`, async (t) => {
  t.timeout(KILLS * 120_000)
  const told = nothingTold()
  let global = await Daemon.start(t, ['--global'])
  let local = await Daemon.join(t, global, ['--cache', '32MiB'])
  const socketOf = ({ place }: Daemon): string => join(place.state, 'dstore.sock')
  const isReal = (): boolean => told.puts > KILLS && told.bindings > 0
  // On a busy machine little is done between two kills: then there are more of them.
  for (let kill = 0; kill < KILLS || (!isReal() && kill < 4 * KILLS); kill++) {
    const workers = Array.from({ length: WORKERS }, (_, i) =>
      work(socketOf(i % 2 === 0 ? global : local), `${kill}-${i}`, told),
    )
    await new Promise((resolve) => setTimeout(resolve, Math.random() * MAX_LIFE_MS))
    // The test is about Global's disk; killing the Local too ends its workers.
    await Promise.all([global.signal('SIGKILL'), local.signal('SIGKILL')])
    await Promise.all(workers)
    global = await Daemon.start(t, [], global.place)
    local = await Daemon.start(t, [], local.place)
    t.deepEqual(await differences(socketOf(global), told), [], `after kill ${kill + 1}`)
    t.true(
      await eventually(async (saw) => saw((await local.status()).global)?.state === 'connected'),
    )
    await thin(socketOf(local), told, KEPT)
  }
  const { puts, removals, bindings, unbindings } = told
  t.log(`answered: ${puts} puts, ${removals} removals, ${bindings} binds, ${unbindings} unbinds`)
  t.true(isReal(), 'the load was real')
})
