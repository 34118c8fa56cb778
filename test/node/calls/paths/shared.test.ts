import { test } from '../../../serial.ts'
import { asDstoreError } from '../../../../src/errors.ts'
import { Shared, type Made } from '../../../../src/node/calls/paths/shared.ts'
import type { CallOptions, Progress } from '../../../../src/node/node.ts'

interface Thing extends Made {
  readonly number: number
}

/** Makes things when the test says so. */
class Maker {
  readonly shared = new Shared<Thing>()
  readonly calls: CallOptions[] = []
  readonly ended: number[] = []
  readonly removals: AbortController[] = []
  readonly #waiting: { resolve: (thing: Thing) => void; reject: (error: Error) => void }[] = []

  take(options: CallOptions = {}): ReturnType<Shared<Thing>['take']> {
    return this.shared.take('it', options, (given) => {
      this.calls.push(given)
      return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
    })
  }

  done(number: number): void {
    const removal = new AbortController()
    this.removals[number] = removal
    const end = (): void => void this.ended.push(number)
    this.#waiting[number]!.resolve({ number, removed: removal.signal, end })
  }

  fail(number: number): void {
    this.#waiting[number]!.reject(new Error('it cannot be made'))
  }
}

test('what several callers want is made once, and ends with the last of them', async (t) => {
  const maker = new Maker()
  const taken = [maker.take(), maker.take()]
  maker.done(0)
  const [one, other] = await Promise.all(taken)
  t.is(one!.made, other!.made)
  const third = await maker.take()
  t.is(maker.calls.length, 1)
  for (const { release } of [one!, one!, third]) release()
  t.deepEqual(maker.ended, [])
  other!.release()
  t.deepEqual([maker.ended, maker.shared.count], [[0], 0])
})

test('making is cancelled with the last caller that waits, and not before', async (t) => {
  const maker = new Maker()
  const aborters = [new AbortController(), new AbortController()]
  const taken = aborters.map(({ signal }) => maker.take({ signal }).catch(asDstoreError))
  aborters[0]!.abort()
  t.is(((await taken[0]) as Error as { code?: string }).code, 'cancelled')
  const { signal } = maker.calls[0]!
  t.false(signal!.aborted)
  aborters[1]!.abort()
  await taken[1]
  t.true(signal!.aborted)
  // What was made all the same ends at once, and the next caller has it made again.
  maker.done(0)
  const next = maker.take()
  maker.done(1)
  t.is((await next).made.number, 1)
  t.deepEqual(maker.ended, [0])
})

test('a failure is that of all who wait, and is not kept', async (t) => {
  const maker = new Maker()
  const taken = [maker.take(), maker.take()]
  maker.fail(0)
  for (const one of taken) await t.throwsAsync(one, { message: 'it cannot be made' })
  const next = maker.take()
  maker.done(1)
  t.is((await next).made.number, 1)
})

test('what was removed is made again for the next caller', async (t) => {
  const maker = new Maker()
  const first = maker.take()
  maker.done(0)
  const held = await first
  maker.removals[0]!.abort()
  const next = maker.take()
  maker.done(1)
  t.is((await next).made.number, 1)
  held.release()
  t.deepEqual(maker.ended, [0])
})

test('every caller that waits hears of progress', async (t) => {
  const maker = new Maker()
  const heard: Progress[][] = [[], []]
  const taken = heard.map((list) =>
    maker.take({ onProgress: (progress) => void list.push(progress) }),
  )
  const progress = { phase: 'fetch', doneBytes: 1, totalBytes: 2 } as const
  maker.calls[0]!.onProgress!(progress)
  t.deepEqual(heard, [[progress], [progress]])
  maker.done(0)
  await Promise.all(taken)
})
