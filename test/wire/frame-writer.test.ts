import { eventually } from '../eventually.ts'
import { test } from '../serial.ts'
import { DstoreError } from '../../src/errors.ts'
import { FRAME_QUEUE_BYTES } from '../../src/limits.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { FrameWriter, FRAME_WRITE_BYTES } from '../../src/wire/frame-writer.ts'
import { FrameReader } from '../../src/wire/frames.ts'
import { channelPair } from './memory-pair.ts'
import { pattern, readAll, same } from './channel-tools.ts'
import { LIMIT } from './arriving.ts'

test('a broken channel breaks its reader and its writer with the reason', async (t) => {
  const [a, b] = channelPair()
  const reader = new FrameReader(a, { maxBytes: LIMIT })
  const writer = new FrameWriter(a)
  const full = t.throwsAsync(async () => {
    for (;;) await writer.send(pattern(100_000, 0))
  })
  const flushing = (async () => {
    await new Promise((resolve) => setImmediate(resolve))
    await writer.flush()
  })()
  const reading = reader.next()
  const reason = new DstoreError('not-permitted', 'go away')
  setTimeout(() => a.abort(reason), 20)
  await t.throwsAsync(reading, { is: reason })
  await t.throwsAsync(flushing, { is: reason })
  t.is(await full, reason)
  await t.throwsAsync(writer.send(pattern(1, 0)), { is: reason })
  await t.throwsAsync(writer.end(), { is: reason })
  t.is(writer.queuedBytes, 0)
  t.true(b.signal.aborted)
})

test('a single frame goes out at once, those of one turn together', async (t) => {
  const writes: number[] = []
  const [a, b] = channelPair()
  const writer = new FrameWriter(counting(a, writes))
  const received = readAll(b)
  void writer.send(pattern(10, 0))
  t.deepEqual(writes, [11])
  for (let i = 0; i < 50; i++) await writer.send(pattern(99, i))
  await writer.flush()
  t.deepEqual(writes, [11, 5000])
  await writer.end()
  t.is((await received).byteLength, 5011)
})

test('parts of one turn go out together, up to the size of one write', async (t) => {
  const writes: number[] = []
  const [a, b] = channelPair()
  const writer = new FrameWriter(counting(a, writes))
  const received = readAll(b)
  void writer.raw(pattern(1, 0))
  const fits = FRAME_WRITE_BYTES - 230_000
  for (const length of [200_000, 30_000, fits, 1, FRAME_WRITE_BYTES + 5, 1]) {
    void writer.raw(pattern(length, 0), pattern(1, 0).subarray(1))
  }
  await writer.end()
  t.deepEqual(writes, [1, FRAME_WRITE_BYTES, 1, FRAME_WRITE_BYTES + 5, 1])
  await received
})

test('a reader that does not read makes senders wait, with a bounded queue', async (t) => {
  const [a, b] = channelPair({ bufferBytes: 1000 })
  const writer = new FrameWriter(a)
  const frame = pattern(50_000, 1)
  let sent = 0
  const sending = (async () => {
    for (; sent < 100; sent++) await writer.send(frame)
    await writer.end()
  })()
  await eventually(() => writer.queuedBytes > 0)
  // Time for a frame that should not be sent.
  await new Promise((resolve) => setTimeout(resolve, 30))
  t.true(sent * frame.byteLength < FRAME_QUEUE_BYTES + 200_000, `${sent} frames unread`)
  t.true(writer.queuedBytes <= FRAME_QUEUE_BYTES + frame.byteLength + 4)
  const reader = new FrameReader(b, { maxBytes: LIMIT })
  for (let i = 0; i < 100; i++) same(t, (await reader.next())!, frame)
  t.is(await reader.next(), undefined)
  await sending
})

test('a write after the end rejects the next call', async (t) => {
  const [a] = channelPair()
  const writer = new FrameWriter(a)
  await a.end()
  await writer.send(pattern(1, 0))
  await t.throwsAsync(writer.flush(), { instanceOf: TypeError })
  await t.throwsAsync(writer.send(pattern(1, 0)), { instanceOf: TypeError })
})

function counting(channel: Channel, writes: number[]): Channel {
  return {
    peer: channel.peer,
    signal: channel.signal,
    read: () => channel.read(),
    fill: (target, filled) => channel.fill(target, filled),
    write: (bytes) => {
      const parts = bytes instanceof Uint8Array ? [bytes] : bytes
      writes.push(parts.reduce((sum, { byteLength }) => sum + byteLength, 0))
      return channel.write(bytes)
    },
    flush: () => channel.flush(),
    end: () => channel.end(),
    abort: (reason) => channel.abort(reason),
  }
}
