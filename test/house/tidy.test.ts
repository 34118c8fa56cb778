import { existsSync } from 'node:fs'
import { join, posix } from 'node:path'
import test from 'ava'
import { idsInTests, rules, rulesOf } from '../../tools/rules.ts'
import { ROOT, filesIn, read } from './tree.ts'

const pages = filesIn('.').filter((path) => path.endsWith('.md'))
const code = ['src', 'cli', 'test', 'specs', 'bench', 'tools']
  .filter((folder) => existsSync(join(ROOT, folder)))
  .flatMap(filesIn)
  .filter((path) => path.endsWith('.ts') && !path.endsWith('_pb.ts'))

test('links between pages lead somewhere', (t) => {
  t.true(pages.length > 2)
  for (const page of pages) {
    for (const [, target] of read(page).matchAll(/\]\(([^)#:\s]+)(?:#[^)\s]*)?\)/g)) {
      const path = posix.join(posix.dirname(page), target!)
      t.true(existsSync(join(ROOT, path)), `${page} links to ${target}, which is not there`)
    }
  }
})

test('work that is left is not left in a comment', (t) => {
  const marks = /(TO[D]O|FIX[M]E|X[X]X)/
  for (const path of [...code, ...pages]) t.notRegex(read(path), marks, path)
})

test('no test is left out, and none keeps the others from running', (t) => {
  const marks = /\btest(\.\w+)*\.(only|skip|failing|todo)\b/
  for (const path of code.filter((name) => name.startsWith('test/'))) {
    t.notRegex(read(path), marks, path)
  }
})

test('nothing names a folder of one machine', (t) => {
  for (const path of [...code, ...pages]) {
    t.notRegex(read(path), /(?<![\w.~-])\/(home|Users|root)\/\w/, path)
  }
})

test('each rule has one number', (t) => {
  const ids = rules().map(({ id }) => id)
  t.true(ids.length > 0)
  t.deepEqual(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    [],
  )
})

test('a rule is set on the page whose number it has', (t) => {
  for (const { id, page } of rules()) t.is(id.slice(1, 4), page.slice(0, 3), id)
})

test('tests name only rules that exist', (t) => {
  const ids = new Set(rules().map(({ id }) => id))
  const pagesWithRules = new Set([...ids].map((id) => id.slice(0, 4)))
  const named = [...idsInTests()].filter((id) => pagesWithRules.has(id.slice(0, 4)))
  for (const id of named) t.true(ids.has(id), `no page sets ${id}`)
  t.pass()
})

test('a rule is found in every form in which pages set it', (t) => {
  const page = '- `R999-1` It MUST.\nText on R999-2.\n**R999-2.** It MUST NOT.\n'
  t.deepEqual(
    rulesOf('999-x.md', page).map(({ id, text }) => [id, text]),
    [
      ['R999-1', 'It MUST.'],
      ['R999-2', 'It MUST NOT.'],
    ],
  )
})
