/** The guard below Yamux, over a connection that a test plays. */
import '../../src/network/polyfill.ts'
import { StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { test } from '../serial.ts'
import { concat } from '../../src/bytes.ts'
import {
  MIB,
  PEER_WINDOWS_BYTES,
  SESSION_WINDOWS_BYTES,
  SESSION_WINDOW_BYTES,
  STREAM_FRAME_BYTES,
  STREAM_UNASKED_BYTES,
  WINDOWS_BYTES,
} from '../../src/limits.ts'
import { ConnectionWindows } from '../../src/network/connection-windows.ts'
import { readHeader, writeHeader, type FrameHeader } from '../../src/network/yamux-frames.ts'
import { SharedBudget } from '../../src/transfer/shared-budget.ts'

const [DATA, UPDATE, PING] = [0, 1, 2]
const [SYN, ACK, FIN, RST] = [1, 2, 4, 8]

const frame = (type: number, flags: number, stream: number, length: number): Uint8Array =>
  concat([
    writeHeader({ type, flags, stream, length }),
    new Uint8Array(type === DATA && length <= STREAM_FRAME_BYTES ? length : 0),
  ])

function played(): {
  windows: ConnectionWindows
  budget: SharedBudget
  /** The peer sends. */
  arrive: (...frames: Uint8Array[]) => void
  /** The muxer sends a frame. */
  send: (frame: Uint8Array) => void
  /** Headers that left, and messages that reached the muxer, since the last look. */
  left: () => FrameHeader[]
  passed: () => number
  aborted: Error[]
  close: () => void
  time: { ms: number }
} {
  const events = new EventTarget()
  const sent: FrameHeader[] = []
  const aborted: Error[] = []
  const time = { ms: 0 }
  const connection = Object.assign(events, {
    abort: (reason: Error) => void aborted.push(reason),
    send: (bytes: Uint8Array | Uint8ArrayList) => sent.push(readHeader(bytes.subarray())) > 0,
  })
  const budget = new SharedBudget(WINDOWS_BYTES, PEER_WINDOWS_BYTES)
  const allowances = new SharedBudget(SESSION_WINDOWS_BYTES, SESSION_WINDOW_BYTES)
  const windows = new ConnectionWindows(connection as never, { budget, allowances }, () => time.ms)
  let passed = 0
  events.addEventListener('message', () => passed++)
  return {
    windows,
    budget,
    arrive: (...frames) => {
      events.dispatchEvent(new StreamMessageEvent(new Uint8ArrayList(...frames)))
    },
    send: (bytes) => void connection.send(bytes),
    left: () => sent.splice(0),
    passed: () => passed,
    aborted,
    close: () => void events.dispatchEvent(new Event('close')),
    time,
  }
}

test('R003-125 a frame up to the limit passes, a longer one is hidden and ends the connection', (t) => {
  for (const [length, isPassed] of [
    [STREAM_UNASKED_BYTES, true],
    [STREAM_UNASKED_BYTES + 1, false],
    [STREAM_FRAME_BYTES + 1, false],
    [2 ** 32 - 1, false],
  ] as const) {
    const { arrive, passed, aborted } = played()
    arrive(frame(UPDATE, SYN, 1, 0), frame(DATA, 0, 1, length))
    t.is(passed(), isPassed ? 1 : 0, `${length}`)
    t.is(aborted.length, isPassed ? 0 : 1)
    if (!isPassed) t.like(aborted, [{ code: 'protocol' }])
  }
})

test('R003-125 frames for no stream are bounded too, and those after a reset do no harm', (t) => {
  const { arrive, send, passed, aborted } = played()
  arrive(frame(UPDATE, SYN, 1, 0))
  send(frame(UPDATE, RST, 1, 0))
  arrive(frame(DATA, 0, 1, STREAM_FRAME_BYTES))
  t.deepEqual([passed(), aborted.length], [2, 0])
  arrive(frame(DATA, 0, 1, STREAM_FRAME_BYTES + 1))
  t.deepEqual([passed(), aborted.length], [2, 1])
})

test('R003-125 many frames that exceed the window together end the connection', (t) => {
  const { arrive, aborted } = played()
  arrive(frame(DATA, SYN, 1, 1000))
  for (let sent = 1000; sent + 1000 <= STREAM_UNASKED_BYTES; sent += 1000) {
    arrive(frame(DATA, 0, 1, 1000))
  }
  t.is(aborted.length, 0)
  arrive(frame(DATA, 0, 1, 1000))
  t.like(aborted, [{ code: 'protocol' }])
})

test('R003-123 the updates of the muxer are withheld, and flags pass', (t) => {
  const { windows, arrive, send, left } = played()
  arrive(frame(DATA, SYN, 1, 100_000))
  send(frame(UPDATE, ACK, 1, 100_000))
  t.deepEqual(left(), [{ type: UPDATE, flags: ACK, stream: 1, length: 0 }])
  send(frame(UPDATE, 0, 1, 4 * MIB))
  t.deepEqual(left(), [])
  windows.windowOf(1)!.bind('A', 0)
  t.deepEqual(left(), [{ type: UPDATE, flags: 0, stream: 1, length: 100_000 }])
  send(frame(DATA, 0, 1, 5))
  t.deepEqual(left(), [{ type: DATA, flags: 0, stream: 1, length: 5 }])
})

test('streams of both sides have windows, from their first frame to the last', (t) => {
  const { windows, arrive, send, left } = played()
  arrive(frame(UPDATE, SYN, 1, 0))
  send(frame(UPDATE, SYN, 2, 0))
  t.truthy(windows.windowOf(1))
  t.truthy(windows.windowOf(2))
  t.is(windows.windowOf(3), undefined)
  arrive(frame(UPDATE, FIN, 1, 0))
  t.truthy(windows.windowOf(1), 'this side may still send')
  send(frame(UPDATE, FIN, 1, 0))
  t.is(windows.windowOf(1), undefined)
  arrive(frame(UPDATE, RST, 2, 0))
  t.is(windows.windowOf(2), undefined)
  send(frame(PING, SYN, 0, 7))
  send(frame(UPDATE, 0, 9, 5))
  t.deepEqual(left().slice(-2), [
    { type: PING, flags: SYN, stream: 0, length: 7 },
    { type: UPDATE, flags: 0, stream: 9, length: 5 },
  ])
})

test('R003-124 the answer to a ping of the muxer tells how long the way is, so that windows grow', (t) => {
  const { windows, arrive, send, left, time, budget, close } = played()
  send(frame(PING, SYN, 0, 7))
  arrive(frame(PING, ACK, 0, 8))
  time.ms = 150
  arrive(frame(PING, ACK, 0, 7))
  arrive(frame(UPDATE, SYN, 1, 0))
  const window = windows.windowOf(1)!
  window.bind('A', 0)
  window.ask(500 * MIB)
  let credit = STREAM_UNASKED_BYTES
  for (let round = 0; round < 10; round++) {
    send(frame(UPDATE, 0, 1, 32 * MIB))
    credit += left().reduce((sum, { type, length }) => (type === UPDATE ? sum + length : sum), 0)
    time.ms += 150
    for (; credit >= MIB; credit -= MIB) {
      arrive(frame(DATA, 0, 1, MIB))
      window.taken(MIB)
    }
  }
  t.is(budget.usedBytes, 16 * MIB)
  close()
  t.is(budget.usedBytes, 0, 'a connection that closes returns what its streams had')
})

test('bytes of a frame that is not whole count as unread when a channel begins to read', (t) => {
  const { windows, arrive } = played()
  arrive(frame(DATA, SYN, 1, 5000).subarray(0, 100))
  t.is(windows.partialBytes(1), 5000)
  t.is(windows.partialBytes(3), 0)
  arrive(new Uint8Array(4912))
  t.is(windows.partialBytes(1), 0)
})
