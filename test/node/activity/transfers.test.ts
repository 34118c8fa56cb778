import { setImmediate as turn } from 'node:timers/promises'
import { test } from '../../serial.ts'
import { Key } from '../../../src/hash/key.ts'
import { MIB, SAMPLE_MS, LISTED_TRANSFERS, TRANSFER_PEERS } from '../../../src/limits.ts'
import { Transfers, TransferCancelled } from '../../../src/node/activity/transfers.ts'
import { received } from '../../../src/node/activity/received.ts'
import { ServedTransfers } from '../../../src/node/activity/served-transfers.ts'
import type { NodeActivity, TransferReport } from '../../../src/node/activity/node-activity.ts'
import type { HeldFile } from '../../../src/node/local/reads/whole-files.ts'
import type { ServedNode } from '../../../src/node/node.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { Nodes, once, read } from '../nodes.ts'

const activityOf = (node: ServedNode): NodeActivity => node.activity!

/** The first transfer that the node lists, once there is one that has moved bytes. */
async function firstOf(node: ServedNode): Promise<TransferReport> {
  await eventually((saw) =>
    saw(activityOf(node).transfers()).transfers.some(({ done }) => done > 0),
  )
  return activityOf(node)
    .transfers()
    .transfers.find(({ done }) => done > 0)!
}

const isIdle = (node: ServedNode): boolean => activityOf(node).transfers().active === 0

/** A source that gives this many bytes, and then no more before it is told to end. */
function slow(bytes: number): { source: AsyncIterable<Uint8Array>; end: () => void } {
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => (end = resolve))
  const source = (async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes; at += MIB) yield pattern(MIB)
    await ended
  })()
  return { source, end }
}

test('R004-78 a Local knows its role at Global, also after that has changed', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const { peerId, global: link } = await local.status()
  t.is(link!.role, 'admin')
  await global.members.admit(peerId!, 'reader')
  await eventually(async (saw) => saw((await local.status()).global!.role) === 'reader')
})

test('R013-30 rates are of the last second or two, and the list is bounded', (t) => {
  let now = 0
  const moving = new Transfers({ now: () => now, wall: () => 1000, labelOf: (peer) => `L-${peer}` })
  const one = moving.begin({ direction: 'in', size: 100, cancel: () => undefined })
  one.moved('a', 5000)
  now = SAMPLE_MS
  t.is(moving.list().transfers[0]!.rate, 5000)
  one.moved('a', 1000)
  now = 2 * SAMPLE_MS
  t.is(moving.list().transfers[0]!.rate, 1000)
  now = 2.5 * SAMPLE_MS
  t.is(moving.list().transfers[0]!.rate, 667)
  now = 4 * SAMPLE_MS
  t.is(moving.list().transfers[0]!.rate, 0)
  for (let i = 0; i < 20; i++) one.moved(`peer-${i}`, i)
  const [report] = moving.list().transfers
  t.is(report!.peers.length, TRANSFER_PEERS)
  t.deepEqual(report!.peers[0], { peer: 'a', label: 'L-a', bytes: 6000 })
  for (let i = 0; i < 200; i++) moving.begin({ direction: 'out', cancel: () => undefined })
  t.is(moving.list().active, 201)
  t.is(moving.list().transfers.length, LISTED_TRANSFERS)
  one.end()
  t.is(moving.active, 200)
  t.not(moving.list().transfers[0]!.id, report!.id)
})

test('R013-31 an id that is not listed cancels nothing', (t) => {
  const moving = new Transfers({ now: () => 0, wall: () => 0 })
  let cancelled = 0
  const one = moving.begin({ direction: 'in', cancel: () => cancelled++ })
  for (const id of ['', '0', '2', '-1', '1e0', ' 1', '01', '__proto__', '9'.repeat(400)]) {
    t.false(moving.cancel(id), id)
  }
  t.is(cancelled, 0)
  t.true(moving.cancel('1'))
  t.is(cancelled, 1)
  one.end()
  t.false(moving.cancel('1'))
})

test('R013-31 what a peer sends ends at once, also while the peer sends nothing', async (t) => {
  const moving = new Transfers({ now: () => 0, wall: () => 0 })
  let left = false
  const parts = (async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield new Uint8Array(3)
      await new Promise(() => undefined)
    } finally {
      left = true
    }
  })()
  const bytes = received(moving, 'p', { size: 9 }, parts)
  await bytes.next()
  const waiting = bytes.next()
  t.like(moving.list().transfers[0], { direction: 'in', done: 3, size: 9 })
  moving.cancel('1')
  await t.throwsAsync(waiting, { instanceOf: TransferCancelled })
  t.is(moving.active, 0)
  t.false(left, 'a source that hangs is not waited for')
})

test('R013-31 what a peer sends is left as a loop is, where its reader leaves it', async (t) => {
  const moving = new Transfers({ now: () => 0, wall: () => 0 })
  let left = false
  const parts = (async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array(3)
    } finally {
      left = true
    }
  })()
  for await (const _ of received(moving, 'p', {}, parts)) break
  t.is(moving.active, 0)
  await eventually(() => left)
  const next = received(moving, 'p', {}, once(new Uint8Array(1)) as AsyncIterable<Uint8Array>)
  await next.next()
  // Between two parts.
  t.true(moving.cancel(moving.list().transfers[0]!.id))
  await t.throwsAsync(next.next(), { code: 'cancelled' })
})

test('R013-31 a fetch into the cache that is cancelled: each of its callers gets that', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global, { cacheBytes: 64 * MIB })
  const { key } = await global.put({ bytes: once(pattern(12 * MIB)) })
  const readers = await Promise.all([local.get(key), local.get(key)])
  const pieces = readers.map(({ bytes }) => bytes[Symbol.asyncIterator]())
  await Promise.all(pieces.map((one) => one.next()))
  const { transfers } = activityOf(local).transfers()
  t.is(transfers.length, 1)
  const [transfer] = transfers
  t.like(transfer, { key: key.toString(), size: 12 * MIB, direction: 'in' })
  t.is(transfer!.peers[0]!.peer, (await global.status()).peerId!)
  t.true(activityOf(local).cancelTransfer(transfer!.id))
  const drain = async (one: AsyncIterator<Uint8Array>): Promise<void> => {
    while ((await one.next()).done !== true);
  }
  for (const one of pieces) await t.throwsAsync(drain(one), { code: 'cancelled' })
  t.true(isIdle(local))
  await eventually(() => isIdle(global))
  t.is((await read(local, key)).byteLength, 12 * MIB, 'it can be fetched again')
})

test('R013-31 a read past the cache, cancelled at the Local and at Global', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global, { cacheBytes: MIB })
  const { key } = await global.put({ bytes: once(pattern(20 * MIB)) })
  for (const at of [local, global]) {
    const { bytes } = await local.get(key)
    const pieces = bytes[Symbol.asyncIterator]()
    await pieces.next()
    const { id, direction, key: listed, peers } = await firstOf(at)
    t.is(listed, key.toString())
    t.is(direction, at === local ? 'in' : 'out')
    const peer = (await (at === local ? global : local).status()).peerId
    t.deepEqual(
      peers.map((one) => one.peer),
      [peer],
    )
    t.true(activityOf(at).cancelTransfer(id))
    const drain = async (): Promise<void> => {
      while ((await pieces.next()).done !== true);
    }
    await t.throwsAsync(drain(), { code: 'cancelled' })
    await eventually(() => isIdle(local) && isIdle(global))
  }
})

test('R013-31 R013-32 a put of a stream, cancelled at the Local and at Global, leaves nothing', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global({ store: 'disk' })
  const local = await nodes.local(global)
  for (const at of [local, global]) {
    const { source, end } = slow(4 * MIB)
    const stored = local.put({ bytes: source }, { name: `put/${at.role}` })
    const failed = t.throwsAsync(stored, { code: 'cancelled' })
    const { id, direction, name } = await firstOf(at)
    t.is(name, `put/${at.role}`)
    t.is(direction, at === local ? 'out' : 'in')
    t.true(activityOf(at).cancelTransfer(id))
    await failed
    end()
    await eventually(() => isIdle(local) && isIdle(global))
    await eventually(async (saw) => saw((await global.status()).store!.unfinishedBytes) === 0)
  }
  t.is((await global.status()).store!.values, 0)
})

test('R013-30 the requests of a peer for one value are one transfer, as long as one follows soon', async (t) => {
  const moving = new Transfers({ now: () => 0, wall: () => 0 })
  const { begin } = new ServedTransfers(moving)
  const value = { digest: new Uint8Array(32), size: 9 }
  const cancelled: number[] = []
  const first = begin('a', value, () => cancelled.push(1))
  const second = begin('a', value, () => cancelled.push(2))
  begin('b', value, () => cancelled.push(3)).end()
  t.is(moving.active, 2)
  first.moved('a', 5)
  first.end()
  second.moved('a', 4)
  second.end()
  const third = begin('a', value, () => cancelled.push(4))
  t.like(moving.list().transfers[0], { id: '1', done: 9, size: 9, direction: 'out' })
  moving.cancel('1')
  t.deepEqual(cancelled, [4], 'those that are over are not cancelled')
  third.end()
  await eventually(() => moving.active === 0)
  begin('a', value, () => undefined)
  t.is(moving.list().transfers[0]!.id, '3')
})

test('R013-30 R013-31 a fetch at a rate is one transfer from its first step to its end', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const { key } = await global.put({ bytes: once(pattern(12 * MIB)) })
  const failed = t.throwsAsync(local.prefetch(key, { maxRate: 8 * MIB }), { code: 'cancelled' })
  await eventually(() => !isIdle(local))
  const [{ id }] = activityOf(local).transfers().transfers as [TransferReport]
  const seen = new Set<string>()
  let done = 0
  await eventually(() => {
    const { transfers } = activityOf(local).transfers()
    for (const one of transfers) seen.add(one.id)
    t.is(transfers.length, 1, 'it is listed also between its steps')
    done = transfers[0]!.done
    return done >= 4 * MIB
  })
  t.deepEqual([...seen], [id])
  t.true(done < 12 * MIB)
  // Between two steps nothing moves, and it ends all the same.
  t.true(activityOf(local).cancelTransfer(id))
  await failed
  t.true(isIdle(local))
  await local.prefetch(key, { maxRate: 1 << 30 })
  t.true(isIdle(local))
})

test('R013-30 all that comes of a value that is fetched in steps is in one transfer', (t) => {
  const moving = new Transfers({ now: () => 0, wall: () => 0 })
  const [key, other] = [new Key(new Uint8Array(32)), new Key(new Uint8Array(32).fill(1))]
  const cancelled: string[] = []
  const cancel = (who: string) => (): void => void cancelled.push(who)
  const first = moving.beginStepwise(key, 9, cancel('first'))
  const second = moving.beginStepwise(key, 9, cancel('second'))
  const step = moving.begin({ direction: 'in', key, size: 9, cancel: cancel('step') })
  moving.begin({ direction: 'in', key: other, cancel: cancel('other') }).end()
  moving.begin({ direction: 'out', key, cancel: cancel('out') }).end()
  t.is(moving.active, 1)
  step.moved('a', 4)
  step.end()
  step.end()
  t.like(moving.list().transfers[0], { id: '1', done: 4, size: 9, direction: 'in' })
  first.end()
  const next = moving.begin({ direction: 'in', key, size: 9, cancel: cancel('next') })
  moving.cancel('1')
  t.deepEqual(cancelled, ['second', 'next'])
  second.end()
  t.is(moving.active, 1)
  next.end()
  t.is(moving.active, 0)
  moving.beginStepwise(key, 9, cancel('again'))
  t.is(moving.list().transfers[0]!.id, '4')
})

test('R013-31 a fetch into a file that is cancelled is not begun again', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global, {
    cacheBytes: MIB,
    cacheDir: await nodes.folder(),
    cacheDirBytes: 256 * MIB,
  })
  const { holdFile } = local as unknown as { holdFile: (key: Key) => Promise<HeldFile> }
  const { key } = await global.put({ bytes: once(new Uint8Array(40 * MIB)) })
  const failed = t.throwsAsync(holdFile.call(local, key), { code: 'cancelled' })
  while (isIdle(local)) await turn()
  const [{ id }] = activityOf(local).transfers().transfers as [TransferReport]
  t.true(activityOf(local).cancelTransfer(id))
  await failed
  t.true(isIdle(local))
})
