/** Calls that are bounded in time. */
import { test } from './serial.ts'
import { DstoreError } from '../src/errors.ts'
import { deadline, inTime, pause, untilAborted } from '../src/deadline.ts'

const LONG = { ms: 60_000, what: 'nothing came' }

test('it is what is made of it, and over once, also where that is at once', async (t) => {
  let over = 0
  const count = (): number => over++
  t.is(
    await inTime<number>(LONG, (resolve) => {
      resolve(() => 7)
      return count
    }),
    7,
  )
  t.is(over, 1)
  const later = inTime<number>(LONG, (resolve) => {
    setImmediate(() => resolve(() => 8))
    return count
  })
  t.is(await later, 8)
  t.is(over, 2)
})

test('what making it throws is its error', async (t) => {
  const failed = inTime(LONG, (resolve) => {
    resolve(() => {
      throw new DstoreError('not-found', 'no such key')
    })
    return () => undefined
  })
  await t.throwsAsync(failed, { code: 'not-found' })
})

test('what beginning throws is its error', async (t) => {
  const failed = inTime(LONG, () => {
    throw new DstoreError('usage', 'not like this')
  })
  await t.throwsAsync(failed, { code: 'usage' })
})

test('late, it is a timeout that says what did not happen, and it is over', async (t) => {
  let over = 0
  const late = inTime({ ms: 5, what: 'nothing came' }, () => () => over++)
  await t.throwsAsync(late, { code: 'timeout', message: 'nothing came within 0.005 s' })
  // What remains of the time of a whole call is no round number.
  const rest = inTime({ ms: 4.554875849, what: 'nothing came' }, () => () => undefined)
  await t.throwsAsync(rest, { code: 'timeout', message: 'nothing came within 0.0046 s' })
  t.is(over, 1)
})

test('who gives up is told, before it begins and after', async (t) => {
  const controller = new AbortController()
  let over = 0
  const given = inTime({ ...LONG, signal: controller.signal }, () => () => over++)
  controller.abort()
  await t.throwsAsync(given, { code: 'cancelled' })
  t.is(over, 1)
  let begun = 0
  const refused = inTime({ ...LONG, signal: controller.signal }, () => {
    begun++
    return () => undefined
  })
  await t.throwsAsync(refused, { code: 'cancelled' })
  t.is(begun, 0)
})

const { signal: never } = new AbortController()

test('a deadline expires without progress, and not before', async (t) => {
  const limit = deadline(60, 'nothing came')
  const { signal } = limit
  for (let i = 0; i < 4; i++) {
    await pause(20, never)
    limit.progress()
  }
  t.false(signal.aborted)
  await pause(1000, signal)
  t.is((signal.reason as DstoreError).message, 'nothing came within 0.06 s')
})

test('a deadline does not expire while its timer is paused', async (t) => {
  const limit = deadline(5, 'nothing came')
  limit.pauseTimer()
  await pause(20, never)
  t.false(limit.signal.aborted)
  limit.progress()
  await pause(1000, limit.signal)
  t.true(limit.signal.aborted)
})

test('an extended deadline lasts so much longer, once, despite progress', async (t) => {
  const limit = deadline(5, 'nothing came')
  limit.extend(80)
  limit.progress()
  await pause(40, never)
  t.false(limit.signal.aborted)
  await pause(1000, limit.signal)
  t.true(limit.signal.aborted)
  const next = deadline(5, 'nothing came')
  next.extend(1)
  await pause(2, never)
  next.progress()
  await pause(1000, next.signal)
  t.true(next.signal.aborted)
})

test('untilAborted rejects with the reason; a later failure of the promise is ignored', async (t) => {
  const reason = new Error('enough')
  for (const abortedFirst of [true, false]) {
    const stop = new AbortController()
    const failing = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error('late')), 10)
    })
    if (abortedFirst) stop.abort(reason)
    else setTimeout(() => stop.abort(reason), 1)
    t.is(await t.throwsAsync(untilAborted(failing, stop.signal)), reason)
  }
  // An unhandled rejection in this time would fail the file.
  await new Promise((resolve) => setTimeout(resolve, 30))
})

test('R003-129: a call waits while others that share its way get bytes, for ten times as long at most', async (t) => {
  const began = performance.now()
  const waited = async (sharedAt: () => number): Promise<number> => {
    const limit = deadline(30, 'nothing came', undefined, sharedAt)
    await new Promise((resolve) => limit.signal.addEventListener('abort', resolve))
    t.is((limit.signal.reason as DstoreError).code, 'timeout')
    // Since `began`: that is what the times of sharing are counted from.
    return performance.now() - began
  }
  const [always, before, once] = await Promise.all([
    waited(() => performance.now()),
    waited(() => began - 1000),
    waited(() => began + 100),
  ])
  // A timer may be early by less than a millisecond.
  t.true(always >= 299, `${always} ms`)
  t.true(once >= 129, `${once} ms`)
  t.true(before < always, `${before} ms`)
})
