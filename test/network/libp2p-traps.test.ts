/**
 * Where libp2p's packages differ from their documentation or from what one would expect. A test
 * fails when an upgrade fixes or breaks one: then src/network can become simpler, or must change.
 */
import { eventually } from '../eventually.ts'
import { performance } from 'node:perf_hooks'
import '../../src/network/polyfill.ts'
import type { StreamCloseEvent } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import type { Uint8ArrayList } from 'uint8arraylist'
import { FRAME_HEADER_BYTES, FRAME_TYPE, readHeader } from '../../src/network/yamux-frames.ts'
import { test } from '../serial.ts'
import { MIB, PROTOCOL, next, plain, settled, stopAll, streams, turns } from './plain-libp2p.ts'
import type { YamuxInit } from './plain-libp2p.ts'

test.afterEach.always(stopAll)

test('onDrain waits once per stream, and never again', async (t) => {
  const { here, there } = await streams()
  there.pause()
  let received = 0
  there.addEventListener('message', ({ data }) => (received += data.byteLength))
  const fill = (): number => {
    let bytes = 0
    while (here.send(new Uint8Array(65_536))) bytes += 65_536
    return bytes
  }
  fill()
  const first = here.onDrain()
  there.resume()
  await first
  there.pause()
  fill()
  t.true(here.writableNeedsDrain)
  const winner = await Promise.race([
    here.onDrain().then(() => 'onDrain'),
    turns(100).then(() => 'still waiting'),
  ])
  t.is(winner, 'onDrain', 'it was mended: Libp2pChannel may use it')
  t.true(here.writableNeedsDrain)
})

test('a drain event comes while most of a large write still waits', async (t) => {
  const { here, there } = await streams()
  there.addEventListener('message', () => {})
  t.false(here.send(new Uint8Array(8 * MIB)))
  await next(here, 'drain')
  t.true(here.writeBufferLength > MIB, `${here.writeBufferLength} bytes left`)
})

test('for await over a stream has no back-pressure', async (t) => {
  const { here, there } = await streams()
  let pieces = 0
  const reading = (async () => {
    for await (const _ of there) {
      pieces++
      await new Promise(() => {})
    }
  })()
  void reading
  const total = 32 * MIB
  for (let sent = 0; sent < total; sent += MIB) {
    if (here.send(new Uint8Array(MIB))) continue
    while (here.writeBufferLength > 0) await turns(1)
  }
  t.is(pieces, 1)
  t.is(here.writeBufferLength, 0, 'everything was taken from a reader that took one piece')
})

test('a pause resets the stream when its window has grown beyond its read buffer', async (t) => {
  // Windows grow by themselves, by default to 16 MiB; the read buffer stays at 4 MiB.
  const grown = { initialStreamWindowSize: 16 * MIB, maxStreamWindowSize: 16 * MIB }
  const { here, there } = await streams({ streamOptions: grown })
  t.is(there.maxReadBufferLength, 4 * MIB)
  const closed = next(there, 'close') as Promise<StreamCloseEvent>
  there.pause()
  here.send(new Uint8Array(8 * MIB))
  const event = await Promise.race([closed, turns(5000)])
  t.is(event instanceof Event ? event.error?.name : 'nothing happened', 'StreamBufferError')
})

test('yamux opens the window of any stream to the ceiling of all, whatever its protocol', async (t) => {
  // It grows for a reader that is quick beside the round trip: a busy machine may need more turns.
  let opened = 0
  for (let attempt = 0; attempt < 20 && opened <= 2 * MIB; attempt++) {
    const { here, there } = await streams({
      streamOptions: { maxStreamWindowSize: 4 * MIB, maxReadBufferLength: 64 * MIB },
    })
    let bytes = 0
    there.addEventListener('message', ({ data }) => void (bytes += data.byteLength))
    for (let i = 0; i < 32; i++) {
      here.send(new Uint8Array(MIB))
      while (here.writeBufferLength > 0) await turns(1)
    }
    await settled(() => bytes)
    there.pause()
    here.send(new Uint8Array(16 * MIB))
    opened = await settled(() => there.readBufferLength)
  }
  t.true(opened > 2 * MIB, 'far more than it began with')
})

test('yamux sends each frame by itself, its header first', async (t) => {
  const sent: Uint8Array[] = []
  const factory = yamux()()
  const events = new EventTarget()
  const log = Object.assign(() => {}, { error: () => {}, trace: () => {}, newScope: () => log })
  const connection = Object.assign(events, {
    log,
    direction: 'outbound',
    send: (data: Uint8Array | Uint8ArrayList) => sent.push(data.subarray()) > 0,
  })
  const muxer = factory.createStreamMuxer(connection as never)
  const stream = await muxer.createStream()
  await turns(0)
  t.is(stream.id, '1', 'the id of a stream is its number on the wire')
  stream.send(new Uint8Array(100_000))
  stream.send(new Uint8Array(5))
  for (const bytes of sent) {
    const { type, length } = readHeader(bytes)
    t.is(bytes.byteLength, FRAME_HEADER_BYTES + (type === FRAME_TYPE.data ? length : 0))
  }
  t.is(sent.filter((bytes) => readHeader(bytes).type === FRAME_TYPE.data).length, 2)
  t.true(
    sent.some((bytes) => readHeader(bytes).type === FRAME_TYPE.ping),
    'it measures the way at once',
  )
  muxer.abort(new Error('done'))
})

test('window options at the top level of yamux are ignored', async (t) => {
  const wide = { initialStreamWindowSize: 4 * MIB, maxStreamWindowSize: 4 * MIB }
  const unread = async (muxer: YamuxInit): Promise<number> => {
    const { here, there } = await streams(muxer)
    there.pause()
    here.send(new Uint8Array(8 * MIB))
    return settled(() => there.readBufferLength)
  }
  t.is(await unread({ ...wide } as YamuxInit), 256 * 1024)
  t.is(await unread({ streamOptions: { ...wide, maxReadBufferLength: 8 * MIB } }), 4 * MIB)
})

test('a stream over the limit of the peer is handed out as if it were open', async (t) => {
  const server = await plain(true)
  const client = await plain(false)
  await server.handle(PROTOCOL, () => {}, { maxInboundStreams: 2 })
  const connection = await client.dial(server.getMultiaddrs())
  const opened = await Promise.allSettled(
    Array.from({ length: 6 }, () => connection.newStream(PROTOCOL)),
  )
  t.true(opened.every(({ status }) => status === 'fulfilled'))
  const open = (): unknown[] =>
    opened.filter((one) => one.status === 'fulfilled' && one.value.status === 'open')
  await eventually(() => open().length === 2)
  await settled(() => open().length)
  t.is(open().length, 2)
})

test('a lost connection looks like the end of the stream', async (t) => {
  const { here, there, server } = await streams()
  const seen: string[] = []
  for (const name of ['end', 'remoteCloseWrite'] as const) {
    here.addEventListener(name, () => seen.push(name))
  }
  here.addEventListener('message', () => {})
  here.addEventListener('close', (event) =>
    seen.push(event.error === undefined ? 'close' : 'error'),
  )
  const arrived = new Promise((resolve) =>
    here.addEventListener('message', resolve, { once: true }),
  )
  there.send(new Uint8Array(10))
  await arrived
  await server.stop()
  await eventually(() => seen.includes('close') || seen.includes('error'))
  t.deepEqual(seen, ['end', 'close'], 'only remoteCloseWrite tells an end from a loss')
})

test('the end is signalled before bytes that negotiation left over', async (t) => {
  const server = await plain(true)
  const client = await plain(false)
  await server.handle(PROTOCOL, async (stream) => {
    stream.send(new Uint8Array(51))
    await stream.close()
  })
  const connection = await client.dial(server.getMultiaddrs())
  const seen: string[] = []
  for (let i = 0; i < 20; i++) {
    const stream = await connection.newStream(PROTOCOL)
    const { readBufferLength, readableEnded } = stream
    if (readBufferLength > 0) seen.push(readableEnded ? 'ended, with bytes' : 'open')
    stream.abort(new Error('done'))
  }
  t.true(seen.includes('ended, with bytes'), seen.join())
})

test('to pause inside a message that resume gives out does not hold the peer back', async (t) => {
  const options = { maxStreamWindowSize: 256 * 1024, maxReadBufferLength: 64 * MIB }
  const { here, there } = await streams({ streamOptions: options })
  there.addEventListener('message', () => there.pause())
  there.pause()
  here.send(new Uint8Array(8 * MIB))
  await turns(200)
  t.is(there.readBufferLength, 256 * 1024)
  there.resume()
  await turns(300)
  t.is(there.readStatus, 'paused')
  t.true(there.readBufferLength > MIB, `${there.readBufferLength} bytes, with a window of 256 KiB`)
})

test('connections have noDelay without being asked', async (t) => {
  const { here, there } = await streams()
  there.addEventListener('message', ({ data }) => there.send(data))
  const waits: number[] = []
  for (let i = 0; i < 30; i++) {
    const began = performance.now()
    const answered = new Promise((resolve) =>
      here.addEventListener('message', resolve, { once: true }),
    )
    here.send(new Uint8Array(100))
    await answered
    waits.push(performance.now() - began)
  }
  waits.sort((a, b) => a - b)
  t.true(waits[10]! < 35, `${waits[10]!} ms a round trip: with Nagle it is 40`)
})
