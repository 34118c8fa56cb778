import { existsSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from '../serial.ts'
import { parseSync } from 'rolldown/utils'
import { isGenerated } from '../../tools/house.ts'
import { idsInTests, rules, rulesOf, specPages, withRuleIndex } from '../../tools/rules.ts'
import { ROOT, filesIn, read } from './tree.ts'

const pages = filesIn('.').filter((path) => path.endsWith('.md'))
const code = ['src', 'cli', 'test', 'specs', 'bench', 'tools', 'examples']
  .filter((folder) => existsSync(join(ROOT, folder)))
  .flatMap(filesIn)
  .filter((path) => path.endsWith('.ts') && !isGenerated(path))

/** Pages and sources that people read: with their messages and comments, specs, documentation. */
const folders = ['src', 'cli', 'docs', 'specs', 'bench/notes'].flatMap(filesIn)
const prose = folders
  .concat('README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'bench/README.md')
  .filter((path) => /\.(ts|md|yaml|proto)$/.test(path) && !isGenerated(path))

/** Mannerisms with a plain word: always, the peer, drops, resumes, n bytes, again. */
const MANNERISMS =
  /\b(for ever|whoever|(some|no)body|lets? go of|(gone|goes|go) on with|so many bytes|anew)\b/gi

test('links between pages lead to existing files', (t) => {
  t.true(pages.length > 2)
  for (const page of pages) {
    for (const [, target] of read(page).matchAll(/\]\(([^)#:\s]+)(?:#[^)\s]*)?\)/g)) {
      const path = posix.join(posix.dirname(page), target!)
      t.true(existsSync(join(ROOT, path)), `${page} links to ${target}, which does not exist`)
    }
  }
})

test('no comment defers work', (t) => {
  const marks = /(TO[D]O|FIX[M]E|X[X]X)/
  for (const path of [...code, ...pages]) t.notRegex(read(path), marks, path)
})

test('the prose is plain English, without mannerisms', (t) => {
  const found = prose.flatMap((path) => {
    // A phrase may be broken over two lines, of text or of a comment.
    const text = read(path).replaceAll(/\s*\n\s*(?:\*|\/\/|#|>)?\s*/g, ' ')
    return [...text.matchAll(MANNERISMS)].map(([phrase]) => `${path}: ${phrase}`)
  })
  t.true(prose.length > 200)
  t.deepEqual(found, [])
})

test('comments are at most 100 columns wide', (t) => {
  const found = code.flatMap((path) => {
    const text = read(path)
    const lines = text.split('\n')
    const lineAt = (offset: number): number => text.slice(0, offset).split('\n').length - 1
    const commented = parseSync(path, text).comments.flatMap(({ start, end }) =>
      lines.slice(lineAt(start), lineAt(end) + 1),
    )
    const wide = commented.filter((line) => line.length > 100 && !/https?:\/\//.test(line))
    return wide.map((line) => `${path}: ${line.trim()}`)
  })
  t.deepEqual(found, [])
})

test('the page of benchmarks stays short: at most 900 words', (t) => {
  t.true(read('bench/README.md').match(/[^\s|]+/g)!.length <= 900)
})

test('no test is skipped, and none excludes the others', (t) => {
  const marks = /\btest(\.\w+)*\.(only|skip|failing|todo)\b/
  for (const path of code.filter((name) => name.startsWith('test/'))) {
    t.notRegex(read(path), marks, path)
  }
})

test('no file names a folder of one machine', (t) => {
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

for (const page of specPages()) {
  test(`the index of rules in ${page} matches its rules`, (t) => {
    const text = read(join('specs', page))
    t.is(text, withRuleIndex(page, text), 'npm run tables rewrites it')
  })
}

test('an index of rules is in numeric order, and names the section of each', (t) => {
  const page = `# 999: x

Intro.

## One: \`a\`

- \`R999-1\` It MUST.
- \`R999-4\` It MUST.
- \`R999-2\` It MUST.

## Two

- \`R999-3\` It MUST.
- \`R999-6\` It MUST.
- \`R999-8\` It MUST.
- \`R999-9\` It MUST.
- \`R999-10\` It MUST.
`
  const index = `
## Index of rules

Where each rule \`R999-n\` stands, by its number.

- 1, 2: [One: \`a\`](#one-a)
- 3: [Two](#two)
- 4: [One: \`a\`](#one-a)
- 6, 8 to 10: [Two](#two)
`
  const indexed = withRuleIndex('999-x.md', page)
  t.is(
    indexed,
    page.replace('\n## One', () => `${index}\n## One`),
  )
  t.is(withRuleIndex('999-x.md', indexed), indexed)
  t.is(withRuleIndex('999-x.md', '# 999: x\n\n## One\n'), '# 999: x\n\n## One\n')
})
