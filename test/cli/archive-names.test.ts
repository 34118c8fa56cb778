/** Names in an archive: of any number, with their kinds and their ends. */
import { bindArchived } from '../../cli/archive/bind-archived.ts'
import { ValueNames } from '../../cli/archive/value-names.ts'
import type { NameLine } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { DstoreError } from '../../src/errors.ts'
import { NAMES_PER_ANSWER } from '../../src/limits.ts'
import { pattern } from '../hash/sizes.ts'
import { test } from '../serial.ts'
import { keyOf } from './archive-import.ts'

/** A daemon with one value that these names are bound to, in this order. */
function namedClient(
  names: readonly NameLine[],
  answers = names.length,
): { readonly calls: string[]; readonly client: Client } {
  const calls: string[] = []
  const find = (name: string): NameLine => names.find((one) => one.name === name)!
  const client = {
    facts: (key: string) => {
      calls.push('facts')
      const some = names.slice(0, answers).map(({ name }) => name)
      return Promise.resolve({ key, size: 1, names: some, confirmed: true })
    },
    lookup: (name: string) => {
      calls.push('lookup')
      return Promise.resolve(find(name))
    },
    names: async function* () {
      calls.push('names')
      yield* await Promise.resolve(names)
    },
  }
  return { calls, client: client as unknown as Client }
}

const VALUE = keyOf(pattern(1))
const later = '2090-01-01T00:00:00.000Z'
const BOUND: readonly NameLine[] = [
  { name: 'b', key: VALUE, kind: 'tag', boundAt: later },
  { name: 'a', key: VALUE, kind: 'fixed', expiresAt: later },
  { name: 'elsewhere', key: keyOf(pattern(2)), kind: 'fixed' },
]

test('R007-40, R007-41: names are in order, with their kinds and times, asked for or listed', async (t) => {
  const expected = [
    { name: 'a', key: VALUE, expires: later },
    { name: 'b', key: VALUE, kind: 'tag' },
  ] as const
  const one = namedClient(BOUND)
  const names = new ValueNames(one.client, 1)
  t.deepEqual(await names.of(VALUE), expected)
  t.deepEqual(one.calls, ['facts', 'lookup', 'lookup', 'lookup'])
  // The next value, and any after it, is found in one list of all names.
  t.deepEqual(await names.of(VALUE), expected)
  t.deepEqual(await names.of(keyOf(pattern(3))), [])
  t.deepEqual(one.calls.slice(4), ['names'])
  await names.close()
})

test('R007-41: a value with more names than one answer has is exported with all of them', async (t) => {
  const many = Array.from({ length: 3000 }, (_, at): NameLine => ({ name: `${at}`, key: VALUE }))
  const { client, calls } = namedClient(many, NAMES_PER_ANSWER)
  const names = new ValueNames(client)
  const found = await names.of(VALUE)
  t.is(new Set(found.map(({ name }) => name)).size, 3000)
  t.deepEqual(calls, ['facts', 'names'])
  await names.close()
})

test('R007-44: a name is bound with its kind and what is left of its time; no tag is moved', async (t) => {
  const calls: unknown[] = []
  const bound = new Map<string, object>([
    ['moved', { key: keyOf(pattern(2)), kind: 'tag' }],
    ['fixed', { key: VALUE, kind: 'fixed' }],
    ['same', { key: VALUE, kind: 'tag' }],
  ])
  const client = {
    bind: (name: string, _key: string, terms: object) => {
      calls.push(['bind', name, Object.keys(terms)])
      return Promise.resolve({})
    },
    lookup: (name: string) => {
      const found = bound.get(name)
      return found === undefined
        ? Promise.reject(new DstoreError('not-found', 'no such name'))
        : Promise.resolve(found)
    },
    tags: {
      move: (name: string, _key: string, terms: object) => {
        calls.push(['move', name, Object.keys(terms)])
        return Promise.resolve({})
      },
    },
  } as unknown as Client
  const key = VALUE
  t.true(await bindArchived(client, { name: 'a', key }))
  t.true(await bindArchived(client, { name: 'b', key, expires: later }))
  t.true(await bindArchived(client, { name: 'c', key, kind: 'tag', expires: later }))
  t.true(await bindArchived(client, { name: 'same', key, kind: 'tag' }))
  t.false(await bindArchived(client, { name: 'over', key, expires: '2020-01-01T00:00:00Z' }))
  for (const name of ['moved', 'fixed']) {
    await t.throwsAsync(bindArchived(client, { name, key, kind: 'tag' }), { code: 'conflict' })
  }
  t.deepEqual(calls, [
    ['bind', 'a', []],
    ['bind', 'b', ['expiresMs']],
    ['move', 'c', ['expiresMs']],
  ])
})
