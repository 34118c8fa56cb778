/** What a sender keeps of a stream. */
import { test } from '../serial.ts'
import { concat } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { Tail } from '../../src/transfer/tail.ts'
import { pattern } from '../hash/sizes.ts'
import { sameBytes } from '../same-bytes.ts'

const BYTES = pattern(1000)
const plain = <T>(next: Promise<T>): Promise<T> => next

async function* parts(size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < BYTES.byteLength; at += size) yield BYTES.subarray(at, at + size)
}

async function taken(bytes: AsyncIterable<Uint8Array>, most = Infinity): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  let count = 0
  for await (const part of bytes) {
    all.push(part)
    count += part.byteLength
    if (count >= most) break
  }
  return concat(all)
}

test('R003-119: a stream continues from any byte that is kept, whatever the receiver has acknowledged', async (t) => {
  for (const size of [1, 7, 100, 1000]) {
    for (const sent of [7, 100, 999]) {
      for (const acknowledged of [0, 1, 50, 100].filter((at) => at <= sent)) {
        const tail = new Tail(parts(size))
        await taken(tail.from(0, plain), sent)
        t.true(tail.drop(acknowledged))
        t.true(tail.start <= acknowledged && acknowledged - tail.start < size)
        for (const position of [acknowledged, Math.min(sent, acknowledged + 3)]) {
          const other = new Tail(parts(size))
          await taken(other.from(0, plain), sent)
          other.drop(acknowledged)
          sameBytes(t, await taken(other.from(position, plain)), BYTES.subarray(position))
        }
      }
    }
  }
})

test('R003-119: a receiver cannot have what was not sent', async (t) => {
  const tail = new Tail(parts(100))
  await taken(tail.from(0, plain), 300)
  t.false(tail.drop(301))
  t.true(tail.drop(300))
  t.is(tail.start, 300)
})

test('R003-119: a part that arrives after a channel gave up waiting for it is sent on the next', async (t) => {
  let release: () => void = () => undefined
  async function* late(): AsyncGenerator<Uint8Array> {
    yield BYTES.subarray(0, 10)
    await new Promise<void>((resolve) => (release = resolve))
    yield BYTES.subarray(10)
  }
  const tail = new Tail(late())
  let waits = 0
  const impatient = <T>(next: Promise<T>): Promise<T> =>
    ++waits === 1 ? next : Promise.reject(new DstoreError('unreachable', 'the channel broke'))
  await t.throwsAsync(taken(tail.from(0, impatient)), { code: 'unreachable' })
  release()
  sameBytes(t, await taken(tail.from(4, plain)), BYTES.subarray(4))
  // The end is found again, too.
  sameBytes(t, await taken(tail.from(900, plain)), BYTES.subarray(900))
})
