import { test } from '../../../serial.ts'
import * as fc from 'fast-check'
import { hash } from '../../../../src/hash/hasher.ts'
import { COMMON, nameAt, type NamePage } from '../../../../src/index/lists/name-page.ts'
import { encodeBinding, type NameRecord } from '../../../../src/index/records/name-record.ts'
import { encodeKey, keyRow, nameRow } from '../../../../src/index/records/record.ts'
import { LIST_ROWS } from '../../../../src/limits.ts'
import { namesOf, type NameQuery } from '../../../../src/node/global/lists/list-names.ts'
import { createMemoryStore } from '../../../../src/store/memory/memory.ts'
import type { Store } from '../../../../src/store/store.ts'

const WALL_MS = 1000

const digestOf = (text: string): Uint8Array => hash(Buffer.from(text)).digest

/** A store with these names, and how many pages of rows were read of it. */
async function storeOf(names: ReadonlyMap<string, Partial<NameRecord>>) {
  const store = createMemoryStore()
  const writes = [...names].map(([name, record]) => ({
    key: nameRow(name),
    value: encodeBinding({
      digest: digestOf(name),
      directory: false,
      size: name.length,
      ...record,
    }),
  }))
  await store.commit({ conditions: [], writes, entry: new Uint8Array(1) })
  let pages = 0
  let rows = 0
  return {
    store,
    counted: {
      rows: (keys: Parameters<Store['rows']>[0]) => store.rows(keys),
      async page(...args: Parameters<Store['page']>) {
        const page = await store.page(...args)
        pages++
        rows += page.count
        return page
      },
    },
    pages: () => pages,
    read: () => rows,
  }
}

type Query = Omit<NameQuery, 'after' | 'limit'> & { after?: string }

/** More than any list here has. */
const MOST_PAGES = 100

/** Every item, in pages of this many. */
async function all(store: Parameters<typeof namesOf>[0], query: Query, limit: number) {
  const items: { text: string; names: number; size: number; isCommon: boolean }[] = []
  let after = query.after
  for (let pages = 0; ; pages++) {
    if (pages > MOST_PAGES) throw new Error('the list does not end')
    const page = await namesOf(store, { ...query, after, limit }, WALL_MS)
    for (let i = 0; i < page.count; i++) {
      const isCommon = page.kinds[i] === COMMON
      items.push({ text: nameAt(page, i), names: page.counts[i]!, size: page.sizes[i]!, isCommon })
    }
    if (!page.more) return items
    after = nextOf(page)
  }
}

const nextOf = (page: NamePage): string => page.next ?? nameAt(page, page.count - 1)

const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Names of few characters, with what must not be seen: expired ones. */
const someNames = fc.dictionary(
  fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é'), minLength: 1, maxLength: 6 }),
  fc.record(
    { expiresMs: fc.constantFrom(WALL_MS - 1, WALL_MS, WALL_MS + 1) },
    { requiredKeys: [] },
  ),
  { maxKeys: 30 },
)
const text = fc.oneof(
  fc.constant(''),
  fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é'), maxLength: 2 }),
)

test('R004-161: a list by levels is what the names say, in pages of any size', async (t) => {
  let commons = 0
  await fc.assert(
    fc.asyncProperty(
      someNames,
      text,
      fc.option(text, { nil: undefined }),
      fc.constantFrom('/', 'a', 'é'),
      fc.integer({ min: 1, max: 5 }),
      async (dictionary, prefix, after, delimiter, limit) => {
        const names = new Map(Object.entries(dictionary))
        const { store } = await storeOf(names)
        const seen = [...names].flatMap(([name, { expiresMs = Infinity }]) =>
          name.startsWith(prefix) && expiresMs > WALL_MS ? [name] : [],
        )
        const commonOf = (name: string): string => {
          const at = name.indexOf(delimiter, prefix.length)
          return at === -1 ? name : name.slice(0, at + delimiter.length)
        }
        const isSkipped = (name: string): boolean =>
          after !== undefined &&
          (bytewise(name, after) <= 0 ||
            (commonOf(name) === after && commonOf(name) !== name && after.length > prefix.length))
        const expected = [...new Set(seen.filter((name) => !isSkipped(name)).map(commonOf))]
        const found = await all(
          store,
          { prefix, delimiter, ...(after !== undefined && { after }) },
          limit,
        )
        commons += found.filter(({ isCommon }) => isCommon).length
        t.deepEqual(
          found.map((item) => item.text),
          expected.toSorted(bytewise),
        )
        await store.close()
      },
    ),
    { numRuns: 300 },
  )
  t.true(commons > 100)
})

test('R004-160: a plain list has every name that has not expired, in pages of any size', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      someNames,
      text,
      fc.option(text, { nil: undefined }),
      fc.integer({ min: 1, max: 5 }),
      async (dictionary, prefix, after, limit) => {
        const names = new Map(Object.entries(dictionary))
        const { store } = await storeOf(names)
        const seen = [...names].flatMap(([name, { expiresMs = Infinity }]) =>
          name.startsWith(prefix) && expiresMs > WALL_MS && bytewise(name, after ?? '') > 0
            ? [name]
            : [],
        )
        const found = await all(store, { prefix, ...(after !== undefined && { after }) }, limit)
        t.deepEqual(
          found.map((item) => item.text),
          seen.toSorted(bytewise),
        )
        t.true(found.every(({ text: name, size }) => size === name.length))
        await store.close()
      },
    ),
    { numRuns: 200 },
  )
})

test('R004-164: totals are the numbers and sums of the names, in pages of any size', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      someNames,
      text,
      fc.option(fc.constant('/'), { nil: undefined }),
      fc.integer({ min: 1, max: 4 }),
      async (dictionary, prefix, delimiter, limit) => {
        const names = new Map(Object.entries(dictionary))
        const { store } = await storeOf(names)
        const expected = new Map<string, { names: number; size: number }>()
        for (const [name, { expiresMs = Infinity }] of names) {
          if (!name.startsWith(prefix) || expiresMs <= WALL_MS) continue
          const at = delimiter === undefined ? -1 : name.indexOf(delimiter, prefix.length)
          const common = at === -1 ? prefix : name.slice(0, at + 1)
          const before = expected.get(common) ?? { names: 0, size: 0 }
          expected.set(common, { names: before.names + 1, size: before.size + name.length })
        }
        const found = new Map<string, { names: number; size: number }>()
        const query = { prefix, totals: true, ...(delimiter !== undefined && { delimiter }) }
        for (const { text: common, names: count, size } of await all(store, query, limit)) {
          const before = found.get(common) ?? { names: 0, size: 0 }
          found.set(common, { names: before.names + count, size: before.size + size })
        }
        t.deepEqual(
          [...found].toSorted(([a], [b]) => bytewise(a, b)),
          [...expected].toSorted(([a], [b]) => bytewise(a, b)),
        )
        await store.close()
      },
    ),
    { numRuns: 300 },
  )
})

test('R004-162: a pattern selects names, within its literal beginning', async (t) => {
  const names = new Map(
    ['a/x.bin', 'a/y.txt', 'b/x.bin', 'b/c/x.bin', 'x.bin', 'ab'].map((name) => [name, {}]),
  )
  const { store, counted, read } = await storeOf(names)
  const texts = async (query: Query, limit = 2) =>
    (await all(counted, query, limit)).map((item) => item.text)
  t.deepEqual(await texts({ prefix: '', match: '*.bin' }), [
    'a/x.bin',
    'b/c/x.bin',
    'b/x.bin',
    'x.bin',
  ])
  t.deepEqual(await texts({ prefix: 'b/', match: '*.bin' }), ['b/c/x.bin', 'b/x.bin'])
  t.deepEqual(await texts({ prefix: 'b', match: 'a/*' }), [])
  t.deepEqual(await texts({ prefix: 'a/x', match: 'a/*' }), ['a/x.bin'])
  t.deepEqual(await texts({ prefix: '', match: '*.bin', after: 'b/c/x.bin' }), ['b/x.bin', 'x.bin'])
  const before = read()
  t.deepEqual(await texts({ prefix: '', match: 'a/*' }), ['a/x.bin', 'a/y.txt'])
  t.is(read() - before, 2)
  await t.throwsAsync(namesOf(store, { prefix: '', match: '[', after: undefined, limit: 1 }, 0), {
    code: 'usage',
  })
  await store.close()
})

test('R004-161: what is below a common prefix is stepped over', async (t) => {
  const names = new Map<string, Partial<NameRecord>>()
  for (let folder = 0; folder < 10; folder++) {
    for (let n = 0; n < 1000; n++) names.set(`f${folder}/${n}`, {})
  }
  const { store, counted, read } = await storeOf(names)
  const found = await all(counted, { prefix: '', delimiter: '/' }, 100)
  t.is(found.length, 10)
  t.true(read() < 200, `${read()} rows`)
  await store.close()
})

test('R004-163: a page looks at a bounded number of names, and says where the next begins', async (t) => {
  const names = new Map<string, Partial<NameRecord>>()
  for (let n = 0; n < LIST_ROWS + 2048; n++) names.set(`n${String(n).padStart(60, '0')}`, {})
  names.set('z', {})
  const { store, counted, read } = await storeOf(names)
  const query = { prefix: '', match: '*z', after: undefined, limit: 10 }
  const first = await namesOf(counted, query, WALL_MS)
  t.is(first.count, 0)
  t.true(first.more)
  t.is(read(), LIST_ROWS)
  const second = await namesOf(counted, { ...query, after: first.next }, WALL_MS)
  t.is(nameAt(second, 0), 'z')
  t.false(second.more)
  // Every step of a costly pattern counts, too.
  const before = read()
  const costly = { ...query, match: `*${'?*'.repeat(200)}z` }
  const third = await namesOf(counted, costly, 0)
  t.true(third.more)
  t.true(read() - before < LIST_ROWS)
  await store.close()
})

test('R004-163: a plain page is never empty while names follow, though names have expired', async (t) => {
  const names = new Map<string, Partial<NameRecord>>()
  for (let n = 0; n < LIST_ROWS + 10; n++) {
    names.set(`n${String(n).padStart(6, '0')}`, { expiresMs: WALL_MS })
  }
  names.set('z', {})
  const { store } = await storeOf(names)
  const page = await namesOf(store, { prefix: '', after: undefined, limit: 64 }, WALL_MS)
  t.is(page.count, 1)
  t.is(nameAt(page, 0), 'z')
  await store.close()
})

test('R004-160: the size of a name that an earlier version bound is that of its key', async (t) => {
  const store = createMemoryStore()
  const digest = digestOf('x')
  const directory = { size: 900, files: 3, depth: 1, children: 2, values: 4 }
  const key = { size: 5, location: 'l', names: 2, unnamed: false }
  await store.commit({
    conditions: [],
    writes: [
      { key: keyRow(digest), value: encodeKey({ ...key, directory }) },
      { key: nameRow('a'), value: encodeBinding({ digest, directory: false }) },
      { key: nameRow('b/c'), value: encodeBinding({ digest, directory: true }) },
      { key: nameRow('d'), value: encodeBinding({ digest: digestOf('gone'), directory: false }) },
    ],
    entry: new Uint8Array(1),
  })
  const page = await namesOf(store, { prefix: '', after: undefined, limit: 9 }, 0)
  t.deepEqual([...page.sizes], [5, 900, NaN])
  const sums = await namesOf(
    store,
    { prefix: '', after: undefined, limit: 9, totals: true, delimiter: '/' },
    0,
  )
  t.deepEqual([...sums.sizes], [5, 900, 0])
  t.deepEqual([...sums.counts], [1, 1, 1])
  await store.close()
})

test('R004-161: a level resumes before names whose common prefix began with an expired name', async (t) => {
  const expired = { expiresMs: WALL_MS }
  const names = new Map<string, Partial<NameRecord>>([['a', {}]])
  for (let n = 0; n < 6; n++) names.set(`b${n}`, expired)
  // The last row that is read together with the first.
  names.set('c/', expired)
  names.set('c/x', {})
  const { store } = await storeOf(names)
  const found = await all(store, { prefix: '', delimiter: '/' }, 1)
  t.deepEqual(
    found.map((item) => item.text),
    ['a', 'c/'],
  )
  await store.close()
})

test('R004-168 names that spell digests are listed apart, and passed over at once', async (t) => {
  const digests = Array.from({ length: 3000 }, (_, i) => `mh/b${String(i).padStart(4, '0')}`)
  const others = ['a', 'm', 'mg/x', 'mh', 'mha', 'mi', 'z/y']
  const { store, counted, read } = await storeOf(
    new Map([...others, ...digests].map((name) => [name, {}])),
  )
  const textsOf = async (query: Query, limit = 3): Promise<string[]> =>
    (await all(store, query, limit)).map(({ text }) => text)
  t.deepEqual(await textsOf({ prefix: '' }), others)
  t.deepEqual(await textsOf({ prefix: 'm' }), ['m', 'mg/x', 'mh', 'mha', 'mi'])
  t.deepEqual(await textsOf({ prefix: 'mh' }), ['mh', 'mha'])
  t.deepEqual(await textsOf({ prefix: '', after: 'mh/b0100' }), ['mha', 'mi', 'z/y'])
  t.deepEqual(await textsOf({ prefix: 'mh/' }, 1000), digests)
  t.deepEqual(await textsOf({ prefix: 'mh/b299' }), digests.slice(2990))
  t.deepEqual(
    await textsOf({ prefix: '', match: 'mh/*7' }, 1000),
    digests.filter((_, i) => i % 10 === 7),
  )
  t.deepEqual(await textsOf({ prefix: '', match: '*h*' }), ['mh', 'mha'])
  const level = ['a', 'm', 'mg/', 'mh', 'mha', 'mi', 'z/']
  t.deepEqual(await textsOf({ prefix: '', delimiter: '/' }), level)
  const totals = await all(store, { prefix: '', delimiter: '/', totals: true }, 1000)
  const sum = totals.reduce((names, one) => names + one.names, 0)
  t.is(sum, others.length + digests.length, 'sums have all of them')
  const before = read()
  t.is((await namesOf(counted, { prefix: 'm', after: 'mh', limit: 5 }, WALL_MS)).count, 2)
  t.true(read() - before < 100, `${read() - before} rows`)
})
