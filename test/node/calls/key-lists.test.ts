/** Pages of the keys that begin with a text, against a list of all. */
import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { Key } from '../../../src/hash/key.ts'
import { digestAt, packKeys, type KeyPage } from '../../../src/index/records/list-pages.ts'
import { BATCH_ITEMS } from '../../../src/limits.ts'
import { keyPagesOf, type ReadKeys } from '../../../src/node/calls/lists/key-lists.ts'

interface Item {
  readonly digest: Uint8Array
  readonly directory: boolean
}

/** A store of these keys, which counts what is read. */
function storeOf(given: readonly Item[]): { read: ReadKeys; items: Item[]; count: () => number } {
  const items = given.toSorted((a, b) => Buffer.compare(a.digest, b.digest))
  let count = 0
  const read: ReadKeys = (after, limit) => {
    const rest = items.filter(
      ({ digest }) => after === undefined || Buffer.compare(digest, after) > 0,
    )
    const page = rest.slice(0, limit)
    count += page.length
    const more = rest.length > page.length
    return Promise.resolve(
      packKeys({ type: 'listed', items: page.map((one) => ({ ...one, size: 1 })), more }),
    )
  }
  return { read, items, count: () => count }
}

const textOf = ({ digest, directory }: Item): string =>
  new Key(digest, directory ? 'directory' : 'bytes').toString()

async function keysIn(pages: AsyncIterable<KeyPage>): Promise<string[]> {
  const found: string[] = []
  for await (const { count, digests, directories, sizes } of pages) {
    for (let i = 0; i < count; i++) {
      const directory = directories[i] === 1
      found.push(textOf({ digest: digestAt(digests, i), directory }))
      if (sizes[i] !== 1) throw new Error('a size of another key')
    }
  }
  return found
}

test('R007-433: a list has the keys with the prefix, in order, and at most the limit', async (t) => {
  // Few different bytes, so that many begin alike.
  const digest = fc
    .array(fc.constantFrom(0, 1, 64, 255), { minLength: 2, maxLength: 3 })
    .map((bytes) => Uint8Array.from({ length: 32 }, (_, i) => bytes[i] ?? 0))
  const item = fc.record({ digest, directory: fc.boolean() })
  const unique = fc.uniqueArray(item, { selector: ({ digest }) => digest.join(), maxLength: 40 })
  const limit = fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined })
  await fc.assert(
    fc.asyncProperty(
      unique,
      item,
      fc.integer({ min: 0, max: 12 }),
      fc.boolean(),
      limit,
      async (given, of, own, isHex, limit) => {
        const { read, items } = storeOf(given)
        const hex = Buffer.from(of.digest)
          .toString('hex')
          .slice(0, own + 1)
        const prefix = isHex ? hex : textOf(of).slice(0, 7 + own)
        const begins = (one: Item): boolean =>
          isHex
            ? Buffer.from(one.digest).toString('hex').startsWith(hex)
            : textOf(one).startsWith(prefix)
        const expected = items.filter(begins).map(textOf).slice(0, limit)
        t.deepEqual(await keysIn(keyPagesOf(read, { prefix, ...(limit && { limit }) })), expected)
        const all = await keysIn(keyPagesOf(read, limit === undefined ? {} : { limit }))
        t.deepEqual(all, items.map(textOf).slice(0, limit))
      },
    ),
  )
})

test('R007-433: what does not begin so costs at most one page', async (t) => {
  const given = Array.from({ length: 3 * BATCH_ITEMS }, (_, i) => {
    const digest = new Uint8Array(32)
    new DataView(digest.buffer).setUint16(0, i)
    return { digest, directory: false }
  })
  const { read, items, count } = storeOf(given)
  const wanted = items[1000]!
  const hex = Buffer.from(wanted.digest).toString('hex').slice(0, 4)
  t.deepEqual(await keysIn(keyPagesOf(read, { prefix: hex, limit: 5 })), [textOf(wanted)])
  t.true(count() <= 5, `${count()} keys were read`)
  t.deepEqual(await keysIn(keyPagesOf(read, { prefix: hex })), [textOf(wanted)])
  t.true(count() <= 5 + BATCH_ITEMS, `${count()} keys were read`)
})

test('R007-433: a prefix of no key, and a limit that is none, are refused', async (t) => {
  const { read, count } = storeOf([])
  for (const options of [{ prefix: 'z' }, { prefix: '' }, { limit: 0 }, { limit: 1.5 }]) {
    await t.throwsAsync(keysIn(keyPagesOf(read, options)), { code: 'usage' } as object)
  }
  t.is(count(), 0)
})
