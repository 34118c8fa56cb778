import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { HOLDERS, KNOWN_ADDRESSES } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { Traffic } from '../../../src/node/calls/traffic.ts'
import { PeerSources } from '../../../src/node/swarm/peer-sources.ts'
import { pattern } from '../../hash/sizes.ts'
import { TestHost, sample, scripted, served } from '../../transfer/ends.ts'

const { signal } = new AbortController()
const DIGEST = new Uint8Array(32)

/** Sources whose Global names these holders, a page at each join; and whom they open and dial. */
function sourcesOf(pages: (readonly string[])[]): { sources: PeerSources; reached: string[] } {
  const reached: string[] = []
  const gone = (): never => {
    throw new DstoreError('unreachable', 'no such peer')
  }
  const network = {
    peerId: 'me',
    start: async () => undefined,
    addresses: () => [],
    dial: async (address: string) => {
      reached.push(`dial ${address}`)
      return gone()
    },
    open: async (peer: string) => {
      if (peer !== 'G') {
        reached.push(`open ${peer}`)
        return gone()
      }
      const client = scripted(async (global) => {
        for (let next = await global.next(); next !== undefined; next = await global.next()) {
          await global.send({ type: 'holders', addresses: pages.shift() ?? [] })
        }
      })
      return client.channel
    },
    handle: async () => undefined,
    disconnect: () => undefined,
    close: async () => undefined,
  }
  const parts = { traffic: new Traffic(), log: SILENT, onAway: () => undefined }
  return { sources: new PeerSources({ network, globalPeer: 'G', ...parts }), reached }
}

async function reach(sources: PeerSources, peer: string): Promise<void> {
  const request = { digest: DIGEST, size: 0, ranges: [] }
  for await (const _ of sources.fetch(peer, request, signal));
}

test('R003-29: of the holders that Global names, a Local fetches from others only', async (t) => {
  const named = ['a', 'me', 'G', 'b'].map((peer) => `/ip4/10.0.0.1/tcp/1/p2p/${peer}`)
  const { sources, reached } = sourcesOf([[...named, 'no address at all']])
  t.deepEqual(await sources.joinSwarm(DIGEST, signal), ['a', 'b'])
  await t.throwsAsync(reach(sources, 'a'), { code: 'unreachable' })
  t.deepEqual(reached, [`dial ${named[0]}`])
})

test('R003-29: a Local remembers a bounded number of addresses, the latest', async (t) => {
  const addresses = Array.from(
    { length: KNOWN_ADDRESSES + 1 },
    (_, i) => `/ip4/10.0.0.1/tcp/1/p2p/peer${i}`,
  )
  const pages: string[][] = []
  for (let at = 0; at < addresses.length; at += HOLDERS) {
    pages.push(addresses.slice(at, at + HOLDERS))
  }
  const { sources, reached } = sourcesOf([...pages])
  for (const _ of pages) await sources.joinSwarm(DIGEST, signal)
  await t.throwsAsync(reach(sources, 'peer0'), { code: 'unreachable' })
  await t.throwsAsync(reach(sources, 'peer1'), { code: 'unreachable' })
  t.deepEqual(reached, ['open peer0', `dial ${addresses[1]}`])
})

test('R003-129: bytes from Global move all reads of a Local, those from another Local none', async (t) => {
  const value = sample(pattern(40_000))
  const network = {
    peerId: 'me',
    start: async () => undefined,
    addresses: () => [],
    dial: () => Promise.reject(new Error('no address is known')),
    open: async () => served(new TestHost(value)).client.channel,
    handle: async () => undefined,
    disconnect: () => undefined,
    close: async () => undefined,
  }
  const parts = { traffic: new Traffic(), log: SILENT, onAway: () => undefined }
  const sources = new PeerSources({ network, globalPeer: 'G', ...parts })
  const { digest, size } = value
  const read = async (peer: string): Promise<void> => {
    const ranges = [{ start: 0, end: size }]
    for await (const _ of sources.fetch(peer, { digest, size, ranges }, signal));
  }
  await read('a')
  t.is(sources.globalMovedAt, -Infinity)
  const before = performance.now()
  await read('G')
  t.true(sources.globalMovedAt >= before)
})
