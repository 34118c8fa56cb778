import { test } from '../serial.ts'
import { WriteQueue } from '../../src/wire/write-queue.ts'

/** Work that ends when it is told to, and a record of what began. */
function works(): {
  readonly begun: string[]
  readonly work: (name: string) => () => Promise<void>
  readonly finish: (name: string, error?: Error) => void
} {
  const begun: string[] = []
  const ends = new Map<string, (error?: Error) => void>()
  const work = (name: string) => (): Promise<void> => {
    begun.push(name)
    return new Promise((resolve, reject) => {
      ends.set(name, (error) => (error === undefined ? resolve() : reject(error)))
    })
  }
  return { begun, work, finish: (name, error) => ends.get(name)!(error) }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('writes go one after the other, the first at once, and the end after all', async (t) => {
  const queue = new WriteQueue()
  const { begun, work, finish } = works()
  const first = queue.write(work('first'))
  t.deepEqual(begun, ['first'])
  const second = queue.write(work('second'))
  const ending = queue.end(work('end'))
  t.is(queue.end(work('again')), ending)
  let isIdle = false
  void queue.idle().then(() => (isIdle = true))
  await settle()
  t.deepEqual(begun, ['first'])
  finish('first')
  await first
  await settle()
  t.deepEqual(begun, ['first', 'second'])
  t.false(isIdle)
  finish('second')
  await second
  await settle()
  t.deepEqual(begun, ['first', 'second', 'end'])
  t.true(isIdle)
  finish('end')
  await ending
})

test('a write that fails rejects its caller and holds up no other', async (t) => {
  const queue = new WriteQueue()
  const { begun, work, finish } = works()
  const reason = new Error('broken')
  const failed = t.throwsAsync(queue.write(work('first')), { is: reason })
  const second = queue.write(work('second'))
  finish('first', reason)
  await failed
  await settle()
  t.deepEqual(begun, ['first', 'second'])
  finish('second')
  await second
  await queue.idle()
  void queue.write(work('third'))
  t.deepEqual(begun, ['first', 'second', 'third'], 'idle: at once')
})

test('a write after the end is a mistake of the caller', async (t) => {
  const queue = new WriteQueue()
  t.false(queue.isEnding)
  const ending = queue.end(() => Promise.resolve())
  t.true(queue.isEnding)
  await t.throwsAsync(
    queue.write(() => Promise.resolve()),
    { instanceOf: TypeError },
  )
  await ending
})
