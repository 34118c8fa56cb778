import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { SHOWN_BYTES, displayValue } from '../../../cli/repl/display.ts'
import { safeText } from '../../../cli/wording.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const show = (value: Uint8Array): string =>
  displayValue(value.subarray(0, SHOWN_BYTES), value.byteLength)

test('R007-62 text is shown unchanged, on one line', (t) => {
  t.is(show(bytes('hello')), 'hello')
  t.is(show(bytes('naïve 日本 👩‍👩‍👧')), 'naïve 日本 👩‍👩‍👧')
  t.is(show(bytes('a\nb\tc\r')), 'a\\nb\\tc\\r')
  t.is(show(bytes('')), '(0 bytes)')
})

test('R007-62 characters that move the cursor or turn the writing are escaped', (t) => {
  t.is(show(bytes('\u001b[2J\u0007\u007f\u009b')), '\\u001b[2J\\u0007\\u007f\\u009b')
  t.is(show(bytes('a\u202eb\u2066c\u2028')), 'a\\u202eb\\u2066c\\u2028')
  t.is(show(Uint8Array.of(0)), '\\u0000')
})

test('R007-62 no value sends a control character to a terminal', (t) => {
  const any = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: 'binary' }).map(bytes))
  fc.assert(
    fc.property(any, fc.boolean(), (value, larger) => {
      t.notRegex(displayValue(value, value.byteLength + (larger ? 1 : 0)), /\p{Cc}|\p{Zl}|\p{Zp}/u)
    }),
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      t.notRegex(safeText(name), /\p{Cc}|\p{Zl}|\p{Zp}/u)
    }),
  )
})

test('R007-62 a binary value is shown in hexadecimal, with its size', (t) => {
  t.is(show(Uint8Array.of(0xff, 0, 0x1b)), '0xff001b (3B)')
  t.is(show(new Uint8Array(32).fill(0xff)), `0x${'ff'.repeat(32)} (32B)`)
  t.is(show(new Uint8Array(33).fill(0xff)), `0x${'ff'.repeat(32)}... (33B)`)
})

test('R007-62 a large value is shown by its beginning and size; no character is split', (t) => {
  t.is(show(bytes('x'.repeat(SHOWN_BYTES))), 'x'.repeat(SHOWN_BYTES))
  t.is(show(bytes('x'.repeat(2 ** 20))), `${'x'.repeat(SHOWN_BYTES)}... (the first 4KiB of 1MiB)`)
  for (const offset of [0, 1, 2, 3]) {
    const text = 'x'.repeat(offset) + '😀'.repeat(2000)
    const shown = show(bytes(text)).split('...')[0]!
    t.true(text.startsWith(shown))
    t.true(bytes(shown).byteLength > SHOWN_BYTES - 4)
  }
  // The same bytes as a whole value are no text.
  t.regex(displayValue(bytes('😀').subarray(0, 3), 3), /^0x/)
})
