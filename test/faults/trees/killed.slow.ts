/** The same as `killed.test` with trees of 10,000 files: takes ten minutes. */
import { test } from '../../serial.ts'
import { killOften } from './kills.ts'

const KILLS = Number(process.env['DSTORE_KILLS'] ?? 50)

test(`R004-91, R004-98: a tree of 10,000 files is whole or gone after kill -9, ${KILLS} times`, async (t) => {
  await killOften(t, { kills: KILLS, files: 10_000 })
})
