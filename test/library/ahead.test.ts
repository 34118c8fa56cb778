import { test } from '../serial.ts'
import { ahead } from '../../src/library/ahead.ts'

test('R007-214: results come in order, with a bounded number of calls ahead of the loop', async (t) => {
  let begun = 0
  let most = 0
  let taken = 0
  const begin = async (item: number): Promise<number> => {
    begun++
    most = Math.max(most, begun - taken)
    await new Promise((resolve) => setTimeout(resolve, item % 3))
    return item
  }
  const items = Array.from({ length: 30 }, (_, i) => i)
  for await (const item of ahead(items, 4, begin, () => t.fail())) t.is(item, taken++)
  t.is(taken, 30)
  t.is(most, 4)
})

test('R007-214: an error is thrown in its turn, and what was not taken is discarded', async (t) => {
  const discarded: number[] = []
  const begin = async (item: number): Promise<number> => {
    if (item === 2 || item === 4) throw new Error(`of ${item}`)
    return item
  }
  const loop = ahead([0, 1, 2, 3, 4, 5, 6], 5, begin, (item) => discarded.push(item))
  t.is((await loop.next()).value, 0)
  t.is((await loop.next()).value, 1)
  await t.throwsAsync(loop.next(), { message: 'of 2' })
  t.deepEqual(discarded, [3, 5, 6])

  const left = ahead(
    [0, 1, 2, 3],
    3,
    async (item) => item,
    (item) => discarded.push(item * 10),
  )
  for await (const _ of left) break
  t.deepEqual(discarded, [3, 5, 6, 10, 20])
})
