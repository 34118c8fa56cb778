/**
 * What a Local gives to a peer lies in its cache until the channel has taken it, whatever channel
 * that is.
 */
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { Key } from '../../../src/hash/key.ts'
import { DIRECT_BYTES, MIB, PIECE_BYTES, PROOF_BYTES } from '../../../src/limits.ts'
import { Cache } from '../../../src/node/cache/cache.ts'
import type { CachedValue } from '../../../src/node/cache/cached-value.ts'
import { servedFromCache } from '../../../src/node/cache/served-value.ts'
import { newIdentity } from '../../../src/network/identity.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import { SegmentPool } from '../../../src/node/cache/segment-pool.ts'
import { SharedBudget } from '../../../src/transfer/shared-budget.ts'
import { fetchPieces } from '../../../src/transfer/fetch.ts'
import { TransferChannel } from '../../../src/transfer/transfer-channel.ts'
import { serveTransfer } from '../../../src/transfer/serve.ts'
import type { Channel } from '../../../src/wire/channel.ts'
import { eventually } from '../../eventually.ts'
import { channelPair } from '../../wire/memory-pair.ts'
import { Relay } from '../../e2e/relay.ts'
import { sample, type Sample } from '../../transfer/ends.ts'
import { LOOPBACK, closeAll, closing, connected, site } from '../../network/lane/lane-site.ts'
import { isPartOf, painted } from '../painted.ts'
import { POOLED_VALUE_BYTES } from '../../../src/node/cache/cached-value.ts'

const VALUE = sample(painted(POOLED_VALUE_BYTES + 54_321, 1))
const OTHER = sample(painted(VALUE.size, 2))

/** The ends of a channel: who asks, and who gives. */
type Ends = readonly [asker: Channel, giver: Channel]

const WAYS: Readonly<Record<string, () => Promise<Ends>>> = {
  'in one process': async () => channelPair(),
  'over Noise': async () => {
    const { server, client } = await connected()
    const accepted = new Promise<Channel>(
      (resolve) => void server.handle('/dstore/give/1', resolve),
    )
    const asker = await client.open(server.peerId, '/dstore/give/1')
    return [asker, await accepted]
  },
  'over Noise, to whom was dialed': async () => {
    const { server, client } = await connected()
    const accepted = new Promise<Channel>(
      (resolve) => void server.handle('/dstore/give/1', resolve),
    )
    const giver = await client.open(server.peerId, '/dstore/give/1')
    return [await accepted, giver]
  },
  'by lane': async () => {
    const { dialer, server, taken } = await site()
    const asker = await dialer.open(server.peerId)
    await eventually(() => taken.length === 1)
    return [asker!, taken[0]!]
  },
  'by lane, to whom was dialed': async () => {
    const { dialer, server, taken } = await site()
    const giver = await dialer.open(server.peerId)
    await eventually(() => taken.length === 1)
    return [taken[0]!, giver!]
  },
}

function hold(cache: Cache, { bytes, outboard, digest, size }: Sample): CachedValue {
  const value = cache.admit(new Key(digest), size, 1, { start: 0, end: size })!
  value.outboard.set(outboard)
  value.write(0, bytes)
  cache.settle(value)
  return value
}

/** A giver with one value in its cache. */
class Giver {
  readonly pool: SegmentPool = new SegmentPool()
  readonly cache: Cache = new Cache(16 * MIB, undefined, this.pool)
  readonly value: CachedValue
  released = 0
  /** As soon as the value is not read any more, its memory is another's. */
  isHasty = true
  readonly #patienceMs: number

  constructor(patienceMs = 60_000) {
    this.value = hold(this.cache, VALUE)
    this.#patienceMs = patienceMs
  }

  /** Give what is asked for on this channel; how that ended, undefined for well. */
  give(channel: Channel): Promise<DstoreError | undefined> {
    const host = {
      allowance: new SharedBudget(64 * MIB, 64 * MIB),
      patienceMs: this.#patienceMs,
      traffic: { sent: () => undefined, received: () => undefined },
      open: async () => {
        if (this.cache.peek(this.value.key) !== this.value) return undefined
        const release = this.value.use()
        return servedFromCache(this.value, this.value.dropped, (stillReferenced) => {
          release(stillReferenced)
          this.released++
          if (!this.value.inUse && this.isHasty) this.reuse()
        })
      },
    }
    return serveTransfer(new TransferChannel(channel), host).then(
      () => undefined,
      (error: unknown) => error as DstoreError,
    )
  }

  /** The value is found no more, and another is held where it was. */
  reuse(): CachedValue {
    this.cache.evict(this.value.key)
    const other = hold(this.cache, OTHER)
    if (this.pool.bytes !== 5 * MIB) throw new Error('more memory was taken')
    return other
  }
}

function memoryOf(value: CachedValue): Set<ArrayBufferLike> {
  const memory = new Set<ArrayBufferLike>()
  for (let start = 0; start < value.size; start += PIECE_BYTES) {
    memory.add(value.view({ start, end: value.size })!.buffer)
  }
  return memory
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Fetch a range; the first piece of it that was given wrong, or how much came. */
async function fetch(
  transfer: TransferChannel,
  start: number,
  end: number,
  pauseMs = 0,
): Promise<number | string> {
  const { digest, size } = VALUE
  let got = 0
  for await (const run of fetchPieces(transfer, { digest, size, ranges: [{ start, end }] })) {
    if (!isPartOf(VALUE.bytes, run.start, run.bytes)) return `wrong at ${run.start}`
    got += run.bytes.byteLength
    await sleep(pauseMs)
  }
  return got
}

test.afterEach.always(closeAll)

for (const [way, open] of Object.entries(WAYS)) {
  test(`what is given is right, and its memory is used again once it went, ${way}`, async (t) => {
    const ranges = [
      [0, VALUE.size],
      // A piece that is copied before it is sent, and one that is sent from where it lies.
      [MIB, MIB + DIRECT_BYTES / 2],
      [2 * PIECE_BYTES, 3 * PIECE_BYTES],
      [4 * PIECE_BYTES, VALUE.size],
    ] as const
    for (const [start, end] of ranges) {
      for (const isSlow of [false, true]) {
        const [asker, channel] = await open()
        const giver = new Giver()
        const ended = giver.give(channel)
        const transfer = new TransferChannel(asker)
        const fetching = fetch(transfer, start, end, isSlow ? 5 : 0)
        t.is(await fetching, end - start)
        await eventually(() => giver.released === 1)
        t.false(giver.value.inUse)
        t.is(giver.value.memoryBytes, 0)
        asker.abort(new DstoreError('cancelled', 'enough'))
        await ended
      }
    }
  })

  test(`whoever hangs up, takes nothing, or is cut off lets go of the memory, ${way}`, async (t) => {
    const { digest, size } = VALUE
    const all = { digest, ranges: [{ start: 0, end: size }] } as const
    const endings: Readonly<Record<string, (giver: Giver, asker: TransferChannel) => unknown>> = {
      unreachable: (_, { channel }) => channel.abort(new DstoreError('cancelled', 'enough')),
      removed: ({ cache, value }) => cache.remove(value.key),
      timeout: () => undefined,
    }
    for (const [code, end] of Object.entries(endings)) {
      const [asker, channel] = await open()
      const giver = new Giver(code === 'timeout' ? 200 : 60_000)
      giver.isHasty = false
      const ended = giver.give(channel)
      const transfer = new TransferChannel(asker)
      // More than the buffers of any channel hold, asked for at once.
      for (let i = 0; i < 8; i++) await transfer.send({ type: 'fetch', ...all })
      await transfer.expect('found')
      const memory = memoryOf(giver.value)
      end(giver, transfer)
      if (code === 'removed') await t.throwsAsync(drain(transfer), { code })
      t.is((await ended)?.code, code as DstoreError['code'])
      t.true(giver.released > 0)
      t.false(giver.value.inUse)
      const other = memoryOf(giver.reuse())
      t.is(giver.value.memoryBytes, 0)
      t.is(giver.pool.bytes, 5 * MIB, 'no more than the other value holds')
      // Whom the giver itself drops may still be sent what the connection holds.
      t.is([...other].filter((one) => memory.has(one)).length, code === 'timeout' ? 0 : 5)
      asker.abort(new DstoreError('cancelled', 'enough'))
    }
  })
}

/** Take what comes until it fails. */
async function drain(transfer: TransferChannel): Promise<void> {
  const room = new Uint8Array(PIECE_BYTES + PROOF_BYTES)
  for (;;) {
    const message = await transfer.next()
    if (message === undefined) return
    if (message.type === 'failure') throw new DstoreError(message.code, message.message)
    if (message.type !== 'piece') continue
    for (let left = message.length; left > 0;) left -= await transfer.fill(room.subarray(0, left))
  }
}

test('memory that is given to several at once is used again after the last of them', async (t) => {
  const giver = new Giver()
  const { value } = giver
  const askers = await Promise.all(
    ['over Noise', 'by lane', 'in one process'].map(async (way) => {
      const [asker, channel] = await WAYS[way]!()
      void giver.give(channel)
      return new TransferChannel(asker)
    }),
  )
  for (const { channel } of askers) t.false(channel.signal.aborted)
  const fetches = askers.map((asker, i) => fetch(asker, 0, VALUE.size, 5 * i))
  await eventually(() => value.inUse)
  giver.cache.evict(value.key)
  t.deepEqual(await Promise.all(fetches), [VALUE.size, VALUE.size, VALUE.size])
  await eventually(() => giver.released === 3)
  t.is(value.memoryBytes, 0)
  t.is(giver.pool.bytes, 5 * MIB)
})

test('what a connection still holds when its askers are dropped is sent as it was', async (t) => {
  const PROTOCOL = '/dstore/give/1'
  const server = await createNetwork({ identity: await newIdentity(), listen: [LOOPBACK] })
  const client = await createNetwork({ identity: await newIdentity() })
  closing.push(
    () => server.close(),
    () => client.close(),
  )
  const relay = await Relay.before(t, server.addresses()[0]!)
  // Long enough for a machine that has much else to do: nobody is to be dropped before the
  // network holds it back.
  const giver = new Giver(3000)
  giver.isHasty = false
  await server.handle(PROTOCOL, (channel) => void giver.give(channel))
  let gotBytes = 0
  const ask = async (channel: Channel): Promise<void> => {
    const transfer = new TransferChannel(channel)
    const { digest, size } = VALUE
    const ranges = [{ start: 0, end: size }]
    // Again and again, until the giver gives no more.
    for (;;) {
      for await (const { bytes } of fetchPieces(transfer, { digest, size, ranges })) {
        gotBytes += bytes.byteLength
      }
    }
  }
  const channels = [await client.dial(relay.address, PROTOCOL)]
  while (channels.length < 12) channels.push(await client.open(server.peerId, PROTOCOL))
  const asking = channels.map(async (channel) =>
    ask(channel).catch((error: unknown) => (error as DstoreError).code),
  )
  await eventually(() => gotBytes > 16 * MIB)
  relay.hold('down')
  await eventually(() => !giver.value.inUse)
  giver.reuse()
  relay.heal()
  for (const code of await Promise.all(asking)) {
    t.true(code === 'unreachable' || code === 'not-found', String(code))
  }
})
