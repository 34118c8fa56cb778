import { test } from '../../serial.ts'
import { equal } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import { BROKEN_TRANSFER_MS, GROUP_BYTES, MIB } from '../../../src/limits.ts'
import { TransferCancelled } from '../../../src/node/activity/transfers.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { fails, sample } from '../../transfer/ends.ts'
import { ALL, Case, LARGE, VALUE, WHOLE, begin, honest, read, type Fetch } from './download-case.ts'

test('callers that want the same share one fetch, and read before its end', async (t) => {
  const state = begin(honest())
  const { value, download } = state
  const readers = [WHOLE, WHOLE, { start: 5, end: 100_000 }].map((range) =>
    read(value, download.join(range), range),
  )
  const [first] = await Promise.all(readers)
  t.true(first!.length > 3)
  t.is(state.asked.length, 1)
  t.is(state.ended, 1)
  t.true(value.held.complete)
  t.true(equal(value.outboard, VALUE.outboard))
})

test('a range fetches its own groups and no more', async (t) => {
  const state = begin(honest())
  const range = { start: 3 * GROUP_BYTES + 1, end: 5 * GROUP_BYTES }
  await read(state.value, state.download.join(range), range)
  t.is(state.value.held.count, 2)
})

test('R003-12: what is held is not fetched again', async (t) => {
  const state = begin(honest())
  const { value, download } = state
  const part = { start: 5 * GROUP_BYTES, end: 9 * GROUP_BYTES }
  value.write(part.start, VALUE.bytes.subarray(part.start, part.end))
  await read(value, download.join(WHOLE), WHOLE)
  const ranges = [
    { start: 0, end: part.start },
    { start: part.end, end: VALUE.size },
  ]
  t.deepEqual(state.asked, [{ source: 'G', ranges }])
})

test('R003-12: a link that breaks again and again delays, and nothing comes twice', async (t) => {
  const state = begin(honest({ cutAfterBytes: 8 * GROUP_BYTES }))
  await read(state.value, state.download.join(WHOLE), WHOLE)
  t.true(state.asked.length > 4)
  const starts = state.asked.map(({ ranges }) => ranges[0]!.start)
  for (const [i, start] of starts.entries()) t.true(i === 0 || start > starts[i - 1]!)
})

/**
 * Global is away for some tries, each a quarter of the time that a fetch waits; then it is back.
 */
function away(tries: number): Case {
  let left = tries
  const state = begin(async function* (ranges, signal, where) {
    if (left-- > 0) {
      state.nowMs += BROKEN_TRANSFER_MS / 4
      throw new DstoreError('unreachable', 'the peer dropped the channel')
    }
    yield* honest()(ranges, signal, where)
  })
  state.isTimeReal = false
  return state
}

test('R003-46: a Global that is back in time costs a pause', async (t) => {
  const state = away(3)
  await read(state.value, state.download.join(WHOLE), WHOLE)
  t.is(state.asked.length, 4)
})

test('R003-46: a Global that stays away is given up after a while', async (t) => {
  const state = away(4)
  const reading = read(state.value, state.download.join(WHOLE), WHOLE)
  const fault = await fails(t, reading, 'unreachable')
  t.is(fault?.message, 'Global cannot be reached: the peer dropped the channel')
  t.regex(fault?.hint ?? '', /repeat the get to resume/)
  t.is(state.asked.length, 4)
  t.is(state.ended, 1)
})

test('R013-31: a transfer that Global cancels is over for its callers, who do not begin it again', async (t) => {
  const state = begin(async function* (ranges, signal, where) {
    for await (const piece of honest()(ranges, signal, where)) {
      yield piece
      throw new DstoreError('cancelled', 'in the words of a peer')
    }
  })
  const readers = [WHOLE, WHOLE].map((range) =>
    t.throwsAsync(read(state.value, state.download.join(range), range), {
      instanceOf: TransferCancelled,
    }),
  )
  const [first] = await Promise.all(readers)
  t.notRegex(first!.message, /in the words of a peer/)
  t.is(state.asked.length, 1)
  t.is(state.ended, 1)
})

test('the last to leave ends the fetch, at once', async (t) => {
  let stopped: AbortSignal | undefined
  const state = begin(async function* (ranges, signal, where) {
    stopped = signal
    yield* honest()(ranges, signal, where)
  })
  const first = state.download.join(WHOLE)
  const second = state.download.join(WHOLE)
  await first.more()
  first.leave()
  first.leave()
  t.false(stopped!.aborted)
  await second.more()
  second.leave()
  t.true(stopped!.aborted)
  t.is(state.ended, 1)
  const held = state.value.held.count
  // Time for a group that should not come.
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.is(state.value.held.count, held)
  await fails(t, second.more(), 'cancelled')
})

test('a removal in the middle ends it for everybody, as removed', async (t) => {
  const state = begin(honest())
  const readers = [WHOLE, WHOLE].map((range) =>
    read(state.value, state.download.join(range), range),
  )
  await state.download.join(WHOLE).more()
  state.value.drop(new DstoreError('removed', 'the value was removed'))
  t.is(state.ended, 1)
  for (const reader of readers) await fails(t, reader, 'removed')
})

test('a lie ends it with integrity, and what was proved before stays', async (t) => {
  const state = begin(async function* ([range], signal, where) {
    yield* honest()([{ start: range!.start, end: range!.start + 4 * GROUP_BYTES }], signal, where)
    throw new DstoreError('integrity', 'the bytes are not the value’s')
  })
  await fails(t, read(state.value, state.download.join(WHOLE), WHOLE), 'integrity')
  t.is(state.value.held.count, 4)
  t.deepEqual(state.reported, ['G'])
})

/** Delays Global, which is asked before any holder is known, until these holders are asked. */
function late(fetch: Fetch, state: () => Case, ...holders: string[]): Fetch {
  return async function* (ranges, signal, where) {
    await eventually(() => holders.every((name) => state().askedOf(name) > 0))
    yield* fetch(ranges, signal, where)
  }
}

test('R003-25: several holders give, and Global little', async (t) => {
  const give = honest({ of: LARGE })
  const G = late(give, () => state, 'a', 'b', 'c')
  const state: Case = new Case({ G, a: give, b: give, c: give }, LARGE)
  await read(state.value, state.download.join(ALL), ALL, LARGE)
  t.true(state.value.held.complete)
  for (const name of ['a', 'b', 'c']) t.true(state.askedOf(name) > MIB, name)
  t.true(state.askedOf('G') < LARGE.size / 2)
  t.is(state.ended, 1)
})

test('R003-27: a holder that lies is dropped and reported, and nothing wrong is kept', async (t) => {
  const other = sample(pattern(24 * MIB + 5).map((byte) => byte ^ 1))
  const give = honest({ of: LARGE })
  const lie = honest({ of: { ...other, digest: LARGE.digest } })
  const G = late(give, () => state, 'liar', 'a')
  const state: Case = new Case({ G, liar: lie, a: give }, LARGE)
  await read(state.value, state.download.join(ALL), ALL, LARGE)
  t.true(state.reported.length > 0 && state.reported.every((name) => name === 'liar'))
  t.true(state.asked.filter(({ source }) => source === 'liar').length <= 2)
  t.true(state.askedOf('a') > MIB)
})

test('R003-26: holders that stall, vanish or refuse are done without', async (t) => {
  const give = honest({ of: LARGE })
  const stall: Fetch = async function* (_, signal) {
    yield* []
    await new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error))
    })
  }
  const fault = (code: 'unreachable' | 'not-found' | 'not-permitted'): Fetch =>
    async function* () {
      yield* []
      throw new DstoreError(code, 'no')
    }
  const state: Case = new Case(
    {
      G: late(give, () => state, 'stall', 'vanished', 'refuses', 'forbids'),
      stall,
      vanished: fault('unreachable'),
      refuses: fault('not-found'),
      forbids: fault('not-permitted'),
    },
    LARGE,
  )
  await read(state.value, state.download.join(ALL), ALL, LARGE)
  t.true(state.value.held.complete)
  t.deepEqual(state.reported, [])
})

test('where only Global can give and it fails, that is the failure', async (t) => {
  const fail: Fetch = async function* () {
    yield* []
    throw new DstoreError('removed', 'the value was removed')
  }
  const state = new Case({ G: fail, a: fail }, LARGE)
  await fails(t, read(state.value, state.download.join(ALL), ALL, LARGE), 'removed')
  t.is(state.ended, 1)
})
