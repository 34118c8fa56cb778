import * as fc from 'fast-check'
import { test } from '../../../serial.ts'
import { SAMPLES } from '../../../../src/limits.ts'
import {
  BUCKETS,
  COARSE_BOUNDS,
  bucketOf,
  coarseOf,
  quantile,
} from '../../../../src/daemon/http/statistics/latencies.ts'
import { Sampler, type Totals } from '../../../../src/daemon/http/statistics/sampler.ts'

const none = (): Totals => ({
  bytesIn: 0,
  bytesOut: 0,
  peerIn: 0,
  peerOut: 0,
  ok: 0,
  refused: 0,
  failed: 0,
  hits: 0,
  misses: 0,
  latencies: new Float64Array(BUCKETS),
})

test('R013-24 a sample has what was counted since the one before, and all of it', (t) => {
  const totals = { ...none(), bytesIn: 5 }
  const sampler = new Sampler(totals)
  sampler.observe(1000, { ...totals, bytesIn: 15, ok: 2 })
  sampler.observe(2000, { ...totals, bytesIn: 15, ok: 3, misses: 1 })
  const [first, second] = sampler.since(0)
  t.like(first, { at: 1000, bytesIn: 10, ok: 2, misses: 0, p50: null, p99: null })
  t.like(second, { at: 2000, bytesIn: 0, ok: 1, misses: 1 })
  t.deepEqual(sampler.since(1), [second])
  t.deepEqual(sampler.since(2), [])
})

test('R013-24 samples of ten minutes are kept, and each has a later time', (t) => {
  const sampler = new Sampler(none())
  for (let at = 0; at < SAMPLES + 50; at++) {
    // The wall clock is set back by a day on the way.
    sampler.observe(at < 300 ? 1e12 + at * 1000 : 1e12 - 86_400_000 + at * 1000, none())
  }
  const samples = sampler.since(0)
  t.is(samples.length, SAMPLES)
  t.is(sampler.taken, SAMPLES + 50)
  t.true(samples.every(({ at }, i) => i === 0 || at > samples[i - 1]!.at))
  t.is(sampler.since(SAMPLES + 47).length, 3)
})

test('R013-24 a node that counts anew does not give less than nothing', (t) => {
  const sampler = new Sampler({ ...none(), peerIn: 100 })
  sampler.observe(1, { ...none(), peerIn: 10 })
  sampler.observe(2, { ...none(), peerIn: 15 })
  t.deepEqual(
    sampler.since(0).map(({ peerIn }) => peerIn),
    [0, 5],
  )
})

test('a counter that goes on is not changed by what was handed in', (t) => {
  const latencies = new Float64Array(BUCKETS)
  const sampler = new Sampler({ ...none(), latencies })
  latencies[bucketOf(8)]! += 100
  sampler.observe(1, { ...none(), latencies })
  sampler.observe(2, { ...none(), latencies })
  const [first, second] = sampler.since(0)
  t.true(Math.abs(first!.p50! - 8) < 2)
  t.is(second!.p50, null)
})

test('a quantile is off by a fifth at most', (t) => {
  const durations = fc.array(fc.double({ min: 0.07, max: 60_000, noNaN: true }), {
    minLength: 1,
    maxLength: 200,
  })
  const property = fc.property(durations, fc.constantFrom(0.5, 0.99), (all, share) => {
    const counts = new Float64Array(BUCKETS)
    for (const ms of all) counts[bucketOf(ms)]!++
    const sorted = all.toSorted((a, b) => a - b)
    const exact = sorted[Math.max(0, Math.ceil(share * all.length) - 1)]!
    return Math.abs(quantile(counts, share)! / exact - 1) < 0.2
  })
  t.notThrows(() => fc.assert(property))
})

test('a bucket holds what does not exceed its bound, and a coarse one the same', (t) => {
  t.is(bucketOf(0), 0)
  t.is(bucketOf(Infinity), BUCKETS - 1)
  t.is(coarseOf(BUCKETS - 1), COARSE_BOUNDS.length)
  t.is(coarseOf(BUCKETS - 2), COARSE_BOUNDS.length - 1)
  for (const [at, seconds] of COARSE_BOUNDS.entries()) {
    t.is(coarseOf(bucketOf(seconds * 1000)), at)
    t.is(coarseOf(bucketOf(seconds * 1001)), at + 1)
  }
})
