/**
 * Machine and directory are lost together, again and again. The store's own drill, with clocks that
 * go faster, for `DSTORE_KILLS` rounds; real daemons, which wait as they must, for a few.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { KillDrill } from '../archive/kill-drill.ts'
import type { Report } from '../doors/clients/report.ts'
import type { Running } from '../e2e/archive/archived.ts'
import { destroy, say, withDrill } from './daemons.ts'
import type { Engine } from './engine.ts'

const KILLS = Number(process.env['DSTORE_KILLS'] ?? 5)
const DAEMON_KILLS = Math.min(KILLS, Number(process.env['DSTORE_DAEMON_KILLS'] ?? 1))
const WORKERS = 4
const TAKE_OVER_MS = 120_000
const RESTORABLE_MS = 60_000

export async function testKills(engine: Engine, report: Report): Promise<void> {
  for (const mode of ['ack', 'lag'] as const) {
    await report.test(
      `${engine.name}: ${KILLS} kills of machine and directory, ${mode}`,
      async () => {
        const drill = new KillDrill({
          endpoint: engine.endpoint,
          place: engine.newPlace(),
          environment: engine.environment,
          mode,
        })
        say(JSON.stringify(await drill.run(KILLS)))
      },
    )
    await report.test(`${engine.name}: ${DAEMON_KILLS} daemons are lost, ${mode}`, () =>
      loseDaemons(engine, mode),
    )
  }
}

function loseDaemons(engine: Engine, mode: 'ack' | 'lag'): Promise<void> {
  const flags = mode === 'ack' ? ['--archive-ack'] : []
  return withDrill(engine, [...flags, '--log-level=warn'], async (drill) => {
    let node = await drill.start(drill.machine()).ready()
    const kept = new Set<string>()
    for (let round = 0; round < DAEMON_KILLS; round++) {
      await node.restorable(RESTORABLE_MS)
      const { acknowledged, lag } = await putUntilKilled(node, round)
      node = await drill.start(drill.machine(), '--take-over').ready(TAKE_OVER_MS)
      const there = await node.ask(async (client) => {
        const names = new Set<string>()
        for await (const { name } of client.names('kill/')) names.add(name)
        return names
      })
      for (const name of kept) assert.ok(there.has(name), `${name} was there, and is not`)
      const missing = acknowledged.filter((name) => !there.has(name))
      if (mode === 'ack') assert.deepEqual(missing, [])
      assert.ok(missing.length <= WORKERS * (lag + 1), `${missing.length} missing, ${lag} shown`)
      say(`${acknowledged.length} acknowledged, ${missing.length} missing, ${lag} entries shown`)
      for (const name of there) kept.add(name)
    }
    await node.stop()
  })
}

/** What was acknowledged, and the lag that was shown last. */
async function putUntilKilled(
  node: Running,
  round: number,
): Promise<{ readonly acknowledged: readonly string[]; readonly lag: number }> {
  const acknowledged: string[] = []
  let lag = 0
  const over = new AbortController()
  await node.ask(async (client) => {
    const put = async (worker: number): Promise<void> => {
      for (let i = 0; !over.signal.aborted; i++) {
        const name = `kill/${round}-${worker}-${i}`
        const [outcome] = await client.putNamed([{ name, value: Buffer.from(name) }])
        if (outcome !== undefined && !('problem' in outcome)) acknowledged.push(name)
      }
    }
    const look = async (): Promise<void> => {
      while (!over.signal.aborted) {
        lag = (await client.status()).archive!.lagEntries
        await sleep(5)
      }
    }
    const working = [look(), ...Array.from({ length: WORKERS }, (_, worker) => put(worker))]
    const settled = Promise.allSettled(working)
    await sleep(1000 + Math.random() * 2000)
    await destroy(node)
    over.abort()
    await settled
  })
  return { acknowledged, lag }
}
