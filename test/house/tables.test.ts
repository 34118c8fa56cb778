import test from 'ava'
import { PAGE, amount, tableUnder, tables } from '../../tools/tables.ts'
import { read } from './tree.ts'

const page = read(PAGE)

for (const [heading, table] of Object.entries(tables())) {
  test(`the table under "${heading}" is what the code says, row by row`, (t) => {
    t.deepEqual(tableUnder(page, heading), table, 'npm run tables writes it anew')
  })

  test(`every row under "${heading}" is complete`, (t) => {
    t.true(table.length > 2)
    for (const row of table) {
      for (const cell of row) t.not(cell, '', `${row[0]} lacks a cell: has it a comment?`)
    }
  })
}

test('a limit is shown in the largest unit that divides it, and never rounded', (t) => {
  t.is(amount('PIECE_BYTES', 2 ** 20), '1 MiB')
  t.is(amount('PIECE_BYTES', 2 ** 20 + 1), '1048577 bytes')
  t.is(amount('SILENCE_MS', 10_000), '10 s')
  t.is(amount('PING_MS', 1500), '1500 ms')
  t.is(amount('HOLDERS', 64), '64')
  t.is(amount('NONE_BYTES', 0), '0 bytes')
})
