/** Names that a Local answers from its own bindings, and values that it gives without a wait. */
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { once } from '../../../src/bytes.ts'
import { Key } from '../../../src/hash/key.ts'
import type { Unbinding } from '../../../src/index/message.ts'
import { GROUP_BYTES } from '../../../src/limits.ts'
import { statWords, withKey } from '../../../src/node/calls/resolve-key.ts'
import { pattern } from '../../hash/sizes.ts'
import { sample } from '../../transfer/ends.ts'
import { read } from '../nodes.ts'
import { FakeLocal } from './fake-local.ts'

const SMALL = sample(pattern(1000))
const OTHER = sample(pattern(500))

/** A Local that has asked for a name once: bound at seq 5 to a value that it holds. */
async function knowing(t: ExecutionContext): Promise<FakeLocal> {
  const fake = new FakeLocal(SMALL)
  fake.state({ size: OTHER.size, value: OTHER.bytes }, OTHER)
  fake.state({ size: SMALL.size, value: SMALL.bytes })
  fake.names.set('it', { key: fake.key, incarnation: 5 })
  t.is((await fake.local.index.lookup('it'))?.size, SMALL.size)
  t.deepEqual(await read(fake.local, fake.key), SMALL.bytes)
  fake.asked.length = 0
  return fake
}

const unbinding = (seq: number): Unbinding => ({ name: 'it', seq })
const asksIn = ({ asked }: FakeLocal): string[] => asked.splice(0).map(({ type }) => type)

test('R004-85: a Local that is current answers a name from its own bindings, and asks if it is told to', async (t) => {
  const fake = await knowing(t)
  const bound = await fake.local.index.lookup('it')
  const { size } = SMALL
  t.deepEqual(bound, {
    name: 'it',
    kind: 'fixed',
    key: fake.key,
    incarnation: 5,
    size,
    heldBytes: size,
    confirmed: true,
  })
  t.deepEqual(asksIn(fake), [])
  t.is((await fake.local.index.lookup('it', { fresh: true }))?.incarnation, 5)
  t.deepEqual(asksIn(fake), ['lookup'])
})

for (const verdict of ['ask', 'wait', 'stale', 'expired', 'refused'] as const) {
  test(`R004-85: a Local whose holdings are ${verdict} asks Global for a name`, async (t) => {
    const fake = await knowing(t)
    fake.verdict = verdict
    fake.names.set('it', { key: new Key(OTHER.digest), incarnation: 8 })
    t.is((await fake.local.index.lookup('it'))?.incarnation, 8)
    t.deepEqual(asksIn(fake), ['lookup'])
    t.is(fake.local.getImmediate('it'), undefined)
    const isServed = verdict === 'stale'
    t.is(fake.local.getImmediate(fake.key.toString()) !== undefined, isServed, 'R007-212')
  })
}

test('R004-85: what the feed unbinds, a reset, and the answer that a name is not bound are forgotten', async (t) => {
  const fake = await knowing(t)
  fake.held!.apply([], [unbinding(5)])
  await fake.local.index.lookup('it')
  t.deepEqual(asksIn(fake), [], 'an older unbinding')
  fake.held!.apply([], [unbinding(6)])
  await fake.local.index.lookup('it')
  t.deepEqual(asksIn(fake), ['lookup'])
  fake.held!.reset()
  await fake.local.index.lookup('it')
  t.deepEqual(asksIn(fake), ['lookup'])
  fake.names.clear()
  t.is(await fake.local.index.lookup('it', { fresh: true }), undefined)
  t.is(await fake.local.index.lookup('it'), undefined)
  t.deepEqual(asksIn(fake), ['lookup', 'lookup'])
})

test('R004-86: a caller reads its own puts, bindings and unbindings of a name', async (t) => {
  const key = new Key(OTHER.digest)
  const writes: Record<string, (fake: FakeLocal) => Promise<unknown>> = {
    put: ({ local }) => local.put({ bytes: once(OTHER.bytes), size: OTHER.size }, { name: 'it' }),
    bind: ({ local }) => local.index.bind('it', key),
  }
  for (const [what, write] of Object.entries(writes)) {
    const fake = await knowing(t)
    fake.names.set('it', { key, incarnation: 9 })
    await write(fake)
    t.is((await fake.local.index.lookup('it'))?.key.toString(), key.toString(), what)
    t.true(
      fake.wrote.some(({ name, seq }) => name === 'it' && seq >= 9),
      what,
    )
  }
  const fake = await knowing(t)
  await fake.local.index.unbind('it')
  t.is(await fake.local.index.lookup('it'), undefined)
  await t.throwsAsync(fake.local.index.unbind('it'), { code: 'not-found' })
  t.deepEqual(fake.wrote.at(-1), { name: 'it', seq: Infinity }, 'a failure forgets all')
})

test('R004-86: a binding never takes the place of a newer one', async (t) => {
  const fake = await knowing(t)
  fake.names.set('it', { key: fake.key, incarnation: 4 })
  await fake.local.index.lookup('it', { fresh: true })
  t.is((await fake.local.index.lookup('it'))?.incarnation, 5)
})

test('R004-87: a name whose value is gone is asked for again, and its new value given', async (t) => {
  const fake = await knowing(t)
  const { local } = fake
  // The feed with the unbinding is still on its way.
  fake.remove(7)
  fake.names.set('it', { key: new Key(OTHER.digest), incarnation: 8 })
  t.deepEqual(await withKey(local, 'it', {}, (key) => read(local, key)), OTHER.bytes)
  t.deepEqual(asksIn(fake), ['locate', 'lookup'], 'the value came with the name')

  const again = await knowing(t)
  again.remove(7)
  again.names.set('it', { key: new Key(OTHER.digest), incarnation: 8 })
  const facts = await statWords(
    again.local,
    [OTHER.digest, 'it'].map((word) => (typeof word === 'string' ? word : new Key(word))),
  )
  t.deepEqual(
    facts.map((one) => one?.size),
    [OTHER.size, OTHER.size],
  )

  const late = await knowing(t)
  late.remove(7)
  const tooLate = (): boolean => false
  const error = await t.throwsAsync(
    withKey(late.local, 'it', {}, (key) => read(late.local, key), tooLate),
  )
  t.is((error as { code?: string }).code, 'not-found')
  late.names.clear()
  await t.throwsAsync(
    withKey(late.local, 'it', {}, (key) => read(late.local, key)),
    { message: /no such name/ },
  )
})

test('R007-212: a Local gives without a wait only what it holds whole, confirmed and small', async (t) => {
  const fake = await knowing(t)
  const word = fake.key.toString()
  const { hits } = (await fake.local.status()).cache!
  t.deepEqual(fake.local.getImmediate(word)?.bytes, SMALL.bytes)
  t.deepEqual(fake.local.getImmediate('it')?.bytes, SMALL.bytes)
  t.is((await fake.local.status()).cache!.hits, hits + 2)
  t.is(fake.local.getImmediate('nobody'), undefined)
  t.is(fake.local.getImmediate(new Key(OTHER.digest).toString()), undefined, 'not held')
  t.is(fake.local.getImmediate(fake.key.toHex()), undefined, 'another spelling')
  t.deepEqual(asksIn(fake), [])
  fake.held!.reset()
  t.is(fake.local.getImmediate(word), undefined, 'void')
  await read(fake.local, fake.key)
  t.deepEqual(fake.local.getImmediate(word)?.bytes, SMALL.bytes, 'confirmed')
  fake.remove(7)
  t.is(fake.local.getImmediate(word), undefined, 'removed')

  for (const size of [GROUP_BYTES, GROUP_BYTES + 1]) {
    const large = new FakeLocal(sample(pattern(size)))
    await read(large.local, large.key)
    t.is(large.local.getImmediate(large.key.toString()) !== undefined, size === GROUP_BYTES)
  }
})

test('R007-212: bytes that a Local gave without a wait stay as they are when the value is evicted', async (t) => {
  const fake = await knowing(t)
  const { bytes } = fake.local.getImmediate('it')!
  await fake.local.evict(fake.key)
  await read(fake.local, new Key(OTHER.digest))
  t.deepEqual(bytes, SMALL.bytes)
})
