import { test } from '../serial.ts'
import { exported, pages } from '../../tools/reference.ts'
import { read } from './tree.ts'

for (const [path, page] of Object.entries(pages())) {
  test(`${path} matches the code`, (t) => {
    t.true(page.length > 1000)
    t.is(read(path), page, 'npm run reference rewrites it')
  })
}

const sorted = (names: readonly string[]): string[] =>
  names.toSorted((a, b) => (a < b ? -1 : Number(a > b)))

const blocks = read('docs/reference/library.md')
  .split('```ts\n')
  .slice(1)
  .map((block) => block.split('\n```')[0]!)

test('the reference lists every export of the library once', (t) => {
  const declared = blocks.map((block) => String(/^export (?:async )?\w+ (\w+)/m.exec(block)?.[1]))
  t.deepEqual(sorted(declared), sorted(exported()))
  t.true(declared.length > 40)
})

test('every export of the library has a comment', (t) => {
  for (const block of blocks) t.true(block.startsWith('/**'), block.slice(0, 80))
})
