import { test } from '../serial.ts'
import { DstoreError } from '../../src/errors.ts'
import { Inbox } from '../../src/wire/inbox.ts'
import { memory } from './channel-tools.ts'

const of = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes)

/** An inbox, and what it said that was taken. */
function inbox(cut?: (available: number) => number): { box: Inbox; taken: number[] } {
  const taken: number[] = []
  return { box: new Inbox({ onTaken: (count) => taken.push(count), cut }), taken }
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10))

test('memory can be reserved only for a pending fill', async (t) => {
  const { box } = inbox()
  t.is(box.reserve(10), undefined)
  const reading = box.read()
  t.is(box.reserve(10), undefined)
  box.push(of(1))
  await reading
  const target = memory(5)
  const filling = box.fill(target, 2)
  const reserved = box.reserve(10)!
  t.is(reserved.buffer, target.buffer)
  t.deepEqual([reserved.byteOffset, reserved.byteLength], [2, 3])
  t.is(box.reserve(2)!.byteLength, 2, 'no more than there is to come')
  reserved.set(of(7, 8, 9))
  t.true(box.commit(reserved, 3))
  t.is(await filling, 5)
  t.deepEqual(target, of(0, 0, 7, 8, 9))
  t.is(box.reserve(10), undefined)
  t.false(box.commit(reserved, 3))
})

test('small pieces are copied together while the reader is behind, and stay as they came', async (t) => {
  const { box, taken } = inbox()
  const sent: number[] = []
  const received = new Uint8Array(200_000).map((_, i) => (i * 7) % 251)
  let at = 0
  const push = (length: number): void => {
    box.push(received.subarray(at, at + length))
    sent.push(...received.subarray(at, at + length))
    at += length
  }
  for (let i = 0; i < 20_000; i++) push(1)
  t.true(box.weight < 200_000, `${box.weight} for 20,000 bytes that came one at a time`)
  push(17_000)
  for (let i = 0; i < 20; i++) push(5000 + i)
  const got: number[] = []
  while (got.length < sent.length) {
    const piece = (await box.read())!
    got.push(...piece)
    // It is read between the pieces, too.
    if (got.length === 5000) for (let i = 0; i < 300; i++) push(3)
  }
  t.is(Buffer.compare(Buffer.from(got), Buffer.from(sent)), 0)
  t.is(
    taken.reduce((sum, count) => sum + count, 0),
    sent.length,
  )
  t.is(box.weight, 0)
})

test('where reads are cut no memory can be reserved', async (t) => {
  const { box } = inbox(() => 1)
  const filling = box.fill(memory(5))
  t.is(box.reserve(10), undefined)
  box.push(of(1, 2, 3))
  t.is(await filling, 1)
  t.true(box.weight > 2)
})

test('bytes are committed only to the fill that waits for them there', async (t) => {
  const { box } = inbox()
  const target = memory(100)
  const first = box.fill(target)
  const reserved = box.reserve(100)!
  t.true(box.commit(reserved.subarray(0, 10), 10))
  t.is(await first, 10)
  const stale = target.subarray(10)
  t.false(box.commit(stale, 1), 'no fill is pending')
  const other = box.fill(memory(100).subarray(stale.byteOffset))
  t.false(box.commit(stale, 1), 'other memory')
  box.push(memory(90))
  t.is(await other, 90)
  const gap = box.fill(target.subarray(11))
  t.false(box.commit(stale, 1), 'another place')
  box.push(memory(89))
  t.is(await gap, 89)
  const less = box.fill(target.subarray(10, 12))
  t.false(box.commit(stale, 3), 'more than there is room for')
  t.true(box.commit(stale, 2))
  t.is(await less, 2)
  const behind = box.fill(target, 10)
  t.true(box.commit(stale, 90), 'the same place, though asked for otherwise')
  t.is(await behind, 100)
})

test('memory is filled across pieces, and what is left of one is the next', async (t) => {
  const { box, taken } = inbox()
  box.push(of(1, 2, 3))
  box.push(of(4, 5, 6))
  const target = memory(4)
  t.is(await box.fill(target), 4)
  t.deepEqual(target, of(1, 2, 3, 4))
  t.deepEqual(await box.read(), of(5, 6))
  t.deepEqual(taken, [4, 2])
  t.is(box.weight, 0)
})

test('who waits in vain is given what came, and the next is looked after as well', async (t) => {
  const { box } = inbox()
  for (let round = 0; round < 3; round++) {
    const target = memory(4)
    const filling = box.fill(target)
    await settle()
    box.push(of(round))
    t.is(await filling, 1)
    t.is(target[0], round)
    t.is(await box.fill(target, 1), 1)
  }
})

test('a failure gives what has landed, drops what waits, and rejects from then on', async (t) => {
  const reason = new DstoreError('unreachable', 'gone')
  const { box } = inbox()
  const filling = box.fill(memory(4))
  box.push(of(1))
  box.fail(reason)
  t.is(await filling, 1)
  await t.throwsAsync(box.fill(memory(4)), { is: reason })
  await t.throwsAsync(box.read(), { is: reason })
  t.is(await box.fill(memory(4), 3), 3)
  const { box: other } = inbox()
  const waiting = t.throwsAsync(other.fill(memory(4)), { is: reason })
  other.fail(reason)
  other.fail(new DstoreError('cancelled', 'too late'))
  await waiting
  const { box: third } = inbox()
  third.push(of(1, 2))
  third.fail(reason)
  t.is(third.weight, 0)
  await t.throwsAsync(third.fill(memory(4)), { is: reason })
})

test('bytes that come after the end or a failure are dropped', async (t) => {
  const { box } = inbox()
  box.end()
  box.push(of(1))
  t.true(box.finished)
  t.is(await box.read(), undefined)
  const { box: failed } = inbox()
  failed.fail(new DstoreError('unreachable', 'gone'))
  failed.push(of(1))
  failed.end()
  t.is(failed.weight, 0)
  t.false(failed.ended)
})

test('the end comes once everything was taken, by whatever means', async (t) => {
  const { box, taken } = inbox()
  box.push(of(1, 2))
  box.end()
  t.false(box.finished)
  t.is(await box.fill(memory(4)), 2)
  t.true(box.finished)
  t.is(await box.fill(memory(4)), 0)
  t.is(await box.fill(memory(4), 1), 1)
  t.is(await box.read(), undefined)
  box.fail(new DstoreError('unreachable', 'gone'))
  t.is(await box.fill(memory(4)), 0, 'who has read everything still reads the end')
  t.deepEqual(taken, [2, 0, 0, 0, 0])
})
