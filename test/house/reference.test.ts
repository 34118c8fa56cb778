import test from 'ava'
import { exported, pages } from '../../tools/reference.ts'
import { read } from './tree.ts'

for (const [path, page] of Object.entries(pages())) {
  test(`${path} is what the code says`, (t) => {
    t.true(page.length > 1000)
    t.is(read(path), page, 'npm run reference writes it anew')
  })
}

const sorted = (names: readonly string[]): string[] =>
  names.toSorted((a, b) => (a < b ? -1 : Number(a > b)))

const blocks = read('docs/reference/library.md')
  .split('```ts\n')
  .slice(1)
  .map((block) => block.split('\n```')[0]!)

test('everything that the library exports is in its reference, once', (t) => {
  const declared = blocks.map((block) => String(/^export (?:async )?\w+ (\w+)/m.exec(block)?.[1]))
  t.deepEqual(sorted(declared), sorted(exported()))
  t.true(declared.length > 40)
})

test('everything that the library exports says what it is', (t) => {
  for (const block of blocks) t.true(block.startsWith('/**'), block.slice(0, 80))
})
