import { GROUP_BYTES, PIECE_BYTES } from '../../../src/limits.ts'
import {
  type Suite,
  adopt,
  check,
  keep,
  pattern,
  readAll,
  release,
  sameBytes,
  seal,
} from './suite.ts'

const DAMAGED = { code: 'integrity' }

export function damageTopic(suite: Suite): void {
  for (const size of [100, 2 * PIECE_BYTES]) {
    check(
      suite,
      `R005-41 ${size} damaged bytes are never given again`,
      async (t, store, harness) => {
        const location = await keep(store, pattern(size), pattern(64))
        const reading = store.read(location, { start: 0, end: size })[Symbol.asyncIterator]()
        await reading.next()
        await store.quarantine(location)
        await store.quarantine(location)
        t.true(await store.isDamaged(location))
        if (size > PIECE_BYTES) await t.throwsAsync(reading.next(), DAMAGED)
        await t.throwsAsync(readAll(store, location, 0, 1), DAMAGED)
        await t.throwsAsync(store.outboard(location), DAMAGED)
        t.like(await store.usage(), { damaged: 1, values: 1, valueBytes: size })
        if (!suite.supports.durable) return
        const again = await harness.reopen()
        t.true(await again.isDamaged(location))
        await t.throwsAsync(readAll(again, location, 0, 1), DAMAGED)
        await release(again, location)
        t.like(await again.usage(), { damaged: 0, values: 0 })
      },
    )

    check(
      suite,
      `R005-42 ${size} bytes take the place of damaged ones`,
      async (t, store, harness) => {
        const location = await keep(store, pattern(size), pattern(64))
        await store.quarantine(location)
        await store.replace(location, await seal(store, pattern(size), pattern(64)))
        t.false(await store.isDamaged(location))
        sameBytes(t, await readAll(store, location, 0, size), pattern(size))
        t.like(await store.usage(), { damaged: 0, values: 1, valueBytes: size })
        if (suite.supports.durable) {
          const again = await harness.reopen()
          sameBytes(t, await readAll(again, location, 0, size), pattern(size))
          // Once more: what takes a place can decay too.
          await again.quarantine(location)
          await again.replace(location, await seal(again, pattern(size), pattern(64)))
          sameBytes(t, await readAll(again, location, 0, size), pattern(size))
          await release(again, location)
          t.like(await again.usage(), { values: 0, valueBytes: 0 })
        }
      },
    )
  }

  check(suite, 'R005-41 what is not adopted cannot be damaged', async (t, store) => {
    const sealed = await seal(store, pattern(10))
    for (const location of [sealed, 'nowhere']) {
      await store.quarantine(location)
      t.false(await store.isDamaged(location))
    }
    t.is((await store.usage()).damaged, 0)
  })

  check(
    suite,
    'R005-42 a replacement must fit, and takes no more space than there was',
    async (t, store) => {
      const location = await keep(store, pattern(GROUP_BYTES))
      const shorter = await seal(store, pattern(10))
      const other = await keep(store, pattern(GROUP_BYTES))
      const mistake = { instanceOf: RangeError }
      await t.throwsAsync(store.replace(location, shorter), mistake)
      await t.throwsAsync(store.replace(location, other), mistake)
      await t.throwsAsync(store.replace(location, 'nowhere'), mistake)
      const same = await seal(store, pattern(GROUP_BYTES))
      await t.throwsAsync(store.replace(shorter, same), mistake)
      await store.replace(location, same)
      await t.throwsAsync(adopt(store, same), mistake)
      t.is((await store.usage()).headroomBytes, 2 * PIECE_BYTES - 2 * GROUP_BYTES - 10)
    },
    2 * PIECE_BYTES,
  )
}
