import { test } from '../serial.ts'
import { pageModule } from './page-module.ts'

interface Preview {
  readonly pictureType: (bytes: Uint8Array) => string | undefined
  readonly textOf: (bytes: Uint8Array, isWhole: boolean) => string | undefined
  readonly prettyJson: (text: string) => string | undefined
  readonly hexOf: (bytes: Uint8Array) => string
}

const { pictureType, textOf, prettyJson, hexOf } = await pageModule<Preview>('core/preview.js')

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

test('R013-58: pictures are told by their first bytes, and only kinds that run nothing', (t) => {
  t.is(pictureType(bytes('\u0089PNG\r\n\u001a\n....')), 'image/png')
  t.is(pictureType(bytes('\u00ff\u00d8\u00ff\u00e0')), 'image/jpeg')
  t.is(pictureType(bytes('GIF89a')), 'image/gif')
  t.is(pictureType(bytes('RIFF....WEBPVP8 ')), 'image/webp')
  t.is(pictureType(bytes('\0\0\0 ftypavif')), 'image/avif')
  for (const text of ['<svg onload="x">', '<html>', '%PDF-1.7', 'RIFF....WAVE', '']) {
    t.is(pictureType(bytes(text)), undefined, text)
  }
})

test('R013-58: text is UTF-8 without control characters; a page of HTML is text', (t) => {
  const page = '<html><script>alert(1)</script>\n\ttext \u001b[31m'
  t.is(textOf(Buffer.from(page), true), page)
  t.is(textOf(bytes('\u00ff\u00fe'), true), undefined)
  t.is(textOf(bytes('a\0b'), true), undefined)
})

test('R013-58: a character that the end of the preview cuts is left out', (t) => {
  const cut = Buffer.from('ab\u00e9').subarray(0, 3)
  t.is(textOf(cut, false), 'ab')
  t.is(textOf(cut, true), undefined)
})

test('JSON is indented, and what only looks like it stays as it is', (t) => {
  t.is(prettyJson('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}')
  t.is(prettyJson('{"a":'), undefined)
  for (const document of [
    {},
    [],
    { a: {}, b: [[], 1, 'x: [,] "\\'] },
    [null, true, -1.5e-7, { a: 1 }],
  ]) {
    const text = JSON.stringify(document)
    t.is(prettyJson(text), JSON.stringify(document, undefined, 2))
  }
  t.is(
    prettyJson('{"n":12345678901234567890,"n":1.0}'),
    '{\n  "n": 12345678901234567890,\n  "n": 1.0\n}',
  )
  t.is(prettyJson('['.repeat(10_000) + ']'.repeat(10_000)), undefined)
  t.is(prettyJson('plain'), undefined)
})

test('R013-58: JSON that would become many times as long stays as it is, and takes no long task', (t) => {
  const text = `${'['.repeat(90)}${'1,'.repeat(500_000)}1${']'.repeat(90)}`
  const begin = performance.now()
  t.is(prettyJson(text), undefined)
  t.true(performance.now() - begin < 2000)
  const list = JSON.stringify(Array.from({ length: 50_000 }, (_, i) => ({ i })))
  t.is(prettyJson(list), JSON.stringify(JSON.parse(list), undefined, 2))
})

test('bytes are shown in lines, with what is readable, at most a kibibyte of them', (t) => {
  t.is(hexOf(bytes('AB\0')), '00000000  41 42 00                                         AB.')
  t.is(hexOf(new Uint8Array(5000)).split('\n').length, 64)
})
