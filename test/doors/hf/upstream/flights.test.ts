/** Work for many callers, once, and so much at a time. */
import { Flights } from '../../../../src/doors/hf/upstream/flights.ts'
import { test } from '../../../serial.ts'

const signal = new AbortController().signal

/** Work that ends when the test says so. */
function work(): { readonly run: () => Promise<number>; readonly end: () => void; begun: number } {
  let end = (): void => undefined
  const ended = new Promise<number>((resolve) => {
    end = () => resolve(7)
  })
  const self = {
    begun: 0,
    run: () => {
      self.begun++
      return ended
    },
    end,
  }
  return self
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('R010-78 callers share one work, and one that leaves takes nothing from the others', async (t) => {
  const flights = new Flights<number>({ atOnce: 1, queued: 1 })
  const one = work()
  const leaving = new AbortController()
  const first = flights.join('a', leaving.signal, one.run)
  const second = flights.join('a', signal, one.run)
  leaving.abort(new Error('left'))
  await t.throwsAsync(first, { message: 'left' })
  one.end()
  t.is(await second, 7)
  t.is(one.begun, 1)
  await flights.join('a', signal, one.run)
  t.is(one.begun, 2, 'what has ended begins anew')
})

test('R010-78 work beyond the bounds waits, and beyond those is busy', async (t) => {
  const flights = new Flights<number>({ atOnce: 1, queued: 1 })
  const [one, two, three] = [work(), work(), work()]
  const first = flights.join('a', signal, one.run)
  const second = flights.join('b', signal, two.run)
  await t.throwsAsync(flights.join('c', signal, three.run), { code: 'busy' } as object)
  await settled()
  t.deepEqual([one.begun, two.begun, three.begun], [1, 0, 0])
  one.end()
  await first
  await settled()
  t.is(two.begun, 1)
  two.end()
  await second
  three.end()
  t.is(await flights.join('c', signal, three.run), 7)
})

test('R010-78 work that nobody waits for is not begun, and ends if it was', async (t) => {
  const flights = new Flights<number>({ atOnce: 1, queued: 1 })
  const [one, two, three] = [work(), work(), work()]
  const leaving = new AbortController()
  const left = [
    flights.join('a', leaving.signal, one.run),
    flights.join('b', leaving.signal, two.run),
  ]
  leaving.abort(new Error('left'))
  for (const each of left) await t.throwsAsync(each, { message: 'left' })
  const third = flights.join('c', signal, three.run)
  one.end()
  three.end()
  t.is(await third, 7)
  t.deepEqual([one.begun, two.begun, three.begun], [1, 0, 1])
})
