/** How sessions are drawn; `session.extended.ts` runs the one of the README again. */
import { readFileSync } from 'node:fs'
import { COLUMNS, draw, linesIn, onScreen } from '../../tools/session/picture.ts'
import { test } from '../serial.ts'
import { CAPTION, PICTURE } from './session.ts'

test('the picture of the README is drawn from its text, and needs nothing from elsewhere', (t) => {
  const picture = readFileSync(PICTURE, 'utf8')
  t.is(draw(linesIn(picture), CAPTION), picture, 'DSTORE_DOCS=write: see session.extended.ts')
  t.true(picture.includes('prefers-color-scheme: dark'))
  for (const element of ['title', 'desc']) t.regex(picture, new RegExp(`<${element} id="\\w+">\\w`))
  const own = picture.replace('xmlns="http://www.w3.org/2000/svg"', '')
  t.notRegex(own, /https?:|href|url\(|@import|@font-face|<script|<image|foreignObject/)
  t.true(readFileSync('README.md', 'utf8').includes(`](${PICTURE})`))
})

test('a picture shows each line as it was printed', (t) => {
  const lines = ['a$ echo "<1 & 2>"', '<1 & 2>', '  two  words', '&amp;', '']
  t.deepEqual(linesIn(draw(lines, { title: '<', description: '&' })), lines)
  t.throws(() => draw(['x'.repeat(COLUMNS + 1)], CAPTION))
})

test('a screen keeps no line of progress, and breaks long lines', (t) => {
  t.deepEqual(onScreen('\r\u001b[Kf  1%\r\u001b[Kf  90%\r\u001b[Kdone\r\n\r\ntwo\r\n'), [
    'done',
    '',
    'two',
  ])
  const long = 'x'.repeat(COLUMNS)
  t.deepEqual(onScreen(`${long}${long}y\n`), [long, long, 'y'])
  t.deepEqual(onScreen(`${long}\n`), [long])
  for (const control of ['\u001b[1m', '\u001b[2A', '\b', '\r']) {
    t.throws(() => onScreen(`a${control}b\n`), undefined, JSON.stringify(control))
  }
})
