/**
 * Readers of a Local whose values come and go: the memory of each is used again, and nobody sees it
 * happen.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../../src/errors.ts'
import type { Key } from '../../../src/hash/key.ts'
import { INLINE_VALUE_BYTES, MIB } from '../../../src/limits.ts'
import { decodeIdentity } from '../../../src/network/identity.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import type { Node } from '../../../src/node/node.ts'
import { TRANSFER_PROTOCOL } from '../../../src/network/network.ts'
import { fetchPieces } from '../../../src/transfer/fetch.ts'
import { TransferChannel } from '../../../src/transfer/transfer-channel.ts'
import { eventually } from '../../eventually.ts'
import { sample } from '../../transfer/ends.ts'
import { seeded } from '../../wire/seeded.ts'
import { Nodes, once, read } from '../nodes.ts'
import { isPartOf, painted, paintedFile } from '../painted.ts'
import { POOLED_VALUE_BYTES } from '../../../src/node/cache/cached-value.ts'

const LARGE = POOLED_VALUE_BYTES + 12_345

/** A Local with a small cache, and what it puts: files, which stay in memory as they are read. */
class Site {
  readonly nodes: Nodes
  readonly global: Node
  readonly local: Node
  readonly #folder: string

  private constructor(nodes: Nodes, global: Node, local: Node, folder: string) {
    this.nodes = nodes
    this.global = global
    this.local = local
    this.#folder = folder
  }

  static async open(
    t: ExecutionContext,
    cacheBytes: number,
    options: { readonly listen?: string[] } = {},
  ): Promise<Site> {
    const nodes = new Nodes(t)
    const global = await nodes.global()
    const local = await nodes.local(global, { cacheBytes, ...options })
    return new Site(nodes, global, local, await nodes.folder())
  }

  async put(colour: number, size: number = LARGE): Promise<Key> {
    const path = await paintedFile(this.#folder, size, colour)
    return (await this.local.put({ path })).key
  }

  /** The memory in which a value lies. */
  async memoryOf(key: Key): Promise<Set<ArrayBufferLike>> {
    const memory = new Set<ArrayBufferLike>()
    for await (const piece of (await this.local.get(key)).bytes) {
      memory.add(piece.buffer)
    }
    return memory
  }
}

const shared = (a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): number =>
  [...a].filter((one) => b.has(one)).length

/**
 * Read to the end; false where a piece is not what it must be, also when it is looked at again
 * later.
 */
async function isReadRight(
  bytes: AsyncIterable<Uint8Array>,
  value: Uint8Array,
  from = 0,
  wait: () => Promise<unknown> = () => Promise.resolve(),
): Promise<boolean> {
  let at = from
  for await (const piece of bytes) {
    if (!isPartOf(value, at, piece)) return false
    await wait()
    if (!isPartOf(value, at, piece)) return false
    at += piece.byteLength
  }
  return at === value.byteLength
}

test('a value that is evicted while it is found out whether it may be served is fetched anew', async (t) => {
  const { global, local } = await Site.open(t, 16 * MIB)
  for (const size of [1, INLINE_VALUE_BYTES + 1, 2 * MIB + 5, LARGE]) {
    const value = painted(size, 1)
    const { key } = await global.put({ bytes: once(value) })
    await read(local, key)
    const { bytes } = await local.get(key)
    const first = bytes[Symbol.asyncIterator]().next()
    await local.evict(key)
    const piece = (await first).value as Uint8Array
    t.true(isPartOf(value, 0, piece))
    t.true(await isReadRight(bytes, value, piece.byteLength), `${size} bytes`)
  }
})

test('a part of a value that is evicted meanwhile is fetched anew', async (t) => {
  const { global, local } = await Site.open(t, 16 * MIB)
  const value = painted(LARGE, 1)
  const { key } = await global.put({ bytes: once(value) })
  const range = { start: MIB + 5, end: MIB + 70_000 }
  await read(local, key, { range })
  const { bytes } = await local.get(key, { range })
  const first = bytes[Symbol.asyncIterator]().next()
  await local.evict(key)
  t.true(isPartOf(value, range.start, (await first).value as Uint8Array))
  await bytes[Symbol.asyncIterator]().return?.()
  t.true(await isReadRight((await local.get(key)).bytes, value))
})

for (const origin of ['put', 'fetched'] as const) {
  test(`who reads a value that was ${origin} when it is evicted reads on, and its memory is used again when he is done`, async (t) => {
    const site = await Site.open(t, 16 * MIB)
    const { local, global } = site
    const value = painted(LARGE, 1)
    const { key } =
      origin === 'fetched' ? await global.put({ bytes: once(value) }) : { key: await site.put(1) }
    const memory = await site.memoryOf(key)
    t.is(memory.size, 5)
    const reading = (await local.get(key)).bytes[Symbol.asyncIterator]()
    const first = (await reading.next()).value as Uint8Array
    t.is(await local.evict(key), LARGE)
    t.is(shared(memory, await site.memoryOf(await site.put(2))), 0)
    t.true(isPartOf(value, 0, first))
    const rest = { [Symbol.asyncIterator]: () => reading }
    t.true(await isReadRight(rest, value, first.byteLength))
    t.is(shared(memory, await site.memoryOf(await site.put(3))), 5)
  })
}

test('what another Local has not taken yet is right when the value is evicted, and its memory is used again after that', async (t) => {
  const listen = ['/ip4/127.0.0.1/tcp/0']
  const site = await Site.open(t, 16 * MIB, { listen })
  const { nodes, global, local } = site
  const value = sample(painted(LARGE, 1))
  const key = await site.put(1)
  const memory = await site.memoryOf(key)
  // A member that does as it likes.
  const dir = await nodes.folder()
  await (await nodes.local(global, { dir })).close()
  const identity = await decodeIdentity(await readFile(join(dir, 'identity.key')))
  const network = await createNetwork({ identity })
  t.teardown(() => network.close())
  const [address] = (await local.status()).listen
  const asker = new TransferChannel(await network.dial(address!, TRANSFER_PROTOCOL))
  const { digest, size } = value
  const request = { digest, size, ranges: [{ start: 0, end: size }] }
  const runs = fetchPieces(asker, request)
  let at = 0
  for (;;) {
    const next = await runs.next()
    if (next.done === true) break
    const { start, bytes } = next.value
    t.is(start, at)
    t.true(isPartOf(value.bytes, at, bytes), `from ${at}`)
    if (at === 0) {
      await local.evict(key)
      for (const colour of [2, 3]) {
        const other = await site.put(colour)
        t.is(shared(memory, await site.memoryOf(other)), 0)
        await local.evict(other)
      }
    }
    at += bytes.byteLength
  }
  t.is(at, size)
  await eventually(async () => {
    const others = [await site.put(4), await site.put(5)]
    const count = await Promise.all(
      others.map(async (other) => shared(memory, await site.memoryOf(other))),
    )
    for (const other of others) await local.evict(other)
    return count.reduce((sum, one) => sum + one, 0) === 5
  })
  asker.channel.abort(new DstoreError('cancelled', 'enough'))
})

for (const way of ['ends', 'leaves']) {
  test(`R004-24: when a value is removed, its memory is used again once its last reader ${way}`, async (t) => {
    const site = await Site.open(t, 16 * MIB)
    const { local, global } = site
    const key = await site.put(1)
    const memory = await site.memoryOf(key)
    const readers = await Promise.all(
      [0, 1].map(async () => (await local.get(key)).bytes[Symbol.asyncIterator]()),
    )
    const pieces: Uint8Array[] = []
    for (const reader of readers) pieces.push((await reader.next()).value as Uint8Array)
    await global.index.remove(key)
    t.is((await local.status()).cache!.values, 0)
    for (const [i, reader] of readers.entries()) {
      const next = await site.memoryOf(await site.put(2 + i))
      t.is(shared(memory, next), 0, `${2 - i} readers`)
      t.true(isPartOf(painted(LARGE, 1), 0, pieces[i]!))
      if (way === 'leaves') await reader.return!()
      else await t.throwsAsync(reader.next(), { code: 'removed' })
      await local.evict(key)
    }
    await t.throwsAsync(local.get(key), { code: 'not-found' })
    t.is(shared(memory, await site.memoryOf(await site.put(4))), 5)
  })
}

test('a draft whose put fails gives its memory back', async (t) => {
  const site = await Site.open(t, 16 * MIB)
  const { local, global } = site
  const key = await site.put(1)
  const memory = await site.memoryOf(key)
  await global.index.remove(key)
  const stop = new AbortController()
  const path = await paintedFile(await site.nodes.folder(), LARGE, 2)
  const onProgress = ({ phase }: { phase: string }): void => {
    if (phase === 'store') stop.abort()
  }
  const putting = local.put({ path }, { signal: stop.signal, onProgress })
  await t.throwsAsync(putting, { code: 'cancelled' })
  t.is((await local.status()).cache!.usedBytes, 0)
  t.is(shared(memory, await site.memoryOf(await site.put(3))), 5)
})

test('many slow readers of many values, in a cache that holds three of them, all read what they asked for', async (t) => {
  const { global, local } = await Site.open(t, 15 * MIB)
  const values = Array.from({ length: 5 }, (_, i) => painted(LARGE + i * 300_000, i))
  const keys: Key[] = []
  for (const value of values) keys.push((await global.put({ bytes: once(value) })).key)
  const random = seeded(7)
  const pick = (below: number): number => Math.floor(random() * below)
  const wait = async (): Promise<void> => {
    const doing = pick(4)
    if (doing === 0) await local.evict(keys[pick(keys.length)]!)
    else await new Promise((resolve) => setTimeout(resolve, doing))
  }
  const reader = async (): Promise<boolean[]> => {
    const results: boolean[] = []
    for (let i = 0; i < 4; i++) {
      const which = pick(keys.length)
      const start = pick(3) === 0 ? 0 : pick(LARGE)
      const { bytes } = await local.get(keys[which]!, { range: { start } })
      results.push(await isReadRight(bytes, values[which]!, start, wait))
    }
    return results
  }
  const results = await Promise.all(Array.from({ length: 6 }, reader))
  t.deepEqual(
    results.flat(),
    Array.from({ length: 24 }, () => true),
  )
  const { usedBytes, budgetBytes } = (await local.status()).cache!
  t.true(usedBytes <= budgetBytes)
  const { traffic } = await local.status()
  t.is(
    traffic.reduce((sum, { lies }) => sum + lies, 0),
    0,
  )
})

for (const lanes of [true, false]) {
  test(`a Local that evicts what it gives another never gives other bytes, ${lanes ? 'by lane' : 'over Noise'}`, async (t) => {
    const nodes = new Nodes(t)
    const global = await nodes.global({ lanes })
    const options = { listen: ['/ip4/127.0.0.1/tcp/0'], lanes, cacheBytes: 12 * MIB }
    const giver = await nodes.local(global, options)
    const taker = await nodes.local(global, { lanes, cacheBytes: 64 * MIB })
    const values = Array.from({ length: 5 }, (_, i) => painted(5 * MIB + i * 1001, i))
    const keys: Key[] = []
    for (const value of values) keys.push((await global.put({ bytes: once(value) })).key)
    for (let i = 0; i + 1 < keys.length; i++) {
      await giver.prefetch(keys[i]!)
      const taking = read(taker, keys[i]!)
      const given = async (): Promise<number> =>
        (await giver.status()).traffic[1]?.valueBytesOut ?? 0
      const before = await given()
      const isOver = taking.then(() => true)
      while ((await given()) === before) {
        if (await Promise.race([isOver, new Promise((resolve) => setTimeout(resolve, 1))])) break
      }
      await giver.evict(keys[i]!)
      await Promise.all([giver.prefetch(keys[i + 1]!), giver.prefetch(keys[0]!)])
      const taken = await taking
      t.is(taken.byteLength, values[i]!.byteLength)
      t.true(isPartOf(values[i]!, 0, taken), `value ${i}`)
      await giver.evict(keys[0]!)
    }
    const [given] = (await giver.status()).traffic.filter(({ valueBytesOut }) => valueBytesOut > 0)
    // How much is Global's and the machine's affair: it gives as well, and may be quicker.
    t.true((given?.valueBytesOut ?? 0) > 0, 'some came from the Local')
    for (const node of [giver, taker]) {
      for (const { lies } of (await node.status()).traffic) t.is(lies, 0)
    }
  })
}
