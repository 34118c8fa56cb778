import { test } from '../../serial.ts'
import { Key } from '../../../src/hash/key.ts'
import { HOLDINGS_PER_LOCAL, SWARM_BYTES } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { Cache } from '../../../src/node/cache/cache.ts'
import { Traffic } from '../../../src/node/calls/traffic.ts'
import { HolderWithdrawals } from '../../../src/node/swarm/holder-withdrawals.ts'
import { PeerSources } from '../../../src/node/swarm/peer-sources.ts'
import type { Message } from '../../../src/transfer/message.ts'
import { eventually } from '../../eventually.ts'
import { scripted } from '../../transfer/ends.ts'

test('R003-31: Global is told of a large value that is held no more, unless it is held again', async (t) => {
  const told: Message[] = []
  const network = {
    start: async () => undefined,
    disconnect: () => undefined,
    peerId: 'me',
    addresses: () => ['/ip4/10.0.0.1/tcp/1/p2p/me'],
    dial: () => Promise.reject(new Error('not dialled')),
    handle: () => Promise.resolve(),
    close: () => Promise.resolve(),
    open: async () => {
      const client = scripted(async (peer) => {
        for (let next = await peer.next(); next !== undefined; next = await peer.next()) {
          told.push(next)
          await peer.send({ type: 'holders', addresses: [] })
        }
      })
      return client.channel
    },
  }
  const parts = { traffic: new Traffic(), log: SILENT, onAway: () => undefined }
  const sources = new PeerSources({ network, globalPeer: 'G', ...parts })
  const cache: Cache = new Cache(64 << 20, (value) => withdrawals.add(value))
  const withdrawals = new HolderWithdrawals({
    isHeld: (key) => cache.peek(key) !== undefined,
    withdraw: (digest) => sources.leaveSwarm(digest),
  })
  const key = (byte: number): Key => new Key(new Uint8Array(32).fill(byte))
  const hold = (byte: number, size: number): void => {
    cache.admit(key(byte), size, 1, { start: 0, end: size })
  }
  hold(1, SWARM_BYTES)
  hold(2, SWARM_BYTES - 1)
  hold(3, SWARM_BYTES)
  hold(4, SWARM_BYTES)
  for (const byte of [1, 2, 3]) cache.evict(key(byte))
  cache.remove(key(4))
  hold(3, SWARM_BYTES)
  await eventually(() => told.length === 2)
  // Time for a withdrawal that should not come.
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.deepEqual(
    told,
    [1, 4].map((byte) => ({ type: 'join', digest: key(byte).digest, address: undefined }) as const),
  )
})

test('R003-31: withdrawals that Global is too slow for are bounded, the oldest dropped', async (t) => {
  const sent: string[] = []
  let next: () => void = () => undefined
  const withdrawals = new HolderWithdrawals({
    isHeld: () => false,
    withdraw: async (digest) => {
      sent.push(new Key(digest).toHex())
      await new Promise<void>((resolve) => (next = resolve))
    },
  })
  const keyOf = (i: number): Key => {
    const digest = new Uint8Array(32)
    new DataView(digest.buffer).setUint32(0, i)
    return new Key(digest)
  }
  const count = HOLDINGS_PER_LOCAL + 10
  for (let i = 0; i <= count; i++) withdrawals.add({ key: keyOf(i), size: SWARM_BYTES })
  while (sent.length <= HOLDINGS_PER_LOCAL) {
    next()
    await new Promise((resolve) => setImmediate(resolve))
  }
  next()
  await new Promise((resolve) => setImmediate(resolve))
  const kept = Array.from({ length: HOLDINGS_PER_LOCAL }, (_, i) => keyOf(i + 11).toHex())
  t.deepEqual(sent, [keyOf(0).toHex(), ...kept])
})
