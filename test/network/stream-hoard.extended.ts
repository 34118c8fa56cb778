/** A peer that fills every window that it can get, at a node in another process that reads none. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { test } from '../serial.ts'
import { eventually } from '../eventually.ts'
import {
  CONNECTION_UNASKED_BYTES,
  MIB,
  PEER_WINDOWS_BYTES,
  STREAMS_PER_PROTOCOL,
  STREAM_UNASKED_BYTES,
} from '../../src/limits.ts'
import { newIdentity } from '../../src/network/identity.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { settled } from './plain-libp2p.ts'
import { PROTOCOL } from './stream-hoard.ts'

const SCRIPT = fileURLToPath(new URL('stream-hoard.js', import.meta.url))

/** What streams and their objects cost beside the bytes, and what sockets still hold. */
const BESIDE_BYTES = 16 * MIB

interface Report {
  readonly bytes: number
  readonly streams: number
}

interface Hoard {
  readonly node: ChildProcess
  readonly channels: readonly Channel[]
  /** Bytes that were written. */
  readonly sent: () => number
}

/** Fills that many streams, with pieces of this size; fewer if the node hangs up meanwhile. */
async function hoard(
  t: ExecutionContext,
  mode: string,
  { pieceBytes, streams }: { readonly pieceBytes: number; readonly streams: number },
): Promise<Hoard> {
  const node = fork(SCRIPT, [mode], { execArgv: ['--expose-gc'] })
  t.teardown(() => node.kill())
  const [{ address }] = (await once(node, 'message')) as [{ address: string }]
  const network = await createNetwork({ identity: await newIdentity() })
  t.teardown(() => network.close())
  const piece = new Uint8Array(pieceBytes)
  const channels = [await network.dial(address, PROTOCOL)]
  const [first] = channels
  let sent = 0
  const fill = async (channel: Channel): Promise<void> => {
    for (;;) {
      await channel.write(piece)
      sent += pieceBytes
    }
  }
  fill(first!).catch(() => undefined)
  while (channels.length < streams && !first!.signal.aborted) {
    const next = await network.open(first!.peer, PROTOCOL).catch(() => undefined)
    if (next === undefined) break
    channels.push(next)
    fill(next).catch(() => undefined)
  }
  return { node, channels, sent: () => sent }
}

async function reported({ node }: Hoard): Promise<Report> {
  node.send('report')
  const [report] = (await once(node, 'message')) as [Report]
  return report
}

/** The same, and what it comes to at the node once nothing more can be sent. */
async function held(
  t: ExecutionContext,
  mode: string,
  options: { readonly pieceBytes: number; readonly streams: number },
): Promise<Report> {
  const filled = await hoard(t, mode, options)
  await settled(filled.sent)
  const report = await reported(filled)
  t.is(report.streams, options.streams)
  t.log(`${(filled.sent() / MIB).toFixed(1)} MiB sent, ${(report.bytes / MIB).toFixed(1)} MiB held`)
  return report
}

/** As many full windows as one connection may have. */
const FULL = CONNECTION_UNASKED_BYTES / STREAM_UNASKED_BYTES

test('R003-123 streams that nothing was asked on hold one small window each', async (t) => {
  const { bytes } = await held(t, 'unasked', { pieceBytes: 64 * 1024, streams: FULL })
  t.true(bytes > CONNECTION_UNASKED_BYTES / 2, 'the windows were filled')
  t.true(bytes < CONNECTION_UNASKED_BYTES + BESIDE_BYTES, `${bytes}`)
})

test('R003-124 streams that much was asked on share a budget', async (t) => {
  const streams = STREAMS_PER_PROTOCOL
  const { bytes } = await held(t, 'asked', { pieceBytes: 256 * 1024, streams })
  const small = streams * STREAM_UNASKED_BYTES
  t.true(bytes > small + PEER_WINDOWS_BYTES / 2, 'the windows were wider')
  t.true(bytes < small + PEER_WINDOWS_BYTES + 2 * BESIDE_BYTES, `${bytes}`)
})

test('R003-123 tiny pieces cost no more than large ones', async (t) => {
  const { bytes } = await held(t, 'unasked', { pieceBytes: 100, streams: FULL })
  t.true(bytes < CONNECTION_UNASKED_BYTES + BESIDE_BYTES, `${bytes}`)
})

test('R003-136 a peer that fills more streams than its connection may hold is disconnected', async (t) => {
  const filled = await hoard(t, 'unasked', { pieceBytes: 64 * 1024, streams: 4 * FULL })
  await eventually(() => filled.channels.every(({ signal }) => signal.aborted))
  const { bytes } = await reported(filled)
  t.true(bytes < CONNECTION_UNASKED_BYTES + BESIDE_BYTES, `${bytes}`)
})
