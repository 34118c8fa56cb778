import * as fc from 'fast-check'
import { LineSplitter } from '../../../src/daemon/api/line-splitter.ts'
import { test } from '../../serial.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

test('R007-107: lines are the same however their bytes are cut', (t) => {
  const line = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\n', ''))
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 20 }),
      line,
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
      (lines, rest, sizes) => {
        const bytes = bytesOf(lines.map((one) => `${one}\n`).join('') + rest)
        const whole = new TextDecoder().decode(bytes).split('\n')
        const splitter = new LineSplitter(1000)
        const found: string[] = []
        for (let at = 0, i = 0; at < bytes.byteLength; i++) {
          const size = sizes[i % sizes.length]!
          found.push(...splitter.take(bytes.subarray(at, at + size)))
          at += size
        }
        t.deepEqual(found, whole.slice(0, -1))
        t.is(splitter.isWhole, whole.at(-1) === '')
      },
    ),
  )
})

test('R007-107: a line without end is refused before more memory is spent than a piece', (t) => {
  const splitter = new LineSplitter(10_000)
  const piece = bytesOf('x'.repeat(100))
  let taken = 0
  t.throws(
    () => {
      for (; taken < 1_000; taken++) splitter.take(piece)
    },
    { message: 'the daemon sent a line that is too long' },
  )
  t.is(taken, 100)
  const ended = new LineSplitter(10)
  t.deepEqual(ended.take(bytesOf('1234567890\n')), ['1234567890'])
  t.throws(() => ended.take(bytesOf('12345678901\n')))
})

test('R007-107: a character that was cut is no whole line', (t) => {
  const splitter = new LineSplitter()
  t.deepEqual(splitter.take(bytesOf('a\n')), ['a'])
  t.true(splitter.isWhole)
  t.deepEqual(splitter.take(bytesOf('é').subarray(0, 1)), [])
  t.false(splitter.isWhole)
})
