import test from 'ava'
import { REDIAL_FIRST_MS, REDIAL_MOST_MS } from '../../src/limits.ts'
import { backoffMs } from '../../src/node/redial.ts'

test('waits double up to the longest, for ever', (t) => {
  const waits = Array.from({ length: 7 }, (_, i) => backoffMs(i + 1, () => 1))
  t.deepEqual(waits, [200, 400, 800, 1600, 3200, REDIAL_MOST_MS, REDIAL_MOST_MS])
  for (const attempt of [31, 32, 1000, 1e6, 1e15]) {
    t.is(
      backoffMs(attempt, () => 1),
      REDIAL_MOST_MS,
    )
  }
})

test('Locals that lose Global together come back spread over half the wait', (t) => {
  const waits = [0, 0.5, 0.999].map((random) => Math.round(backoffMs(1, () => random)))
  t.deepEqual(waits, [REDIAL_FIRST_MS / 2, 150, REDIAL_FIRST_MS])
})
