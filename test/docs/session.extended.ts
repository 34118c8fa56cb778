/** The picture of a session in the README shows what the program prints. */
import { readFileSync, writeFileSync } from 'node:fs'
import { draw, linesIn } from '../../tools/session/picture.ts'
import { test } from '../serial.ts'
import { normalise } from './normalise.ts'
import { CAPTION, PICTURE, record } from './session.ts'

/** Rates of transfers differ between runs, as the durations do. */
const shown = (lines: readonly string[]): string =>
  normalise(lines.join('\n').replaceAll(/[\d.]+[KMG]iB\/s/g, 'RATE'))

test('the session in the picture of the README prints what the picture shows', async (t) => {
  t.timeout(180_000)
  const lines = await record()
  if (process.env['DSTORE_DOCS'] === 'write') writeFileSync(PICTURE, draw(lines, CAPTION))
  t.is(shown(linesIn(readFileSync(PICTURE, 'utf8'))), shown(lines))
  t.true(lines.length >= 10)
})
