import { test } from '../../serial.ts'
import { MIB } from '../../../src/limits.ts'
import { simulate, type SimulationOptions } from './simulation.ts'

/** 1 Gbit/s each way. */
const GIGABIT = 125_000
const BASE = { size: 256 * MIB, linkRate: GIGABIT, latencyMs: 0.2 }
const ALONE_MS = BASE.size / GIGABIT

function run(options: Partial<SimulationOptions> & { locals: number; seed: number }): {
  readonly sentRatio: number
  readonly lastRatio: number
  readonly done: number
} {
  const { globalSentBytes, doneMs } = simulate({ ...BASE, ...options })
  const done = doneMs.filter((at) => at !== undefined)
  return {
    sentRatio: globalSentBytes / BASE.size,
    lastRatio: Math.max(...done) / ALONE_MS,
    done: done.length,
  }
}

test('R003-24: one Local alone fetches everything once, at the speed of its link', (t) => {
  for (const latencyMs of [0.2, 20]) {
    const { sentRatio, lastRatio } = run({ locals: 1, seed: 1, latencyMs })
    t.is(sentRatio, 1)
    t.true(lastRatio < 1.15, `${lastRatio} times as long as the link needs`)
  }
})

for (const seed of [1, 2, 3]) {
  test(`R003-25: eight Locals at once feed each other (seed ${seed})`, (t) => {
    const { sentRatio, lastRatio, done } = run({ locals: 8, seed })
    t.is(done, 8)
    t.true(sentRatio <= 1.2, `Global sent ${sentRatio} times the value`)
    t.true(lastRatio <= 1.4, `the last took ${lastRatio} times as long as one alone`)
  })
}

test('R003-25: 32 Locals at once feed each other', (t) => {
  const { sentRatio, lastRatio, done } = run({ locals: 32, seed: 1 })
  t.log(`Global sent ${sentRatio} times the value, the last took ${lastRatio} times as long`)
  t.is(done, 32)
  t.true(sentRatio <= 1.5)
  t.true(lastRatio <= 2)
})

test('without each other, Global sends everything to each', (t) => {
  const { sentRatio, lastRatio } = run({ locals: 8, seed: 1, alone: true })
  t.is(sentRatio, 8)
  t.true(lastRatio > 7)
})

test('R003-26: Locals that give slowly slow down nobody but for a little', (t) => {
  const outRate = (local: number): number => (local === 3 ? GIGABIT / 100 : GIGABIT)
  const { sentRatio, lastRatio, done } = run({ locals: 8, seed: 1, outRate })
  t.is(done, 8)
  t.true(sentRatio <= 1.5 && lastRatio <= 1.6, `${sentRatio}, ${lastRatio}`)
})

test('R003-26: Locals that vanish in the middle are done without', (t) => {
  const vanishMs = (local: number): number | undefined => (local < 3 ? 500 : undefined)
  const { sentRatio, lastRatio, done } = run({ locals: 8, seed: 1, vanishMs })
  t.is(done, 5)
  t.true(sentRatio <= 1.5 && lastRatio <= 1.5, `${sentRatio}, ${lastRatio}`)
})

test('who comes late finds the others', (t) => {
  const startMs = (local: number): number => local * 200
  const { sentRatio, done } = run({ locals: 8, seed: 1, startMs })
  t.is(done, 8)
  t.true(sentRatio <= 2, `Global sent ${sentRatio} times the value`)
})

test('the same seed runs the same', (t) => {
  const options = { ...BASE, size: 32 * MIB, locals: 8, seed: 5 }
  t.deepEqual(simulate(options), simulate(options))
})
