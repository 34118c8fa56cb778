/** What a Local checks before it serves and keeps bytes, without a network. */
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { equal } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import { MIB, SEGMENT_BYTES } from '../../../src/limits.ts'
import { pattern } from '../../hash/sizes.ts'
import { fails, fetched, sample } from '../../transfer/ends.ts'
import { read } from '../nodes.ts'
import { FakeLocal } from './fake-local.ts'

const SMALL = sample(pattern(1000))
const LARGE = sample(pattern(3 * MIB + 5))
const WHOLE = { start: 0, end: LARGE.size }

/** A Local that holds all of a value. */
async function holding(t: ExecutionContext, value = LARGE): Promise<FakeLocal> {
  const fake = new FakeLocal(value)
  t.true(equal(await read(fake.local, fake.key), value.bytes))
  t.is((await fake.local.status()).cache?.values, 1)
  return fake
}

const asksFor = ({ digest, size }: typeof LARGE) => ({
  digest,
  size,
  ranges: [{ start: 0, end: size }],
})

test('R003-28: a Local gives a peer what it holds and may serve', async (t) => {
  const fake = await holding(t)
  const { bytes } = await fetched(await fake.opened(t), asksFor(LARGE))
  t.true(equal(bytes, LARGE.bytes))
})

for (const verdict of ['ask', 'stale', 'expired', 'refused'] as const) {
  test(`R004-26: a Local whose holdings are ${verdict} gives a peer what it gives a caller`, async (t) => {
    const fake = await holding(t)
    fake.verdict = verdict
    const before = fake.asked.length
    const caller = await read(fake.local, fake.key).then(
      () => (fake.asked.length > before ? 'asked Global' : 'served'),
      (error: DstoreError) => error.code,
    )
    const expected = {
      ask: 'asked Global',
      stale: 'served',
      expired: 'unreachable',
      refused: 'not-permitted',
    }
    t.is(caller, expected[verdict])
    const peer = fetched(await fake.opened(t), asksFor(LARGE))
    if (verdict === 'stale') t.true(equal((await peer).bytes, LARGE.bytes))
    else
      await fails(t, peer, verdict === 'ask' ? 'not-found' : (expected[verdict] as 'unreachable'))
  })
}

test('R004-26: a value that a reset left unconfirmed is served to no peer, and Global is asked for it', async (t) => {
  const fake = await holding(t)
  t.is(fake.held!.reset().length, 1)
  await fails(t, fetched(await fake.opened(t), asksFor(LARGE)), 'not-found')
  const before = fake.asked.length
  await read(fake.local, fake.key)
  t.true(fake.asked.length > before)
})

for (const end of ['remove', 'evict'] as const) {
  test(`R004-24: a value that leaves the cache (${end}) while a Local checks its freshness goes to no peer`, async (t) => {
    const fake = await holding(t)
    fake.onCheck = async () => {
      if (end === 'remove') fake.remove(5)
      else await fake.local.evict(fake.key)
    }
    const transfer = await fake.opened(t)
    await fails(t, fetched(transfer, asksFor(LARGE)), 'not-found')
    await fails(t, fetched(transfer, asksFor(LARGE)), 'not-found')
  })
}

/** Changes that end what a peer is being sent, with the error that it is told. */
const CUTS = {
  'R004-24: a removal': { code: 'removed', cut: async (fake: FakeLocal) => fake.remove(5) },
  'R004-50: an expired lease': {
    code: 'unreachable',
    cut: async (fake: FakeLocal) =>
      fake.held!.cut(new DstoreError('unreachable', 'the lease ran out')),
  },
  'promise 1: damage that a verification finds': {
    code: 'removed',
    cut: async (fake: FakeLocal) => {
      const pieces = (await fake.local.get(fake.key)).bytes[Symbol.asyncIterator]()
      const value: unknown = (await pieces.next()).value
      ;(value as Uint8Array)[0]! ^= 1
      for await (const _ of fake.local.verify());
    },
  },
} as const

for (const [what, { code, cut }] of Object.entries(CUTS)) {
  test(`${what} ends what a peer is being sent`, async (t) => {
    const fake = await holding(t, sample(pattern(12 * MIB)))
    const { digest, size } = fake.host.value
    const transfer = await fake.opened(t)
    await transfer.send({ type: 'fetch', digest, ranges: [{ start: 0, end: size }] })
    await transfer.expect('found')
    const piece = await transfer.expect('piece')
    await cut(fake)
    const rest = async (): Promise<void> => {
      for (let next = piece; ; next = await transfer.expect('piece')) {
        for await (const _ of transfer.raw(next));
      }
    }
    await fails(t, rest(), code)
  })
}

/** Changes that end a read of a fully cached value, with the error that they cause. */
const ENDS = {
  'R004-24: the value is removed': {
    code: 'removed',
    end: (fake: FakeLocal) => fake.remove(5),
  },
  'R004-24: after a reset, Global no longer has the value': {
    code: 'removed',
    end: (fake: FakeLocal) => {
      for (const digest of fake.held!.reset()) fake.held!.verified(digest, undefined)
    },
  },
  'R004-50: the lease expires, as the link says': {
    code: 'unreachable',
    end: (fake: FakeLocal) => fake.held!.cut(new DstoreError('unreachable', 'the lease ran out')),
  },
  'R004-50: the lease expires, as the clock says': {
    code: 'unreachable',
    end: (fake: FakeLocal) => void (fake.isLeaseOver = true),
  },
} as const

for (const [what, { code, end }] of Object.entries(ENDS)) {
  test(`${what}: a reader of a cached value of several segments is told before the next one`, async (t) => {
    const fake = await holding(t)
    const pieces = (await fake.local.get(fake.key)).bytes[Symbol.asyncIterator]()
    const first = await pieces.next()
    t.is((first.value as Uint8Array).byteLength, SEGMENT_BYTES)
    end(fake)
    await fails(t, pieces.next(), code)
    t.true((await pieces.next()).done)
  })
}

test('R004-15: a removal that is older than the cached value ends neither it nor its readers', async (t) => {
  const fake = await holding(t)
  fake.state({ size: LARGE.size, incarnation: 7 })
  await fake.local.evict(fake.key)
  await read(fake.local, fake.key)
  const pieces = (await fake.local.get(fake.key)).bytes[Symbol.asyncIterator]()
  await pieces.next()
  fake.held!.apply([{ digest: LARGE.digest, seq: 7 }], [])
  t.is((await pieces.next()).done, false)
  t.is((await fake.local.status()).cache?.values, 1)
  fake.held!.apply([{ digest: LARGE.digest, seq: 8 }], [])
  await fails(t, pieces.next(), 'removed')
  t.is((await fake.local.status()).cache?.values, 0)
})

test('promise 1: inline bytes that are not the value are neither given nor kept', async (t) => {
  const fake = new FakeLocal(SMALL)
  fake.state({ size: SMALL.size, value: SMALL.bytes.map((byte, i) => byte ^ (i === 999 ? 1 : 0)) })
  await fails(t, read(fake.local, fake.key), 'integrity')
  t.is((await fake.local.status()).cache?.values, 0)
  fake.state({ size: SMALL.size, value: SMALL.bytes })
  t.true(equal(await read(fake.local, fake.key), SMALL.bytes))
  t.is((await fake.local.status()).cache?.values, 1)
})

test('a range of a value that passes through is that range, to the byte', async (t) => {
  const fake = new FakeLocal(LARGE, MIB)
  for (const range of [WHOLE, { start: 1, end: 2 }, { start: MIB - 1, end: 2 * MIB + 1 }]) {
    const bytes = await read(fake.local, fake.key, { range })
    t.true(equal(bytes, LARGE.bytes.subarray(range.start, range.end)))
  }
  t.is((await fake.local.status()).cache?.values, 0)
})

for (const [what, { code, end }] of Object.entries(ENDS)) {
  test(`${what}: a reader of a value that passes through is told before the next piece`, async (t) => {
    const fake = new FakeLocal(LARGE, MIB)
    const pieces = (await fake.local.get(fake.key)).bytes[Symbol.asyncIterator]()
    await pieces.next()
    end(fake)
    await fails(t, pieces.next(), code)
  })
}
