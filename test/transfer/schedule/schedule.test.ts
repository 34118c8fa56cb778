import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { Bitfield } from '../../../src/hash/tree/bitfield.ts'
import type { ByteRange } from '../../../src/hash/tree/tree.ts'
import {
  ASK_EVERY_MS,
  FETCH_RANGES,
  FETCH_RUN_BYTES,
  GROUP_BYTES,
  MIB,
  SOURCE_PATIENCE_MS,
  SOURCE_STALL_MS,
} from '../../../src/limits.ts'
import { mergeRuns, lengthOf, partBytesOf } from '../../../src/transfer/schedule/parts.ts'
import { Schedule } from '../../../src/transfer/schedule/schedule.ts'
import { Source } from '../../../src/transfer/schedule/source.ts'
import { Bench, SIZE, WHOLE } from './bench.ts'

test('R003-24: a Local that is alone fetches in order, in runs that grow', (t) => {
  const size = 512 * MIB
  const bench = new Bench(size)
  bench.swarm()
  bench.want({ start: 0, end: size })
  const lengths: number[] = []
  let at = 0
  for (let [next] = bench.running.values(); next; [next] = bench.running.values()) {
    t.is(next.source, 'G')
    t.is(next.ranges[0]!.start, at)
    lengths.push(lengthOf(next.ranges))
    at = next.ranges[0]!.end
    bench.bring(next)
  }
  t.deepEqual(lengths.slice(0, 4), [MIB, 2 * MIB, 4 * MIB, 8 * MIB])
  t.is(Math.max(...lengths), FETCH_RUN_BYTES)
  t.true(bench.held.complete)
  t.false(bench.schedule.busy)
})

test('R003-24: until Global has said who else is there, one part, and no more', (t) => {
  const bench = new Bench()
  bench.want(WHOLE)
  const [first, ...more] = bench.of('G')
  t.deepEqual(first!.ranges, [{ start: 0, end: MIB }])
  t.is(more.length, 0)
  bench.bring(first!)
  t.is(bench.running.size, 0)
  bench.swarm()
  t.deepEqual(bench.of('G')[0]!.ranges, [{ start: MIB, end: 2 * MIB }])
})

test('R003-24: where Global does not say who else is there, one part at a time after a while', (t) => {
  const bench = new Bench()
  bench.want(WHOLE)
  for (let i = 0; i < 4; i++) {
    const tasks = bench.of('G')
    t.deepEqual(
      tasks.map(({ ranges }) => ranges),
      [[{ start: i * MIB, end: (i + 1) * MIB }]],
    )
    bench.now += 20
    bench.bring(tasks[0]!)
    bench.tick(SOURCE_PATIENCE_MS - 1)
    t.is(bench.running.size, 0)
    bench.tick(1)
  }
})

test('a range asks for its own groups and no more', (t) => {
  const bench = new Bench()
  bench.held.setRange({ start: 0, end: 2 * GROUP_BYTES })
  bench.want({ start: GROUP_BYTES + 1, end: 4 * GROUP_BYTES - 1 })
  const [only] = bench.running.values()
  t.deepEqual(only!.ranges, [{ start: 2 * GROUP_BYTES, end: 4 * GROUP_BYTES }])
  t.is(bench.running.size, 1)
})

test('the empty value is one group, which is asked for', (t) => {
  const bench = new Bench(0)
  bench.want({ start: 0, end: 0 })
  const [only] = bench.running.values()
  t.deepEqual(only!.ranges, [{ start: 0, end: 0 }])
})

test('R003-25: a part that a holder has is asked of it, not of Global', (t) => {
  const bench = new Bench()
  bench.swarm('a', 'b')
  bench.joins('a', [{ start: 0, end: 8 * MIB }])
  bench.joins('b', [{ start: 8 * MIB, end: SIZE }])
  bench.want(WHOLE)
  t.deepEqual([bench.of('a').length, bench.of('b').length, bench.of('G').length], [2, 2, 0])
  for (const { ranges } of bench.of('a')) t.true(ranges.every(({ end }) => end <= 8 * MIB))
  for (const { ranges } of bench.of('b')) t.true(ranges.every(({ start }) => start >= 8 * MIB))
})

for (const random of [0, 0.99]) {
  test(`R003-25: after what the caller waits for, a holder is asked for what the fewest hold (random ${random})`, (t) => {
    const bench = new Bench(SIZE, () => random)
    bench.swarm('a', 'b', 'c')
    bench.joins('a', [WHOLE])
    bench.joins('b', [
      { start: MIB, end: 2 * MIB },
      { start: 3 * MIB, end: 5 * MIB },
    ])
    bench.joins('c', [{ start: 4 * MIB, end: 5 * MIB }])
    bench.want({ start: 0, end: 5 * MIB })
    const asked = bench.of('a').map(({ ranges }) => ranges[0]!.start / MIB)
    t.deepEqual(asked, [0, 2])
  })
}

test('a part in more pieces than one request may name is fetched in several', (t) => {
  const partBytes = 16 * MIB
  const held = new Bitfield(partBytes)
  for (let group = 0; group < held.groups; group += 2) held.set(group)
  const schedule = new Schedule({ self: 'me', global: 'G', held, random: () => 0.5, partBytes })
  schedule.handle({ type: 'source-added', source: 'G', now: 0 })
  schedule.handle({ type: 'swarm', peers: [], now: 0 })
  const ranges = [{ start: 0, end: partBytes }]
  let requests = 0
  const todo = schedule.handle({ type: 'want', ranges, now: 0 })
  for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
    if (next.type !== 'fetch') continue
    requests++
    t.true(next.ranges.length <= FETCH_RANGES)
    for (const range of next.ranges) held.setRange(range)
    todo.push(...schedule.handle({ type: 'completed', task: next.task, now: 1 }))
  }
  t.true(held.complete)
  t.is(requests, Math.ceil(held.groups / 2 / FETCH_RANGES))
})

test('a source that stalls again gets no task for twice as long', (t) => {
  const source = new Source('a', false, 0)
  for (const [now, ms] of [
    [0, SOURCE_STALL_MS],
    [100_000, 2 * SOURCE_STALL_MS],
    [200_000, 4 * SOURCE_STALL_MS],
  ] as const) {
    source.stalled(now)
    t.true(source.isBackingOff(now + ms - 1))
    t.false(source.isBackingOff(now + ms))
  }
})

test('R003-25: of what no holder has, each Local brings in its own share', (t) => {
  const shares = ['x', 'y', 'z'].map((self, i, all) => {
    const held = new Bitfield(SIZE)
    const schedule = new Schedule({ self, global: 'G', held, random: () => 0.5 })
    const peers = all.filter((other) => other !== self)
    schedule.handle({ type: 'source-added', source: 'G', now: 0 })
    schedule.handle({ type: 'swarm', peers, now: 0 })
    const parts: number[] = []
    const todo = schedule.handle({ type: 'want', ranges: [WHOLE], now: 0 })
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      if (next.type !== 'fetch') continue
      for (const range of next.ranges) held.setRange(range)
      parts.push(next.ranges[0]!.start / MIB)
      todo.push(...schedule.handle({ type: 'completed', task: next.task, now: i }))
    }
    return parts
  })
  t.deepEqual(
    shares.flat().toSorted((a, b) => a - b),
    Array.from({ length: 16 }, (_, i) => i),
  )
})

test('R003-26: the share of a Local that does not bring it in is fetched by others after a while', (t) => {
  const bench = new Bench()
  bench.swarm('sleeper')
  bench.want(WHOLE)
  for (let [next] = bench.of('G'); next; [next] = bench.of('G')) bench.bring(next)
  t.false(bench.held.complete)
  for (let waits = 0; waits < 100 && !bench.held.complete; waits++) {
    bench.tick(SOURCE_PATIENCE_MS)
    for (const next of bench.of('G')) bench.bring(next)
  }
  t.true(bench.held.complete)
})

test('R003-26: who gives nothing loses its work to others', (t) => {
  const bench = new Bench()
  bench.swarm('a', 'b')
  bench.joins('a', [WHOLE])
  bench.want({ start: 0, end: 2 * MIB })
  t.is(bench.of('a').length, 2)
  bench.joins('b', [WHOLE])
  bench.tick(SOURCE_STALL_MS)
  t.is(bench.of('a').length, 0)
  t.is(bench.of('b').length, 2)
})

test('R003-26: who gives nothing keeps its work where nobody else has it', (t) => {
  const bench = new Bench()
  bench.want(WHOLE)
  const before = [...bench.running.keys()]
  bench.tick(10 * SOURCE_STALL_MS)
  t.deepEqual([...bench.running.keys()], before)
})

test('R003-26: work is taken back from the slow, and what came of it is not asked for again', (t) => {
  const bench = new Bench()
  bench.swarm('slow', 'fast')
  bench.joins('slow', [WHOLE])
  bench.want({ start: 0, end: 8 * MIB })
  const [task] = bench.of('slow')
  bench.now = 400
  bench.bring(task!, MIB / 4)
  bench.joins('fast', [WHOLE])
  for (let [next] = bench.of('fast'); next; [next] = bench.of('fast')) {
    bench.now += 10
    bench.bring(next)
  }
  t.true(bench.held.complete || bench.of('slow').length === 0)
  t.false(bench.schedule.busy)
})

for (const { others, isTaken } of [
  { others: 1, isTaken: true },
  { others: 31, isTaken: false },
]) {
  test(`R003-26: Global ${isTaken ? 'takes' : 'does not take'} over from a slow holder where ${others} others want the value`, (t) => {
    const bench = new Bench()
    bench.want({ start: 0, end: 2 * MIB })
    bench.now = 20
    bench.bring(bench.of('G')[0]!)
    bench.joins('other 0', [WHOLE])
    bench.swarm(...Array.from({ length: others }, (_, i) => `other ${i}`))
    const [task] = bench.of('other 0')
    bench.now = 20 + 2 * SOURCE_PATIENCE_MS
    bench.bring(task!, MIB / 4)
    // The rest takes it 1.8 s, and Global 15 ms.
    bench.tick(1)
    t.is(bench.of('other 0').length, isTaken ? 0 : 1)
    t.is(bench.of('G').length, isTaken ? 1 : 0)
  })
}

test('R003-26: the tail of a long run goes to a holder that joins', (t) => {
  const bench = new Bench(64 * MIB)
  bench.swarm()
  bench.want({ start: 0, end: 64 * MIB })
  for (let i = 0; i < 4; i++) {
    const [next] = bench.of('G')
    bench.now += 200
    bench.bring(next!)
  }
  const [run] = bench.of('G')
  t.true(lengthOf(run!.ranges) > 8 * MIB)
  bench.swarm('a')
  bench.joins('a', [{ start: 0, end: 64 * MIB }])
  for (let [next] = bench.of('a'); next; [next] = bench.of('a')) {
    bench.now += 1
    bench.bring(next)
  }
  bench.bring(run!)
  for (let [next] = bench.of('a'); next; [next] = bench.of('a')) bench.bring(next)
  t.deepEqual([...bench.held.missing()], [])
  t.is(bench.running.size, 0)
})

test('a source is asked what it holds, and not again before it has answered', (t) => {
  const bench = new Bench()
  bench.swarm('a')
  bench.joins('a')
  bench.want(WHOLE)
  for (let i = 0; i < 20; i++) bench.tick(ASK_EVERY_MS)
  t.deepEqual(bench.asked, ['a'])
  bench.do({ type: 'holds', source: 'a', runs: [], now: bench.now })
  t.is(bench.asked.length, 1)
  bench.tick(ASK_EVERY_MS)
  t.is(bench.asked.length, 2)
})

test('a source that left is not asked again, and its work goes to others', (t) => {
  const bench = new Bench()
  bench.swarm('a')
  bench.joins('a', [WHOLE])
  bench.want(WHOLE)
  t.true(bench.of('a').length > 0)
  bench.do({ type: 'source-removed', source: 'a', now: 0 })
  t.is(bench.of('a').length, 0)
  bench.swarm()
  t.true(bench.of('G').length > 0)
})

test('a part that a holder refuses is asked of another', (t) => {
  const bench = new Bench()
  bench.swarm('a')
  bench.joins('a', [WHOLE])
  bench.want({ start: 0, end: MIB })
  const [task] = bench.of('a')
  bench.running.delete(task!.task)
  bench.do({ type: 'refused', task: task!.task, now: 0 })
  t.is(bench.of('a').length, 0)
  bench.tick(SOURCE_PATIENCE_MS)
  t.is(bench.of('G').length, 1)
})

test('what nobody wants any more is stopped', (t) => {
  const bench = new Bench()
  bench.want(WHOLE)
  t.true(bench.running.size > 0)
  bench.want()
  t.is(bench.running.size, 0)
  t.false(bench.schedule.busy)
})

test('a part is at least 1 MiB, and a value has not many more than a thousand while they may grow', (t) => {
  t.is(partBytesOf(0), MIB)
  t.is(partBytesOf(1024 * MIB), MIB)
  t.is(partBytesOf(1024 * MIB + 1), 2 * MIB)
  t.is(partBytesOf(2 ** 50), 16 * MIB)
})

test('runs are joined where they touch', (t) => {
  const run = fc
    .tuple(fc.nat(30), fc.nat(10))
    .map(([start, length]) => ({ start, end: start + length }))
  const members = (runs: readonly ByteRange[]): number[] =>
    Array.from({ length: 41 }, (_, i) => i).filter((i) =>
      runs.some(({ start, end }) => start <= i && i < end),
    )
  fc.assert(
    fc.property(fc.array(run, { maxLength: 8 }), (runs) => {
      const result = mergeRuns(runs)
      t.deepEqual(members(result), members(runs))
      for (let i = 1; i < result.length; i++) t.true(result[i]!.start > result[i - 1]!.end)
    }),
  )
})

test('whatever sources do, everything comes in the end, and nothing by two at once', (t) => {
  const step = fc.record({
    kind: fc.constantFrom('bring', 'bring', 'bring', 'part', 'refuse', 'leave', 'join', 'tick'),
    pick: fc.nat(50),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const bench = new Bench()
      bench.swarm('a', 'b', 'c')
      bench.want(WHOLE)
      const exclusive = (): void => {
        const runs = [...bench.running.values()].flatMap(({ ranges }) => [...ranges])
        const fresh = runs.flatMap((range) => [...bench.held.missing(range)])
        if (lengthOf(mergeRuns(fresh)) !== lengthOf(fresh))
          t.fail('a part was asked for twice at once')
      }
      for (const { kind, pick } of steps) {
        const tasks = [...bench.running.values()]
        const task = tasks[pick % Math.max(1, tasks.length)]
        const source = ['a', 'b', 'c'][pick % 3]!
        if (kind === 'bring' && task !== undefined) bench.bring(task)
        else if (kind === 'part' && task !== undefined) bench.bring(task, MIB / 4)
        else if (kind === 'refuse' && task !== undefined && task.source !== 'G') {
          bench.running.delete(task.task)
          bench.do({ type: 'refused', task: task.task, now: bench.now })
        } else if (kind === 'leave') bench.do({ type: 'source-removed', source, now: bench.now })
        else if (kind === 'join') bench.joins(source, [{ start: 0, end: (pick % 17) * MIB }])
        else bench.tick(pick * 10)
        exclusive()
      }
      for (let rounds = 0; rounds < 200 && bench.schedule.busy; rounds++) {
        for (const next of bench.running.values()) {
          if (bench.running.has(next.task)) bench.bring(next)
        }
        bench.tick(SOURCE_PATIENCE_MS)
      }
      t.true(bench.held.complete)
      t.is(bench.running.size, 0)
    }),
    { numRuns: 200 },
  )
})
