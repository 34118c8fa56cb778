import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { complete } from '../../../cli/repl/complete.ts'
import { HISTORY_LINES, History } from '../../../cli/repl/history.ts'
import { splitWords } from '../../../cli/repl/quoting.ts'
import { temporaryDirectory } from '../../daemon/serving.ts'

const NAMES = ['models/v1', 'models/v2', 'my file', `it's`, 'back\\slash', 'evil\u202ename']
const known = (prefix: string): Promise<string[]> =>
  Promise.resolve(NAMES.filter((name) => name.startsWith(prefix)))

test('R007-65 verbs are completed in the case in which they are typed', async (t) => {
  t.deepEqual(await complete('', known), [
    ['SET', 'TAG', 'GET', 'DEL', 'EXISTS', 'STAT', 'KEYS', 'PATH', 'PIN', 'HELP', 'EXIT'],
    '',
  ])
  t.deepEqual(await complete('se', known), [['set ', 'setnx ', 'select '], 'se'])
  t.deepEqual(await complete('G', known), [['GET '], 'G'])
  t.deepEqual(await complete('.e', known), [['.exit'], '.e'])
  t.deepEqual(await complete('QU', known), [['QUIT'], 'QU'])
  t.deepEqual(await complete('xyz', known), [[], 'xyz'])
})

test('R007-65 names are completed after GET and DEL, in the quotes that were begun', async (t) => {
  t.deepEqual(await complete('GET mod', known), [['models/v1', 'models/v2'], 'mod'])
  t.deepEqual(await complete('del my', known), [['my\\ file'], 'my'])
  t.deepEqual(await complete(`rm 'my`, known), [[`'my file`], `'my`])
  t.deepEqual(await complete(`rm "it`, known), [[`"it's`], '"it'])
  t.deepEqual(await complete(`rm it`, known), [[`it\\'s`], 'it'])
  t.deepEqual(await complete('mget other mod', known), [['models/v1', 'models/v2'], 'mod'])
  t.deepEqual(await complete('STAT mod', known), [['models/v1', 'models/v2'], 'mod'])
  for (const line of ['SET mod', 'GET models/v1 ', 'GET a b', 'nonsense mod', '.help m']) {
    t.deepEqual((await complete(line, known))[0], [], line)
  }
})

test('R007-65 R007-62 a name that changes the direction of writing is not offered', async (t) => {
  t.deepEqual(await complete('GET ev', known), [[], 'ev'])
})

test('R007-65 a completion spells the name', async (t) => {
  const start = fc.constantFrom('', "'", '"')
  const words = fc
    .string({ unit: 'grapheme', minLength: 1 })
    .filter((one) => /^[^\p{Cc}]+$/u.test(one))
  await fc.assert(
    fc.asyncProperty(start, words, async (quote, name) => {
      const [[completed]] = await complete(`GET ${quote}`, () => Promise.resolve([name]))
      if (completed === undefined) return
      t.deepEqual(
        splitWords(`GET ${completed}${quote}`).words.map(({ text }) => text),
        ['GET', name],
      )
    }),
  )
})

test('R007-64 only its user can read the history, and it is there the next time', (t) => {
  const path = join(temporaryDirectory(t), 'repl-history')
  const history = new History(path, (fault) => t.fail(fault))
  t.deepEqual(history.load(), [])
  for (const line of [
    'SET hi hello',
    '',
    ' SET secret x',
    'GET hi',
    'x'.repeat(2000),
    '\u001b[A',
  ]) {
    history.add(line)
  }
  t.is(statSync(path).mode & 0o777, 0o600)
  t.deepEqual(history.load(), ['GET hi', 'SET hi hello'])
  chmodSync(path, 0o644)
  history.load()
  t.is(statSync(path).mode & 0o777, 0o600)
})

test('R007-64 the history is bounded', (t) => {
  const path = join(temporaryDirectory(t), 'repl-history')
  writeFileSync(path, Array.from({ length: 200_000 }, (_, i) => `GET ${i}\n`).join(''))
  const history = new History(path, (fault) => t.fail(fault))
  const lines = history.load()
  t.is(lines.length, HISTORY_LINES)
  t.is(lines[0], 'GET 199999')
  t.is(readFileSync(path, 'utf8').split('\n').length, HISTORY_LINES + 1)
  t.deepEqual(history.load(), lines)
})

test('R007-64, R007-112 a history that cannot be kept is reported once, in words', (t) => {
  const path = join(temporaryDirectory(t), 'repl-history')
  mkdirSync(path)
  const faults: string[] = []
  const history = new History(path, (fault) => faults.push(fault))
  t.deepEqual(history.load(), [])
  history.add('GET hi')
  t.deepEqual(faults, ['it is a directory'])
})
