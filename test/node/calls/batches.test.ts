import { test } from '../../serial.ts'
import { INLINE_ANSWER_BYTES, INLINE_VALUE_BYTES } from '../../../src/limits.ts'
import { putBatches } from '../../../src/node/calls/batches.ts'

const PER_BATCH = INLINE_ANSWER_BYTES / INLINE_VALUE_BYTES
const values = Array.from({ length: 5 * PER_BATCH }, () => new Uint8Array(INLINE_VALUE_BYTES))

test('batches are put so many at once, and their results keep their order', async (t) => {
  for (const atOnce of [1, 2]) {
    let [begun, running, most] = [0, 0, 0]
    const results = await putBatches(
      values,
      async (batch) => {
        const place = begun++
        most = Math.max(most, ++running)
        for (let turns = place % 2 === 0 ? 9 : 1; turns > 0; turns--) await Promise.resolve()
        running--
        return batch.map((_, i) => place * PER_BATCH + i)
      },
      atOnce,
    )
    t.is(most, atOnce)
    t.deepEqual(
      results,
      values.map((_, i) => i),
    )
  }
})

test('a batch that fails is reported, also where a later one fails too', async (t) => {
  let begun = 0
  const failing = putBatches(
    values,
    async () => {
      throw new Error(`batch ${begun++}`)
    },
    2,
  )
  await t.throwsAsync(failing, { message: 'batch 0' })
  t.true(begun <= 3)
})
