import * as fc from 'fast-check'
import { test } from '../serial.ts'
import { pageModule } from './page-module.ts'

interface Route {
  readonly view: string
  readonly parts: readonly string[]
  readonly query: Readonly<Record<string, string>>
}

interface Routes {
  readonly VIEWS: readonly string[]
  readonly parseRoute: (hash: string) => Route | undefined
  readonly formatRoute: (
    view: string,
    parts?: readonly string[],
    query?: Record<string, string>,
  ) => string
  readonly pageOf: (query: Readonly<Record<string, string>>) => number
  readonly levelsOf: (prefix: string) => { label: string; prefix: string }[]
}

interface Paths {
  readonly keyIn: (text: string) => string | undefined
  readonly namePath: (name: string) => string
  readonly treePath: (word: string, below?: readonly string[]) => string
  readonly withQuery: (
    path: string,
    parameters: Record<string, string | number | undefined>,
  ) => string
}

const { VIEWS, parseRoute, formatRoute, pageOf, levelsOf } =
  await pageModule<Routes>('core/routes.js')
const { keyIn, namePath, treePath, withQuery } = await pageModule<Paths>('api/paths.js')

// No lone surrogates: no name has any.
const words = fc.string({ minLength: 1, unit: 'grapheme' })

test('R013-51: any name survives the address of its view', (t) => {
  const queries = fc.dictionary(
    words.filter((name) => name !== '__proto__'),
    words,
    { noNullPrototype: true },
  )
  const route = fc.record({
    view: fc.constantFrom(...VIEWS),
    parts: fc.array(words, { maxLength: 4 }),
    query: queries,
  })
  fc.assert(
    fc.property(route, ({ view, parts, query }) => {
      t.deepEqual(parseRoute(formatRoute(view, parts, query)), { view, parts, query })
    }),
    { numRuns: 100 },
  )
})

test('R013-51: what is no address of a view leads nowhere', (t) => {
  for (const hash of ['', '#', '#/', '#overview', '#/else', '#/values/%E0%A4%A', '#code=abc']) {
    t.is(parseRoute(hash), undefined, hash)
  }
})

test('parts of a query that are empty are left out', (t) => {
  t.is(formatRoute('values', [], { prefix: '', after: 'a b' }), '#/values?after=a%20b')
})

test('a page that is no short number is the first one', (t) => {
  t.is(pageOf({ page: '12' }), 12)
  for (const page of ['', '-1', '1.5', 'abc', '1e99', '9'.repeat(20), 'NaN']) {
    t.is(pageOf({ page }), 0, page)
  }
  t.is(pageOf({}), 0)
})

test('the levels above a prefix', (t) => {
  t.deepEqual(levelsOf(''), [])
  t.deepEqual(levelsOf('a/bc/'), [
    { label: 'a/', prefix: 'a/' },
    { label: 'bc/', prefix: 'a/bc/' },
  ])
  t.deepEqual(levelsOf('//'), [
    { label: '/', prefix: '/' },
    { label: '/', prefix: '//' },
  ])
})

test('a search tells keys from names', (t) => {
  const digits = 'ab'.repeat(32)
  t.is(keyIn(digits.toUpperCase()), `f01551e20${digits}`)
  t.is(keyIn(`f01711e20${digits}`), `f01711e20${digits}`)
  for (const text of ['models/v1', 'ab'.repeat(31), '', 'bafy']) t.is(keyIn(text), undefined, text)
})

test('paths of calls encode each name by itself', (t) => {
  t.is(treePath('a/b', ['c?d', 'e f']), '/v1/trees/a%2Fb/c%3Fd/e%20f')
  t.is(
    withQuery('/v1/names', { prefix: 'a&b', after: undefined, limit: 5 }),
    '/v1/names?prefix=a%26b&limit=5',
  )
  t.is(withQuery('/v1/names', {}), '/v1/names')
})

test('R013-51: a path that a browser would shorten is never called', (t) => {
  const name = fc.oneof(words, fc.constantFrom('.', '..', '...', '%2e', '../x', '.%2e'))
  fc.assert(
    fc.property(name, fc.array(name, { maxLength: 3 }), (word, below) => {
      if ([word, ...below].some((one) => one === '.' || one === '..')) {
        t.throws(() => treePath(word, below), { message: /by name/ })
        return
      }
      t.is(
        new URL(treePath(word, below), 'http://host').pathname.split('/').length,
        4 + below.length,
      )
    }),
    { numRuns: 100 },
  )
  t.throws(() => namePath('..'), { message: /by name/ })
})
