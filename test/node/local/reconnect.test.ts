import { DstoreError } from '../../../src/errors.ts'
import { test } from '../../serial.ts'
import {
  FAILOVER_REDIAL_MS,
  REDIAL_FIRST_MS,
  REDIAL_PATIENCE_MS,
  REFUSED_REDIAL_MS,
} from '../../../src/limits.ts'
import {
  Reconnect,
  backoffMs,
  REDIAL_MOST_MS,
  redialMs,
} from '../../../src/node/local/reconnect.ts'

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

test('who wants the connection cuts the wait short, and is told when the attempt has ended', async (t) => {
  let now = 0
  const redial = new Reconnect(() => now)
  redial.attemptStarted()
  redial.attemptEnded()
  const { signal } = new AbortController()
  const resting = redial.pause(3_600_000, signal)
  now = REDIAL_FIRST_MS
  const hurried = redial.dialNow()
  await resting
  redial.attemptStarted()
  t.is(redial.dialNow(), hurried, 'all wait for the same')
  redial.attemptEnded()
  await hurried
})

test('nobody waits for an attempt that comes later, or has had its time', async (t) => {
  let now = 0
  const redial = new Reconnect(() => now)
  redial.attemptStarted()
  redial.attemptEnded()
  const resting = redial.pause(3_600_000, new AbortController().signal)
  await redial.dialNow()
  await redial.dialNow()
  // It is cut short all the same, when the least time has passed.
  await resting
  now = REDIAL_FIRST_MS
  redial.attemptStarted()
  now += REDIAL_PATIENCE_MS
  await redial.dialNow()
  now -= 1
  await redial.dialNow()
  t.pass()
})

test('R012-61: a set is dialled again soon, but not by a Local that it refuses', (t) => {
  const gone = new DstoreError('unreachable', 'gone')
  const refused = new DstoreError('not-permitted', 'expelled')
  t.is(redialMs(4000, gone, false), 4000)
  t.is(redialMs(4000, gone, true), FAILOVER_REDIAL_MS)
  t.is(redialMs(100, gone, true), 100)
  t.is(redialMs(100, refused, true), REFUSED_REDIAL_MS)
})
