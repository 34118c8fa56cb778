import { test } from './serial.ts'
import { checkArguments, checkVariables } from '../cli/arguments.ts'
import { checkLossless, checkWellFormed, decodeUtf8, isLossy } from '../src/utf8.ts'

/** Encodings of no character: cut, overlong, of a surrogate, beyond Unicode, of Latin-1. */
const NOT_UTF8 = ['e9', 'c3', 'c0af', 'e0809f', 'eda080', 'f4908080', '80', 'ff', '61e962']

test('R007-97 bytes that are not UTF-8 are no text', (t) => {
  for (const hex of NOT_UTF8) t.is(decodeUtf8(Buffer.from(hex, 'hex')), undefined, hex)
  for (const text of ['', 'a', 'é漢😀', '\ufeffa', '\u0000', '\ufffd']) {
    t.is(decodeUtf8(Buffer.from(text)), text)
  }
})

test('R007-97 text shows that a part of it was or would be replaced', (t) => {
  for (const text of ['\ufffd', 'n\ufffd', '\ud800', '\udc00a', 'a\ud83d', '\udc00\ud83d']) {
    t.true(isLossy(text))
    t.throws(() => checkLossless(text, 'it'), { code: 'usage', message: 'it is not UTF-8' })
  }
  for (const text of ['', 'é', '😀', '\ufffc', '\ufffe']) {
    t.false(isLossy(text))
    t.is(checkLossless(text, 'it'), text)
    t.is(checkWellFormed(text, 'it'), text)
  }
  t.is(checkWellFormed('\ufffd', 'it'), '\ufffd')
  t.throws(() => checkWellFormed('a\ud800', 'it'), { code: 'usage', message: /^it is not Unicode/ })
})

test('R007-97 the argument or the variable that is not UTF-8 is named', (t) => {
  for (const [args, message] of [
    [['get', 'n\ufffd'], 'argument 2 is not UTF-8'],
    [['\ufffd'], 'argument 1 is not UTF-8'],
    [['put', '-', '--name', '\ufffd'], 'argument 4, the value of --name, is not UTF-8'],
    [['get', 'k', '-o', 'x\ufffd'], 'argument 4, the value of -o, is not UTF-8'],
    [['get', 'k', '--output=\ufffd'], 'argument 3, the value of --output, is not UTF-8'],
    [['put', '--json', '\ufffd'], 'argument 3 is not UTF-8'],
    [['put', '--', '\ufffd'], 'argument 3 is not UTF-8'],
  ] as const) {
    t.throws(() => checkArguments(args), { code: 'usage', message })
  }
  checkArguments(['put', 'é', '😀'])
  checkVariables({ DSTORE_DIR: 'é', PS1: '\ufffd' })
  for (const name of ['DSTORE_DIR', 'DSTORE_SOCKET', 'DSTORE_TIMEOUT', 'DSTORE_JOIN']) {
    t.throws(() => checkVariables({ [name]: 'a\ufffd' }), { message: `${name} is not UTF-8` })
  }
})
