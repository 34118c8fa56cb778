/** A peer that fills every window that it can get, at a node in another process that reads none. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { test } from '../serial.ts'
import {
  MIB,
  PEER_WINDOWS_BYTES,
  STREAMS_PER_PROTOCOL,
  STREAM_UNASKED_BYTES,
} from '../../src/limits.ts'
import { newIdentity } from '../../src/network/identity.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import { settled } from './plain-libp2p.ts'
import { PROTOCOL } from './stream-hoard.ts'

const SCRIPT = fileURLToPath(new URL('stream-hoard.js', import.meta.url))

/** What streams and their objects cost beside the bytes, and what sockets still hold. */
const BESIDE_BYTES = 32 * MIB

interface Report {
  readonly bytes: number
  readonly streams: number
}

/** Fills as many streams as a peer may open, with pieces of this size. */
async function hoarded(t: ExecutionContext, mode: string, pieceBytes: number): Promise<Report> {
  const node = fork(SCRIPT, [mode], { execArgv: ['--expose-gc'] })
  t.teardown(() => node.kill())
  const [{ address }] = (await once(node, 'message')) as [{ address: string }]
  const network = await createNetwork({ identity: await newIdentity() })
  t.teardown(() => network.close())
  const piece = new Uint8Array(pieceBytes)
  let sent = 0
  for (let i = 0; i < STREAMS_PER_PROTOCOL; i++) {
    const channel = await network.dial(address, PROTOCOL)
    void (async () => {
      for (;;) {
        await channel.write(piece)
        sent += pieceBytes
      }
    })().catch(() => undefined)
  }
  await settled(() => sent)
  node.send('report')
  const [report] = (await once(node, 'message')) as [Report]
  t.is(report.streams, STREAMS_PER_PROTOCOL)
  t.log(`${(sent / MIB).toFixed(1)} MiB sent, ${(report.bytes / MIB).toFixed(1)} MiB held`)
  return report
}

const UNASKED = STREAMS_PER_PROTOCOL * STREAM_UNASKED_BYTES

test('R003-123 streams that nothing was asked on hold one small window each', async (t) => {
  const { bytes } = await hoarded(t, 'unasked', 64 * 1024)
  t.true(bytes > UNASKED / 2, 'the windows were filled')
  t.true(bytes < UNASKED + BESIDE_BYTES, `${bytes}`)
})

test('R003-124 streams that much was asked on share a budget', async (t) => {
  const { bytes } = await hoarded(t, 'asked', 256 * 1024)
  t.true(bytes > UNASKED + PEER_WINDOWS_BYTES / 2, 'the windows were wider')
  t.true(bytes < UNASKED + PEER_WINDOWS_BYTES + BESIDE_BYTES, `${bytes}`)
})

test('R003-123 tiny pieces cost no more than large ones', async (t) => {
  const { bytes } = await hoarded(t, 'unasked', 100)
  t.true(bytes < UNASKED + BESIDE_BYTES, `${bytes}`)
})
