/**
 * What is in flight over all callers comes out of one allowance: nobody gets more, nobody waits in
 * vain.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import type { Key } from '../../../src/hash/key.ts'
import { MIB, PIECE_BYTES } from '../../../src/limits.ts'
import { arriving, metered } from '../../../src/node/calls/byte-budget.ts'
import type { Node } from '../../../src/node/node.ts'
import { SharedBudget } from '../../../src/transfer/shared-budget.ts'
import { pattern } from '../../hash/sizes.ts'
import { Nodes, once, read } from '../nodes.ts'

async function* pieces(count: number, made: { count: number }): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) {
    made.count++
    yield new Uint8Array(100)
  }
}

test('a share is held while a piece is, and given back when the reader asks, ends or leaves', async (t) => {
  const allowance = new SharedBudget(250, 250)
  const made = { count: 0 }
  const read = (who: string): AsyncGenerator<Uint8Array> =>
    metered(pieces(3, made), 100, { allowance, who, timeoutMs: 50 })
  const [a, b, c] = [read('a'), read('b'), read('c')]
  await a.next()
  await b.next()
  t.is(allowance.usedBytes, 200)
  await t.throwsAsync(c.next(), { code: 'busy' })
  t.is(made.count, 2, 'nothing was made for who has to wait')
  await a.next()
  t.is(allowance.usedBytes, 200)
  await a.return(undefined)
  t.is(allowance.usedBytes, 100)
  const d = read('d')
  let got = 0
  for await (const _ of d) got++
  t.is(got, 3)
  await b.return(undefined)
  t.is(allowance.usedBytes, 0)
})

test('a share is kept for as much as is said, and then the next has his turn', async (t) => {
  const allowance = new SharedBudget(100, 100)
  const read = (who: string): AsyncGenerator<Uint8Array> =>
    metered(pieces(4, { count: 0 }), 100, { allowance, who, timeoutMs: 50 }, 150)
  const [a, b] = [read('a'), read('b')]
  await a.next()
  await a.next()
  await t.throwsAsync(b.next(), { code: 'busy' })
  const c = read('c')
  const [, third] = await Promise.all([c.next(), a.next().catch((error: unknown) => error)])
  t.like(third, { code: 'busy' }, 'it gave up its share')
  await c.return(undefined)
  t.is(allowance.usedBytes, 0)
})

test('a share is given back where the source or the reader fails, and where the wait is cancelled', async (t) => {
  const allowance = new SharedBudget(100, 100)
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(100)
    throw new Error('the disk')
  }
  const meter = { allowance, who: 'a' }
  for (const make of [() => metered(failing(), 100, meter), () => arriving(failing(), meter)]) {
    await t.throwsAsync(async () => {
      for await (const _ of make());
    })
    t.is(allowance.usedBytes, 0)
    await t.throwsAsync(async () => {
      for await (const _ of make()) throw new Error('the reader')
    })
    t.is(allowance.usedBytes, 0)
  }
  const first = metered(pieces(1, { count: 0 }), 100, meter)
  await first.next()
  const stop = new AbortController()
  const waiting = metered(pieces(1, { count: 0 }), 100, { ...meter, signal: stop.signal }).next()
  stop.abort(new Error('enough'))
  await t.throwsAsync(waiting, { code: 'cancelled' })
  await first.return(undefined)
  t.is(allowance.usedBytes, 0)
})

test('whatever is read by whomever at once, the bound holds and everybody comes to his end', async (t) => {
  const total = 1000
  const reader = fc.record({
    share: fc.integer({ min: 1, max: 1500 }),
    count: fc.integer({ min: 0, max: 9 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(reader, { maxLength: 30 }), async (readers) => {
      const allowance = new SharedBudget(total, 400)
      await Promise.all(
        readers.map(async ({ share, count }, i) => {
          let got = 0
          const meter = { allowance, who: `${i % 7}` }
          for await (const _ of metered(pieces(count, { count: 0 }), share, meter)) {
            t.true(allowance.usedBytes <= total)
            await new Promise((resolve) => setImmediate(resolve))
            got++
          }
          t.is(got, count)
        }),
      )
      t.is(allowance.usedBytes, 0)
    }),
    { numRuns: 50 },
  )
})

/**
 * Many callers begin to read a value and stop; how many got something, and what they cost of
 * memory.
 */
async function stall(
  t: ExecutionContext,
  node: Node,
  key: Key,
): Promise<{ readonly readers: AsyncIterator<Uint8Array>[]; readonly refused: number }> {
  global.gc?.()
  const before = process.memoryUsage().arrayBuffers
  const readers: AsyncIterator<Uint8Array>[] = []
  let refused = 0
  const begin = async (): Promise<void> => {
    const { bytes } = await node.get(key, { timeoutMs: 5000 })
    const reading = bytes[Symbol.asyncIterator]()
    await reading.next().then(
      () => readers.push(reading),
      (error: { code: string }) => {
        t.is(error.code, 'busy')
        refused++
      },
    )
  }
  await Promise.all(Array.from({ length: 200 }, begin))
  const grown = process.memoryUsage().arrayBuffers - before
  t.true(grown < 128 * MIB, `${grown} bytes for ${readers.length} readers`)
  return { readers, refused }
}

test('promise 6: two hundred readers that stop reading cost what is allowed, and the next is told busy', async (t) => {
  const nodes = new Nodes(t)
  const standalone = await nodes.open({ role: 'standalone', store: 'disk' })
  const global = await nodes.global({ store: 'disk' })
  // Its cache has no room for the value: every reader has a transfer of his own.
  const local = await nodes.local(global, { cacheBytes: MIB })
  for (const node of [standalone, local]) {
    const owner = node === local ? global : node
    const { key } = await owner.put({ bytes: once(pattern(8 * PIECE_BYTES)) })
    const { readers, refused } = await stall(t, node, key)
    t.true(refused > 100, `${refused} were refused`)
    t.true(readers.length >= 7, `${readers.length} read`)
    await Promise.all(readers.map((reading) => reading.return!()))
    t.is(Buffer.compare(await read(node, key), pattern(8 * PIECE_BYTES)), 0, 'and then it goes on')
  }
})

test('promise 6: many puts at once at a Local, by stream and by file, all come to their end', async (t) => {
  const nodes = new Nodes(t)
  const node = await nodes.global({ store: 'disk' })
  const local = await nodes.local(node, { cacheBytes: MIB })
  const dir = await nodes.folder()
  const bytes = (i: number): Uint8Array => pattern(2 * PIECE_BYTES + i)
  const puts = Array.from({ length: 40 }, async (_, i) => {
    if (i % 2 === 0) return local.put({ bytes: once(bytes(i)) })
    const path = join(dir, `${i}`)
    await writeFile(path, bytes(i))
    return local.put({ path })
  })
  const keys = (await Promise.all(puts)).map(({ key }) => key)
  t.is((await node.status()).store!.values, 40)
  t.is(Buffer.compare(await read(node, keys[39]!), bytes(39)), 0)
})

test('promise 6: many gets at once of what the cache has no room for all come to their end', async (t) => {
  const nodes = new Nodes(t)
  const node = await nodes.global({ store: 'disk' })
  const local = await nodes.local(node, { cacheBytes: MIB })
  const values = Array.from({ length: 25 }, (_, i) => pattern(2 * PIECE_BYTES + i))
  const keys: Key[] = []
  for (const value of values) keys.push((await node.put({ bytes: once(value) })).key)
  await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const value = await read(local, keys[i % keys.length]!)
      t.is(value.byteLength, values[i % values.length]!.byteLength)
    }),
  )
})
