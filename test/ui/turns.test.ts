import { setImmediate as soon } from 'node:timers/promises'
import { test } from '../serial.ts'
import { pageModule } from './page-module.ts'

interface Turns {
  readonly SIDE_BY_SIDE: number
  readonly inTurn: <Result>(signal: AbortSignal, move: () => Promise<Result>) => Promise<Result>
}

const { SIDE_BY_SIDE, inTurn } = await pageModule<Turns>('api/turns.js')

const { signal } = new AbortController()

test('R013-96: only so many bodies move, the first ones first, and each has its turn', async (t) => {
  const begun: number[] = []
  const ends: (() => void)[] = []
  const moves = Array.from({ length: 8 }, (_, at) =>
    inTurn(signal, async () => {
      begun.push(at)
      await new Promise<void>((resolve) => ends.push(resolve))
      return at
    }),
  )
  for (let ended = 0; ended <= 8; ended++) {
    await soon()
    t.is(begun.length, Math.min(8, SIDE_BY_SIDE + ended))
    ends[ended]?.()
  }
  t.deepEqual(begun, [0, 1, 2, 3, 4, 5, 6, 7])
  t.deepEqual(await Promise.all(moves), begun)
})

test('R013-96: one that fails gives its turn on, and one that is cancelled waits no more', async (t) => {
  const cancelling = new AbortController()
  const fails: ((error: Error) => void)[] = []
  const failing = Array.from({ length: SIDE_BY_SIDE }, () =>
    inTurn(signal, () => new Promise((_, reject) => fails.push(reject))),
  )
  const settled = Promise.allSettled(failing)
  const cancelled = inTurn(cancelling.signal, () => Promise.resolve('moved'))
  const next = inTurn(signal, () => Promise.resolve('moved'))
  cancelling.abort()
  t.is(await cancelled.catch(({ name }: Error) => name), 'AbortError')
  t.is(await inTurn(cancelling.signal, () => Promise.resolve(1)).catch(() => 'left'), 'left')
  for (const fail of fails) fail(new Error('lost'))
  t.is(await next, 'moved')
  t.true((await settled).every(({ status }) => status === 'rejected'))
  // All turns are free again.
  const free = Array.from({ length: SIDE_BY_SIDE }, (_, at) =>
    inTurn(signal, () => Promise.resolve(at)),
  )
  t.deepEqual(
    await Promise.all(free),
    Array.from({ length: SIDE_BY_SIDE }, (_, at) => at),
  )
})
