import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import test from 'ava'

const HEAP = new URL('../../src/daemon/heap.js', import.meta.url).href
const BOUND_MIB = 8

/** Keeps objects for a while, turn after turn; prints the median of the room for young ones, in MiB. */
const CHURN = `
  import { getHeapSpaceStatistics } from 'node:v8'
  import { setImmediate as turn } from 'node:timers/promises'
  const { boundYoung } = await import(process.argv[1])
  if (process.argv[2] !== undefined) boundYoung(Number(process.argv[2]) * 2 ** 20)
  const kept = []
  const rooms = []
  for (let i = 0; i < 6_000_000; i++) {
    kept[i % 200_000] = { i, parts: [i] }
    if (i % 5000 > 0) continue
    await turn()
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')
    rooms.push(young.space_size)
  }
  console.log(rooms.sort((a, b) => a - b)[rooms.length / 2] / 2 ** 20)
`

async function medianMib(...bound: string[]): Promise<number> {
  const args = ['--input-type=module', '-e', CHURN, HEAP, ...bound]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return Number(stdout)
}

test('the room for young objects grows to a bound and not to what V8 allows', async (t) => {
  const [bounded, free] = await Promise.all([medianMib(String(BOUND_MIB)), medianMib()])
  t.true(bounded > BOUND_MIB / 2 && bounded <= BOUND_MIB, `${bounded} MiB`)
  t.true(free > 2 * BOUND_MIB, `${free} MiB without it: this test would see nothing`)
})
