/** `kill -9` in the middle of puts and removals of trees. */
import { test } from '../../serial.ts'
import { killOften } from './kills.ts'

const KILLS = Number(process.env['DSTORE_KILLS'] ?? 2)

test(`R004-91, R004-98: a tree is whole or gone after kill -9, ${KILLS} times`, async (t) => {
  await killOften(t, { kills: KILLS, files: 150 })
})
