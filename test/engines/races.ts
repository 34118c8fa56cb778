/** Of writers that race for one name, one wins. */
import assert from 'node:assert/strict'
import { raceBucket } from '../../src/bucket/race.ts'
import type { Report } from '../doors/clients/report.ts'
import type { Engine } from './engine.ts'

const RACES = 20
const WRITERS = 8

export async function testRaces(engine: Engine, report: Report): Promise<void> {
  await report.test(`${engine.name}: the race of every start`, async () => {
    await raceBucket(await engine.open(engine.newPlace()), { name: 'test' })
  })
  await report.test(`${engine.name}: ${RACES} races of ${WRITERS}, one winner each`, async () => {
    const place = engine.newPlace()
    const clients = await Promise.all(Array.from({ length: WRITERS }, () => engine.open(place)))
    for (let race = 0; race < RACES; race++) {
      const key = `race-${race}`
      const bodies = clients.map((_, i) => new Uint8Array(100_000).fill(i))
      const outcomes = await Promise.all(
        clients.map((client, i) => client.put(key, bodies[i]!, { ifAbsent: true })),
      )
      assert.equal(outcomes.filter((outcome) => outcome === 'written').length, 1, key)
      const winner = outcomes.indexOf('written')
      assert.deepEqual(await clients[0]!.get(key), bodies[winner])
    }
  })
}
