import { test } from '../serial.ts'
import {
  CONNECTION_UNASKED_BYTES,
  MIB,
  PEER_WINDOWS_BYTES,
  SESSION_WINDOWS_BYTES,
  SESSION_WINDOW_BYTES,
  STREAM_UNASKED_BYTES,
  STREAM_WINDOW_BYTES,
  WINDOWS_BYTES,
} from '../../src/limits.ts'
import { ASKED_FIRST_BYTES, StreamWindow } from '../../src/network/stream-window.ts'
import type { WindowSite } from '../../src/network/stream-window.ts'
import { SharedBudget } from '../../src/transfer/shared-budget.ts'

/** Room that a muxer offers, whatever it is used for. */
const PLENTY = 2 ** 40

interface Case {
  readonly window: StreamWindow
  /** What the peer may send now, by what it was told. */
  readonly may: () => number
  /** The peer sends, and the channel reads all of it after so many milliseconds. */
  readonly pass: (bytes: number, ms?: number) => void
}

class Place {
  time = 0
  readonly budget = new SharedBudget(WINDOWS_BYTES, PEER_WINDOWS_BYTES)
  readonly site: WindowSite = {
    budget: this.budget,
    allowances: new SharedBudget(SESSION_WINDOWS_BYTES, SESSION_WINDOW_BYTES),
    unaskedBytes: 0,
    now: () => this.time,
    roundTripMs: undefined,
    learnedBytes: 0,
  }

  open(peer = 'A', offered = PLENTY): Case {
    let credit = STREAM_UNASKED_BYTES
    const window = new StreamWindow(this.site, (bytes) => (credit += bytes))
    window.offered(offered)
    window.bind(peer, 0)
    return {
      window,
      may: () => credit,
      pass: (bytes, ms = 0) => {
        credit -= bytes
        if (!window.received(bytes)) throw new Error('more than its window')
        this.time += ms
        window.taken(bytes)
      },
    }
  }
}

/** Sends as much as may be sent, a window for each round trip, until so much has passed. */
function stream({ may, pass }: Case, bytes: number, ms: number): void {
  for (let left = bytes; left > 0;) {
    const part = Math.min(left, may())
    if (part === 0) throw new Error('the stream hangs')
    pass(part, ms)
    left -= part
  }
}

test('R003-123 without being asked a peer may send one small window, whatever the muxer offers', (t) => {
  const place = new Place()
  const one = place.open()
  t.is(one.may(), STREAM_UNASKED_BYTES)
  t.true(one.window.received(STREAM_UNASKED_BYTES))
  one.window.offered(PLENTY)
  t.is(one.may(), STREAM_UNASKED_BYTES, 'nothing was read: it was told of no more')
  t.false(one.window.received(1))
  place.site.roundTripMs = 200
  const other = place.open()
  stream(other, 8 * MIB, 200)
  t.is(other.may(), STREAM_UNASKED_BYTES)
  t.is(place.budget.usedBytes, 0)
})

test('R003-123 an update follows what was read, in steps that are worth a frame', (t) => {
  const { window, may } = new Place().open()
  t.true(window.received(STREAM_UNASKED_BYTES))
  window.taken(1000)
  t.is(may(), STREAM_UNASKED_BYTES, 'a thousand bytes are not worth one')
  window.taken(STREAM_UNASKED_BYTES / 8)
  t.is(may(), STREAM_UNASKED_BYTES + STREAM_UNASKED_BYTES / 8 + 1000)
})

test('R003-123 before a channel reads it, a stream gets no update', (t) => {
  const { site } = new Place()
  let told = 0
  const window = new StreamWindow(site, (bytes) => (told += bytes))
  t.true(window.received(100_000))
  window.offered(PLENTY)
  window.taken(100_000)
  t.is(told, 0)
  window.bind('A', 40_000)
  t.is(told, 60_000)
})

test('R003-124 what was asked for has a window of its own, and never one of more', (t) => {
  const place = new Place()
  const asked = place.open()
  asked.window.ask(100 * MIB)
  const granted = place.budget.usedBytes
  t.is(asked.window.grantedBytes, granted)
  t.true(granted >= ASKED_FIRST_BYTES - STREAM_UNASKED_BYTES && granted <= ASKED_FIRST_BYTES)
  t.is(asked.may(), STREAM_UNASKED_BYTES + granted)
  const little = place.open()
  little.window.ask(1000)
  t.is(little.may(), STREAM_UNASKED_BYTES)
  const some = place.open()
  some.window.ask(MIB + 1)
  t.is(some.may(), STREAM_UNASKED_BYTES + MIB)
})

test('R003-124 a window grows to its ceiling where the way is long, and not where it is short', (t) => {
  for (const [roundTripMs, most] of [
    [200, STREAM_WINDOW_BYTES],
    [1, ASKED_FIRST_BYTES],
    [undefined, ASKED_FIRST_BYTES],
  ] as const) {
    const place = new Place()
    place.site.roundTripMs = roundTripMs
    const one = place.open()
    one.window.ask(1000 * MIB)
    // At the short way 2 MiB take 10 ms: the processor is what limits it.
    stream(one, 200 * MIB, Math.max(10, roundTripMs ?? 10))
    const limit = one.may()
    t.true(limit >= most && limit < most + MIB, `${limit} at ${roundTripMs}`)
    const next = place.open()
    next.window.ask(1000 * MIB)
    t.is(next.may(), limit, 'what was learned is for all streams of the connection')
  }
})

test('R003-124 the budget is returned with the last bytes that were asked for', (t) => {
  const place = new Place()
  place.site.roundTripMs = 200
  const one = place.open()
  one.window.ask(64 * MIB)
  stream(one, 40 * MIB, 200)
  t.is(place.budget.usedBytes, STREAM_WINDOW_BYTES)
  stream(one, 24 * MIB, 200)
  t.is(place.budget.usedBytes, 0)
  t.true(one.may() <= STREAM_UNASKED_BYTES)
  one.window.ask(64 * MIB)
  t.true(place.budget.usedBytes > 0)
  one.window.close()
  t.is(place.budget.usedBytes, 0)
  one.window.ask(64 * MIB)
  t.is(place.budget.usedBytes, 0, 'a stream that is over gets nothing')
})

test('R003-124 what the peer was told of stays charged although no more is asked for', (t) => {
  const place = new Place()
  const one = place.open()
  one.window.ask(64 * MIB)
  one.window.ask(0)
  const told = one.may()
  t.true(told > STREAM_UNASKED_BYTES)
  t.is(place.budget.usedBytes, told - STREAM_UNASKED_BYTES)
  stream(one, told - STREAM_UNASKED_BYTES, 0)
  t.is(place.budget.usedBytes, 0)
  t.is(one.may(), STREAM_UNASKED_BYTES)
})

test('R003-124 all windows together are bounded, for a peer and for the node, and none hangs', (t) => {
  const place = new Place()
  place.site.roundTripMs = 200
  const open = (peer: string): Case => {
    const one = place.open(peer)
    one.window.ask(1000 * MIB)
    stream(one, 50 * MIB, 200)
    return one
  }
  const ofOne = Array.from({ length: 8 }, () => open('A'))
  t.is(place.budget.usedBytes, PEER_WINDOWS_BYTES)
  const ofMany = Array.from({ length: 64 }, (_, i) => open(`B${i}`))
  t.true(place.budget.usedBytes <= WINDOWS_BYTES)
  const all = [...ofOne, ...ofMany]
  const may = all.reduce((sum, one) => sum + one.may(), 0)
  t.true(may <= WINDOWS_BYTES + all.length * STREAM_UNASKED_BYTES, `${may}`)
  for (const one of all) stream(one, MIB, 0)
})

test('R003-135 a stream that is allowed more gets it where the way is long, once it needs it', (t) => {
  for (const [roundTripMs, most] of [
    [200, SESSION_WINDOW_BYTES],
    [1, STREAM_UNASKED_BYTES],
    [undefined, STREAM_UNASKED_BYTES],
  ] as const) {
    const place = new Place()
    place.site.roundTripMs = roundTripMs
    const one = place.open()
    one.window.allow(SESSION_WINDOW_BYTES)
    t.is(one.may(), STREAM_UNASKED_BYTES)
    stream(one, 8 * MIB, 10)
    t.true(one.may() >= most && one.may() < most + MIB, `${one.may()} at ${roundTripMs}`)
    t.is(place.site.learnedBytes, 0, 'it is no measure for what is asked for')
    one.window.close()
    t.is(place.budget.usedBytes + place.site.allowances.usedBytes, 0)
  }
})

test('R003-135 what streams are allowed has a share of the budget, and none hangs without', (t) => {
  const place = new Place()
  place.site.roundTripMs = 200
  const all = Array.from({ length: 64 }, (_, i) => {
    const one = place.open(`M${i}`)
    one.window.allow(SESSION_WINDOW_BYTES)
    stream(one, 8 * MIB, 10)
    return one
  })
  t.true(place.budget.usedBytes > SESSION_WINDOWS_BYTES / 2)
  t.true(place.budget.usedBytes <= SESSION_WINDOWS_BYTES)
  t.is(place.site.allowances.usedBytes, place.budget.usedBytes)
  const asked = place.open('A')
  asked.window.ask(100 * MIB)
  t.true(asked.window.grantedBytes >= ASKED_FIRST_BYTES - STREAM_UNASKED_BYTES)
  for (const one of all) stream(one, MIB, 0)
  for (const { window } of all) window.close()
  t.is(place.site.allowances.usedBytes, 0)
})

test('R003-136 what came unasked and is unread is bounded on all streams together', (t) => {
  const place = new Place()
  const full = Array.from({ length: CONNECTION_UNASKED_BYTES / STREAM_UNASKED_BYTES }, () => {
    const one = place.open()
    t.true(one.window.received(STREAM_UNASKED_BYTES))
    return one
  })
  t.is(place.site.unaskedBytes, CONNECTION_UNASKED_BYTES)
  const asking = place.open()
  asking.window.ask(MIB)
  t.true(asking.window.received(MIB), 'what was asked for does not count')
  t.is(place.site.unaskedBytes, CONNECTION_UNASKED_BYTES)
  const hungry = Array.from({ length: 40 }, () => {
    const one = place.open()
    one.window.ask(100 * MIB)
    return one
  })
  const poor = hungry.at(-1)!
  t.is(poor.window.grantedBytes, 0)
  t.true(poor.window.received(STREAM_UNASKED_BYTES), 'nor where the budget is used up')
  for (const { window } of hungry) window.close()
  full[0]!.window.taken(1000)
  const next = place.open()
  t.true(next.window.received(1000), 'what was read counts no more')
  t.false(next.window.received(1))
  for (const { window } of [...full, asking, next]) window.close()
  t.is(place.site.unaskedBytes, 0)
})

test('R003-136 bytes before a channel reads the stream count, and those of its negotiation do not', (t) => {
  const { site } = new Place()
  const window = new StreamWindow(site, () => {})
  t.true(window.received(100_000))
  t.is(site.unaskedBytes, 100_000)
  window.bind('A', 40_000)
  t.is(site.unaskedBytes, 40_000)
  window.taken(40_000)
  t.is(site.unaskedBytes, 0)
})

test('R003-135 what a stream is allowed and granted does not count as unasked', (t) => {
  const place = new Place()
  place.site.roundTripMs = 200
  const one = place.open()
  one.window.allow(SESSION_WINDOW_BYTES)
  stream(one, 8 * MIB, 10)
  t.true(one.window.received(one.may()))
  t.true(place.site.unaskedBytes <= STREAM_UNASKED_BYTES)
})

test('a window never exceeds what the muxer offers', (t) => {
  const place = new Place()
  const one = place.open('A', MIB / 2)
  one.window.ask(64 * MIB)
  t.is(one.may(), STREAM_UNASKED_BYTES + MIB / 2)
  stream(one, one.may(), 0)
  t.is(one.may(), 0)
  one.window.offered(MIB / 4)
  t.is(one.may(), MIB / 4)
})
