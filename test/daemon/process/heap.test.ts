import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { growthPercent } from '../../../src/daemon/process/heap.ts'
import { MIB } from '../../../src/limits.ts'
import { test } from '../../serial.ts'

const HEAP = new URL('../../../src/daemon/process/heap.js', import.meta.url).href
const BOUND_MIB = 8

/** From Node 24, V8 lets no large heap grow so far, whatever its flags say. */
const boundsItself = Number(process.versions.node.split('.')[0]) >= 24

/**
 * Keeps objects for a while, turn after turn; prints the median of the room for young ones, in MiB.
 */
const CHURN = `
  import { getHeapSpaceStatistics } from 'node:v8'
  import { setImmediate as turn } from 'node:timers/promises'
  const { boundYoung } = await import(process.argv[1])
  if (process.argv[2] !== undefined) boundYoung(Number(process.argv[2]) * 2 ** 20)
  const kept = []
  const rooms = []
  for (let i = 0; i < 3_000_000; i++) {
    kept[i % 200_000] = { i, parts: [i] }
    if (i % 5000 > 0) continue
    await turn()
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')
    rooms.push(young.space_size)
  }
  console.log(rooms.sort((a, b) => a - b)[rooms.length / 2] / 2 ** 20)
`

/**
 * Goes through lists whose items live through collections, as they do where these come at a bad
 * moment.
 */
const LISTS = `
  import { setFlagsFromString } from 'node:v8'
  import { runInNewContext } from 'node:vm'
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  const { setUpHeap } = await import(process.argv[1])
  if (process.argv[2] === 'set up') setUpHeap()
  const list = () => Array.from({ length: 1000 }, (_, i) => ({ name: String(i) }))
  for (let turn = 0; turn < 40; turn++) {
    const items = list()
    for (let i = 0; i < items.length; i += 10) collect({ type: 'minor' })
  }
`

/**
 * Keeps many small objects, and then makes garbage that is old before it is dropped; prints the
 * most that the old generation held beyond what is kept, in MiB.
 */
const GARBAGE = `
  import { getHeapStatistics } from 'node:v8'
  import { setImmediate as turn } from 'node:timers/promises'
  const { setUpHeap } = await import(process.argv[1])
  if (process.argv[2] === 'set up') setUpHeap()
  else (await import('node:v8')).setFlagsFromString('--heap-growing-percent=400')
  const kept = Array.from({ length: 600_000 }, (_, i) => ({ i, parts: [i, i], text: { i } }))
  await turn()
  const before = getHeapStatistics().used_heap_size
  const passing = []
  let most = 0
  for (let i = 0; i < 4_000_000; i++) {
    passing[i % 150_000] = { i, parts: [i, i], text: { i } }
    if (i % 5000 > 0) continue
    await turn()
    most = Math.max(most, getHeapStatistics().used_heap_size - before)
  }
  console.log(most / 2 ** 20, kept.length)
`

/**
 * What V8 says of where it makes objects, with so little room for young ones that it is as large as
 * it gets.
 */
const TRACED = ['--max-semi-space-size=1', '--trace-pretenuring-statistics']

async function run(script: string, args: readonly string[], flags: readonly string[] = []) {
  const node = [...flags, '--input-type=module', '-e', script, HEAP, ...args]
  const { stdout } = await promisify(execFile)(process.execPath, node)
  return stdout
}

async function medianMib(...bound: string[]): Promise<number> {
  return Number(await run(CHURN, bound))
}

async function madeOld(...args: string[]): Promise<number> {
  const said = await run(LISTS, args, TRACED)
  return said.match(/=> tenure/g)?.length ?? 0
}

test('the young generation grows to its bound, not to that of V8', async (t) => {
  const [bounded, free] = await Promise.all([medianMib(String(BOUND_MIB)), medianMib()])
  t.true(bounded > BOUND_MIB / 2 && bounded <= BOUND_MIB, `${bounded} MiB`)
  t.true(free > BOUND_MIB, `${free} MiB without it: this test would see nothing`)
})

test('objects are allocated young, also at sites whose earlier objects survived', async (t) => {
  const [set, free] = await Promise.all([madeOld('set up'), madeOld()])
  t.is(set, 0)
  t.true(free > 0, 'without it: this test would see nothing')
})

test('a large heap grows by a bounded amount of garbage', async (t) => {
  const grown = async (...args: string[]): Promise<number> => parseFloat(await run(GARBAGE, args))
  const [first, free] = await Promise.all([grown('set up'), grown()])
  // A busy machine starts collections late.
  let set = first
  for (let i = 0; i < 2 && set >= 200; i++) set = Math.min(set, await grown('set up'))
  t.true(set < 200, `${set} MiB`)
  if (boundsItself) t.log(`this V8 keeps to ${Math.round(free)} MiB without it`)
  else t.true(free > 300, `${free} MiB without it: this test would see nothing`)
})

test('the heap of a daemon with few values grows as before; a larger one, by less', (t) => {
  const percents = [0, 24, 48, 96, 1000].map((mib) => growthPercent(mib * MIB))
  t.deepEqual(percents, [400, 400, 200, 100, 50])
})
