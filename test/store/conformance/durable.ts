import { PIECE_BYTES } from '../../../src/limits.ts'
import { decodeCounter } from '../../../src/store/counters.ts'
import type { Location } from '../../../src/store/store.ts'
import {
  type Suite,
  adopt,
  check,
  commit,
  keep,
  keyOf,
  pattern,
  readAll,
  release,
  row,
  sameBytes,
  seal,
  text,
  write,
} from './suite.ts'

const SIZES: readonly number[] = [0, 1, 100, 2 * PIECE_BYTES + 1]

export function durableTopic(suite: Suite): void {
  check(suite, 'R005-29 what was committed is there after reopening', async (t, store, harness) => {
    const kept: Location[] = []
    for (const size of SIZES) kept.push(await keep(store, pattern(size), pattern(64)))
    const seq = await commit(store, write('a', '1'), write('n', '2', 'names'))
    await store.commit({ conditions: [], writes: [write('m', '3', 'meta')], entry: undefined })
    const meta = await row(store, 'm', 'meta')
    const increments = [{ key: keyOf('count', 'meta'), by: 2 }]
    await store.commit({ conditions: [], writes: [], increments, entry: undefined })
    const counter = await row(store, 'count', 'meta')
    await store.trim(2)
    const usage = await store.usage()

    const again = await harness.reopen()
    for (const [i, location] of kept.entries()) {
      sameBytes(t, await readAll(again, location, 0, SIZES[i]!), pattern(SIZES[i]!))
      sameBytes(t, await again.outboard(location), pattern(64))
    }
    t.like(await row(again, 'a'), { value: text('1'), version: seq })
    t.like(await row(again, 'n', 'names'), { value: text('2'), version: seq })
    t.deepEqual(await row(again, 'm', 'meta'), meta)
    t.deepEqual(await row(again, 'count', 'meta'), counter)
    await again.commit({ conditions: [], writes: [], increments, entry: undefined })
    t.is(decodeCounter((await row(again, 'count', 'meta'))!.value), 4)
    t.is(await again.lastSeq(), seq)
    t.is((await again.log(0, 100))[0]!.seq, 3)
    t.deepEqual(await again.usage(), usage)
    t.is(await commit(again), seq + 1)
    await again.commit({ conditions: [], writes: [write('m', '3', 'meta')], entry: undefined })
    t.not((await row(again, 'm', 'meta'))!.version, meta!.version)
  })

  check(
    suite,
    'R005-29 what was trimmed away is never counted again',
    async (t, store, harness) => {
      await commit(store)
      await commit(store)
      await store.trim(2)
      const again = await harness.reopen()
      t.is(await again.lastSeq(), 2)
      t.is(await commit(again), 3)
    },
  )

  check(
    suite,
    'R005-30 what was never adopted is gone after reopening',
    async (t, store, harness) => {
      const gone: Location[] = []
      for (const size of SIZES) {
        gone.push(await seal(store, pattern(size), pattern(64)))
        const released = await keep(store, pattern(size))
        await release(store, released)
        gone.push(released)
        const staging = await store.stage(undefined)
        await staging.write(pattern(size))
      }
      const again = await harness.reopen()
      for (const location of gone) {
        await t.throwsAsync(readAll(again, location, 0, 0), { code: 'removed' })
        await t.throwsAsync(adopt(again, location), { instanceOf: RangeError })
      }
      t.like(await again.usage(), { values: 0, valueBytes: 0 })
    },
  )

  check(suite, 'R005-19 no place is given again after reopening', async (t, store, harness) => {
    const places = new Set<Location>()
    for (let round = 0; round < 3; round++) {
      const opened = round === 0 ? store : await harness.reopen()
      for (const size of SIZES) {
        for (const location of [
          await keep(opened, pattern(size)),
          await seal(opened, pattern(size)),
        ]) {
          t.false(places.has(location))
          places.add(location)
        }
      }
    }
  })

  check(
    suite,
    'R005-26 the bound counts what was there before',
    async (t, store, harness) => {
      await keep(store, pattern(PIECE_BYTES))
      const again = await harness.reopen()
      t.is((await again.usage()).headroomBytes, PIECE_BYTES)
      await t.throwsAsync(again.stage(PIECE_BYTES + 1), { code: 'no-space' })
    },
    2 * PIECE_BYTES,
  )

  check(suite, 'R005-4 a transaction that was refused stays so', async (t, store, harness) => {
    await commit(store, write('a', '1'))
    const conditions = [{ key: keyOf('a'), version: 0 }]
    await store.commit({ conditions, writes: [write('b', '1')], entry: text('no') })
    const again = await harness.reopen()
    t.is(await row(again, 'b'), undefined)
    t.is(await again.lastSeq(), 1)
  })
}
