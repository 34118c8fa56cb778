import { test } from '../serial.ts'
import { PAGE, amount, tableUnder, tables } from '../../tools/tables.ts'
import { read } from './tree.ts'

const page = read(PAGE)

for (const [heading, table] of Object.entries(tables())) {
  test(`the table under "${heading}" matches the code, row by row`, (t) => {
    t.deepEqual(tableUnder(page, heading), table, 'npm run tables rewrites it')
  })

  test(`every row under "${heading}" is complete`, (t) => {
    t.true(table.length > 1)
    for (const row of table) {
      for (const cell of row) t.not(cell, '', `${row[0]} lacks a cell: does it have a comment?`)
    }
  })
}

test('limits are grouped by document, on the page as in the code', (t) => {
  const under = page.slice(page.indexOf('\n## Limits\n'), page.indexOf('\n## Errors\n'))
  const headings = [...under.matchAll(/^### .*$/gm)].map(([heading]) => heading)
  const groups = Object.keys(tables()).filter((heading) => heading.startsWith('### '))
  t.deepEqual(headings, groups)
  t.deepEqual(
    groups.map((group) => group.slice(4).split(':')[0]),
    [
      '000',
      '001',
      '002',
      '003',
      '003-lane',
      '004',
      '005',
      '006',
      '007',
      '008',
      '009',
      '010',
      '011',
      '012',
      '013',
    ],
  )
})

test('a limit is shown in the largest unit that divides it, and never rounded', (t) => {
  t.is(amount('PIECE_BYTES', 2 ** 20), '1 MiB')
  t.is(amount('PIECE_BYTES', 2 ** 20 + 1), '1048577 bytes')
  t.is(amount('VERIFY_BYTES_PER_SECOND', 2 ** 28), '256 MiB')
  t.is(amount('SILENCE_MS', 10_000), '10 s')
  t.is(amount('PING_MS', 1500), '1500 ms')
  t.is(amount('HOLDERS', 64), '64')
  t.is(amount('NONE_BYTES', 0), '0 bytes')
})
