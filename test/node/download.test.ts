import test from 'ava'
import { equal } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { Key } from '../../src/hash/key.ts'
import type { Proved } from '../../src/hash/slice-decoder.ts'
import type { ByteRange } from '../../src/hash/tree.ts'
import { GROUP_BYTES, REDIAL_PATIENCE_MS } from '../../src/limits.ts'
import { fetchSlices } from '../../src/transfer/fetch.ts'
import { CachedValue } from '../../src/node/cache.ts'
import { Download, type Interest } from '../../src/node/download.ts'
import { pattern } from '../hash/sizes.ts'
import { TestHost, fails, sample, served } from '../transfer/ends.ts'

const VALUE = sample(pattern(40 * GROUP_BYTES + 1))
const WHOLE: ByteRange = { start: 0, end: VALUE.size }

type Fetch = (range: ByteRange, signal: AbortSignal) => AsyncIterable<Proved>

/** So that a value comes in several pieces. */
const recut = (available: number): number => Math.min(available, 3 * GROUP_BYTES)

/** From an honest holder of everything; `cutAfterBytes` breaks the link. */
function honest(cutAfterBytes?: number): Fetch {
  return async function* (range, signal) {
    const cut = cutAfterBytes === undefined ? {} : { cutAfterBytes }
    const { client } = served(new TestHost(VALUE), { recut, ...cut })
    const { digest, size } = VALUE
    signal.addEventListener('abort', () => client.channel.abort(signal.reason as Error))
    yield* fetchSlices(client, { digest, size, ranges: [range] })
  }
}

interface Case {
  readonly value: CachedValue
  readonly download: Download
  readonly asked: ByteRange[]
  ended: number
  nowMs: number
}

function begin(fetch: Fetch): Case {
  const value = new CachedValue(new Key(VALUE.digest), VALUE.size, 1)
  const asked: ByteRange[] = []
  const state: Case = {
    value,
    asked,
    ended: 0,
    nowMs: 0,
    download: new Download({
      value,
      fetch: (range, signal) => {
        asked.push(range)
        return fetch(range, signal)
      },
      onEnd: () => void state.ended++,
      now: () => state.nowMs,
    }),
  }
  return state
}

/** Read a range as a caller does. */
async function read(value: CachedValue, interest: Interest, range: ByteRange): Promise<number[]> {
  const steps: number[] = []
  for (let at = range.start; at < range.end;) {
    const view = value.view({ start: at, end: range.end })
    if (view === undefined) {
      await interest.more()
      continue
    }
    if (!equal(view, VALUE.bytes.subarray(at, at + view.byteLength))) throw new Error('wrong bytes')
    at += view.byteLength
    steps.push(view.byteLength)
  }
  interest.leave()
  return steps
}

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
  t.deepEqual(state.asked, [
    { start: 0, end: part.start },
    { start: part.end, end: VALUE.size },
  ])
})

test('R003-12: a link that breaks again and again delays, and nothing comes twice', async (t) => {
  const state = begin(honest(8 * GROUP_BYTES))
  await read(state.value, state.download.join(WHOLE), WHOLE)
  t.true(state.asked.length > 4)
  for (const [i, { start }] of state.asked.entries()) {
    t.true(i === 0 || start > state.asked[i - 1]!.start)
  }
})

test('a link that stays broken is given up after a while', async (t) => {
  const state = begin(async function* () {
    state.nowMs += REDIAL_PATIENCE_MS / 4
    yield* []
    throw new DstoreError('unreachable', 'the peer dropped the channel')
  })
  await fails(t, read(state.value, state.download.join(WHOLE), WHOLE), 'unreachable')
  t.is(state.asked.length, 4)
  t.is(state.ended, 1)
})

test('the last to leave ends the fetch, at once', async (t) => {
  let stopped: AbortSignal | undefined
  const state = begin(async function* (range, signal) {
    stopped = signal
    yield* honest()(range, signal)
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
  const state = begin(async function* (range, signal) {
    yield* honest()({ start: range.start, end: range.start + 4 * GROUP_BYTES }, signal)
    throw new DstoreError('integrity', 'the bytes are not the value’s')
  })
  await fails(t, read(state.value, state.download.join(WHOLE), WHOLE), 'integrity')
  t.is(state.value.held.count, 4)
})
