/** When a Local takes room in its cache: not before bytes are about to arrive. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../../src/errors.ts'
import { KIB } from '../../../src/limits.ts'
import type { CacheStatus, Node } from '../../../src/node/node.ts'
import { Key } from '../../../src/hash/key.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { sameBytes } from '../../same-bytes.ts'
import { TestHost, fails, sample, served } from '../../transfer/ends.ts'
import { Nodes, once, read } from '../nodes.ts'
import { FakeLocal } from './fake-local.ts'

const BYTES = { a: pattern(300 * KIB), b: pattern(300 * KIB + 1), c: pattern(300 * KIB + 2) }
const CACHE_BYTES = 512 * KIB

type Keys = Readonly<Record<keyof typeof BYTES | 'small', Key>>

/** A Local with room for one of three values, which holds the first. */
async function full(t: ExecutionContext): Promise<{ local: Node; keys: Keys }> {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global, { cacheBytes: CACHE_BYTES })
  const put = async (bytes: Uint8Array, name: string): Promise<Key> =>
    (await global.put({ bytes: once(bytes) }, { name })).key
  const { a, b, c } = BYTES
  const keys = {
    a: await put(a, 'a'),
    b: await put(b, 'b'),
    c: await put(c, 'c'),
    small: await put(pattern(100), 'small'),
  }
  await read(local, keys.a)
  return { local, keys }
}

const cacheOf = async (local: Node): Promise<CacheStatus> => (await local.status()).cache!

/** Runs work that must leave the first value held, and everything else as it was. */
async function costsNothing(
  t: ExecutionContext,
  { local, keys }: { local: Node; keys: Keys },
  what: string,
  work: () => Promise<unknown>,
): Promise<void> {
  const { usedBytes, values, evictions } = await cacheOf(local)
  await work()
  const after = await cacheOf(local)
  t.is((await local.index.stat(keys.a))?.heldBytes, BYTES.a.byteLength, what)
  t.is(after.evictions, evictions, `${what}: evictions`)
  t.is(after.usedBytes, usedBytes, `${what}: bytes`)
  t.is(after.values, values, `${what}: values`)
}

test('R003-115: a request that brings no bytes takes no room in a full cache', async (t) => {
  const fixture = await full(t)
  const { local, keys } = fixture
  const aborted = AbortSignal.abort(new DstoreError('cancelled', 'the client left'))
  const absent = new Key(new Uint8Array(32))
  const cases: Record<string, () => Promise<unknown>> = {
    'a value that is not read': () => local.get(keys.b),
    'a small value that is not read': () => local.get(keys.small),
    'a name of a small value': () => local.index.lookup('small'),
    'a reader that leaves before the first byte': async () => {
      for (let i = 0; i < 20; i++) {
        const { bytes } = await local.get(i % 2 === 0 ? keys.b : keys.c)
        await bytes[Symbol.asyncIterator]().return?.()
      }
    },
    'a reader that is cancelled before it reads': async () => {
      const controller = new AbortController()
      const { bytes } = await local.get(keys.b, { signal: controller.signal })
      controller.abort(aborted.reason)
      await fails(t, bytes[Symbol.asyncIterator]().next(), 'cancelled')
    },
    'a call that is cancelled': () =>
      fails(t, read(local, keys.b, { signal: aborted }), 'cancelled'),
    'a value that does not exist': () => fails(t, read(local, absent), 'not-found'),
    'a prefetch of what does not exist': () => fails(t, local.prefetch(absent), 'not-found'),
    'a range beyond the end': () =>
      fails(t, read(local, keys.b, { range: { start: 400 * KIB } }), 'range'),
    facts: () => local.index.stat(keys.b),
  }
  for (const [what, work] of Object.entries(cases)) await costsNothing(t, fixture, what, work)
  sameBytes(t, await read(local, keys.b), BYTES.b)
  t.is((await local.index.stat(keys.a))?.heldBytes, 0, 'room is taken for what is read')
  t.is((await cacheOf(local)).evictions, 1)
})

test('R003-115: a value beyond the whole cache is read, or refused to a prefetch, at no cost to others', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global, { cacheBytes: CACHE_BYTES })
  const large = pattern(CACHE_BYTES + 1)
  const a = (await global.put({ bytes: once(BYTES.a) })).key
  const { key } = await global.put({ bytes: once(large) })
  await read(local, a)
  await costsNothing(t, { local, keys: { a } as Keys }, 'larger than the cache', async () => {
    await fails(t, local.prefetch(key), 'too-large')
    sameBytes(t, await read(local, key), large)
  })
})

test('R003-116: a glance at a value evicts nothing; a second one may, and where there is room the first is kept', async (t) => {
  const fixture = await full(t)
  const { local, keys } = fixture
  const range = { start: 5, end: 9 }
  const glance = async (key: Key, of: Uint8Array): Promise<void> =>
    sameBytes(t, await read(local, key, { range }), of.subarray(5, 9))
  await costsNothing(t, fixture, 'four bytes', async () => {
    await glance(keys.b, BYTES.b)
    await glance(keys.c, BYTES.c)
  })
  await glance(keys.b, BYTES.b)
  const { hits, evictions } = await cacheOf(local)
  t.is(evictions, 1)
  await glance(keys.b, BYTES.b)
  t.is((await cacheOf(local)).hits, hits + 1)
  await local.evict(keys.b)
  await glance(keys.c, BYTES.c)
  await glance(keys.c, BYTES.c)
  t.is((await cacheOf(local)).hits, hits + 2)
})

test('R003-115: of readers at once for the last room, one gets it, and the others read past the cache', async (t) => {
  const { local, keys } = await full(t)
  // Both find room at the call, and only one when it reads.
  const late = await local.get(keys.c)
  const pieces = (await local.get(keys.b)).bytes[Symbol.asyncIterator]()
  const first = await pieces.next()
  t.false(first.done)
  const parts: Uint8Array[] = []
  for await (const part of late.bytes) parts.push(new Uint8Array(part))
  sameBytes(t, Buffer.concat(parts), BYTES.c)
  t.is((await local.index.stat(keys.c))?.heldBytes, 0)
  await fails(t, local.prefetch(keys.c), 'too-large')
  await pieces.return?.()
})

/** A Local of which a part of the cache is held, and whose transfers with Global are scripted. */
async function scripted(): Promise<FakeLocal> {
  const fake = new FakeLocal(sample(BYTES.b), 322 * KIB)
  for (const seed of [1, 2]) {
    const small = sample(pattern(16 * KIB - seed))
    fake.state({ size: small.size, value: small.bytes }, small)
    await read(fake.local, new Key(small.digest))
  }
  return fake
}

for (const [what, open] of Object.entries({
  'cannot be reached': () => Promise.reject(new DstoreError('unreachable', 'no route')),
  'breaks off before the first piece': async () =>
    served(new TestHost(sample(BYTES.b)), { cutAfterBytes: 10 }).client.channel,
  'holds nothing of it': async () => served(new TestHost(sample(BYTES.c))).client.channel,
})) {
  test(`R003-115: a first fetch where Global ${what} evicts nothing`, async (t) => {
    const fake = await scripted()
    fake.open = open
    const before = await cacheOf(fake.local)
    t.is(before.values, 2)
    for (const call of [
      () => read(fake.local, fake.key, { timeoutMs: 300 }),
      () => fake.local.prefetch(fake.key, { timeoutMs: 300 }),
    ]) {
      await t.throwsAsync(call(), { instanceOf: DstoreError })
      t.deepEqual({ ...(await cacheOf(fake.local)), misses: before.misses }, before)
    }
    fake.open = async () => served(fake.host).client.channel
    sameBytes(t, await read(fake.local, fake.key), BYTES.b)
    t.true((await cacheOf(fake.local)).evictions > 0, 'room is taken once bytes come')
  })
}

test('R003-115: a fetch that fails after its first piece keeps the charge of what it holds only', async (t) => {
  const fake = await scripted()
  fake.open = async () => served(fake.host, { cutAfterBytes: 150 * KIB }).client.channel
  const { bytes } = await fake.local.get(fake.key)
  const pieces = bytes[Symbol.asyncIterator]()
  t.false((await pieces.next()).done)
  await pieces.return?.()
  const { heldBytes } = (await fake.local.index.stat(fake.key))!
  t.true(heldBytes > 0)
  t.true((await cacheOf(fake.local)).usedBytes >= heldBytes)
})

test('R003-115: a fetch that fails within its first group keeps no charge', async (t) => {
  const fake = await scripted()
  fake.open = async () => served(fake.host, { cutAfterBytes: 5000 }).client.channel
  await t.throwsAsync(read(fake.local, fake.key, { timeoutMs: 300 }))
  const { usedBytes, values, evictions } = await cacheOf(fake.local)
  t.deepEqual({ values, evictions }, { values: 1, evictions: 1 })
  t.true(usedBytes < 19 * KIB, 'what is left is the other value')
  for await (const event of fake.local.verify()) t.like(event, { type: 'done', values: 1 })
})

test('R003-115: a put that Global refuses evicts nothing', async (t) => {
  const fake = await scripted()
  fake.host.uploads = undefined
  const before = await cacheOf(fake.local)
  const path = join(await new Nodes(t).folder(), 'c')
  await writeFile(path, BYTES.c)
  await fails(t, fake.local.put({ path }), 'not-permitted')
  t.deepEqual(await cacheOf(fake.local), before)
  fake.open = async () => served(new TestHost(sample(BYTES.c))).client.channel
  await fake.local.put({ path })
  await eventually(async () => (await cacheOf(fake.local)).evictions > 0)
})
