import { test } from '../../serial.ts'
import { concat, equal } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import { Key } from '../../../src/hash/key.ts'
import { BROKEN_TRANSFER_MS, GROUP_BYTES } from '../../../src/limits.ts'
import { Cache } from '../../../src/node/cache/cache.ts'
import { Fetcher } from '../../../src/node/swarm/fetcher.ts'
import { PeerSources, type Sources } from '../../../src/node/swarm/peer-sources.ts'
import { SILENT } from '../../../src/log.ts'
import { Traffic } from '../../../src/node/calls/traffic.ts'
import { pattern } from '../../hash/sizes.ts'
import { TestHost, fails, sample, served } from '../../transfer/ends.ts'

const VALUE = sample(pattern(40 * GROUP_BYTES + 1))

/** Fetches from a Global whose links break after this many bytes, and this many milliseconds. */
function fetcherOf(
  cutAfterBytes: number,
  afterMs = 0,
): {
  readonly fetcher: Fetcher
  readonly opened: number[]
} {
  const opened: number[] = []
  let nowMs = 0
  const refuse = () => Promise.reject(new TypeError('not part of this test'))
  const network = {
    peerId: 'me',
    addresses: () => [],
    dial: refuse,
    handle: refuse,
    close: refuse,
    start: async () => undefined,
    disconnect: () => undefined,
    open: async () => {
      opened.push(opened.length)
      nowMs += afterMs
      return served(new TestHost(VALUE), { cutAfterBytes }).client.channel
    },
  }
  const parts = { traffic: new Traffic(), log: SILENT, onAway: () => undefined }
  const sources = new PeerSources({ network, globalPeer: 'G', ...parts })
  const cache = new Cache(1 << 20)
  return { opened, fetcher: new Fetcher({ sources, cache, now: () => nowMs }) }
}

async function passed(
  fetcher: Fetcher,
  range: { start: number; end: number },
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  const { signal } = new AbortController()
  const bytes = fetcher.pass(new Key(VALUE.digest), VALUE.size, range, signal)
  for await (const part of bytes) parts.push(new Uint8Array(part))
  return concat(parts)
}

test('R003-12: a value that passes is taken up where its transfer broke off, as often as it does', async (t) => {
  const { fetcher, opened } = fetcherOf(5 * GROUP_BYTES)
  for (const range of [
    { start: 0, end: VALUE.size },
    { start: 70_000, end: 600_000 },
  ]) {
    const bytes = await passed(fetcher, range)
    t.true(equal(bytes, VALUE.bytes.subarray(range.start, range.end)))
  }
  t.true(opened.length > 10)
})

test('a failure after the last byte of a range does not fail the read', async (t) => {
  const whole = { start: 0, end: VALUE.size }
  const sources: Sources = {
    globalMovedAt: -Infinity,
    self: 'me',
    global: 'G',
    joinSwarm: async () => [],
    report: () => undefined,
    async *fetch() {
      yield { start: 0, bytes: VALUE.bytes, isWhole: true, pairs: [] }
      throw new DstoreError('protocol', 'one message too many')
    },
  }
  const fetcher = new Fetcher({ sources, cache: new Cache(1 << 20) })
  t.true(equal(await passed(fetcher, whole), VALUE.bytes))
})

test('R003-46: a link that carries nothing is given up after a while', async (t) => {
  const { fetcher, opened } = fetcherOf(1, BROKEN_TRANSFER_MS / 4)
  await fails(t, passed(fetcher, { start: 0, end: VALUE.size }), 'unreachable')
  t.is(opened.length, 4)
})
