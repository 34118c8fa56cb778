import { test } from '../serial.ts'
import { concat } from '../../src/bytes.ts'
import { FrameHeaders, readHeader, writeHeader } from '../../src/network/yamux-frames.ts'

const frame = (type: number, length: number): Uint8Array =>
  writeHeader({ type, flags: 0, stream: 1, length })
const data = (length: number): Uint8Array => concat([frame(0, length), new Uint8Array(length)])

test('a header reads back as it was written', (t) => {
  const header = { type: 1, flags: 0x0f, stream: 0xffff_fffe, length: 0xffff_ffff }
  t.deepEqual(readHeader(writeHeader(header)), header)
  t.deepEqual(
    [...writeHeader({ type: 2, flags: 1, stream: 0, length: 258 })],
    [0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2],
  )
})

test('every header is found at any cut of a stream, and no body is taken for one', (t) => {
  const wire = concat([data(40), frame(1, 2 ** 31), data(0), frame(2, 7), data(41), frame(0, 9)])
  const lengths = [40, 2 ** 31, 0, 7, 41, 9]
  for (let cut = 0; cut <= wire.byteLength; cut++) {
    const headers = new FrameHeaders()
    const seen = [wire.subarray(0, cut), wire.subarray(cut)].flatMap((piece) => [
      ...headers.take(piece),
    ])
    t.deepEqual(
      seen.map(({ length }) => length),
      lengths,
    )
    t.is(headers.partial?.length, 9)
  }
})

test('a frame is partial until its last byte', (t) => {
  const headers = new FrameHeaders()
  for (const byte of data(3).subarray(0, 14))
    t.true([...headers.take(Uint8Array.of(byte))].length < 2)
  t.is(headers.partial?.length, 3)
  t.deepEqual([...headers.take(Uint8Array.of(0))], [])
  t.is(headers.partial, undefined)
})
