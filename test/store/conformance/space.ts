import { GROUP_BYTES, PIECE_BYTES } from '../../../src/limits.ts'
import type { Store } from '../../../src/store/store.ts'
import {
  NOTHING_WRONG,
  type Suite,
  check,
  keep,
  pattern,
  readAll,
  release,
  sameBytes,
  seal,
} from './suite.ts'

const FULL = { code: 'no-space' }
const MAX_BYTES = 2 * PIECE_BYTES
const headroom = async (store: Store): Promise<number | undefined> =>
  (await store.usage()).headroomBytes

export function spaceTopic(suite: Suite): void {
  check(
    suite,
    'R005-24 what does not fit is refused and leaves no trace',
    async (t, store) => {
      const kept = await keep(store, pattern(PIECE_BYTES))
      t.is(await headroom(store), PIECE_BYTES)
      await t.throwsAsync(store.stage(PIECE_BYTES + 1), FULL)
      await t.throwsAsync(store.stage(Number.MAX_SAFE_INTEGER), FULL)
      t.is(await headroom(store), PIECE_BYTES)

      const creeping = await store.stage(undefined)
      await creeping.write(pattern(PIECE_BYTES))
      t.is(await headroom(store), 0)
      await t.throwsAsync(creeping.write(pattern(1)), FULL)
      t.is(await headroom(store), PIECE_BYTES)
      await t.throwsAsync(creeping.write(pattern(1)), { instanceOf: TypeError })
      await creeping.discard()
      t.is(await headroom(store), PIECE_BYTES)

      sameBytes(t, await readAll(store, kept, 0, PIECE_BYTES), pattern(PIECE_BYTES))
      await release(store, kept)
      t.is(await headroom(store), MAX_BYTES)
      await keep(store, pattern(MAX_BYTES))
      t.is(await headroom(store), 0)
    },
    MAX_BYTES,
  )

  check(
    suite,
    'R005-24 a value of no bytes fits a full store',
    async (t, store) => {
      await keep(store, pattern(GROUP_BYTES))
      t.is(await headroom(store), 0)
      const empty = await keep(store, pattern(0))
      t.is((await readAll(store, empty, 0, 0)).byteLength, 0)
      t.like(await store.usage(), { values: 2, valueBytes: GROUP_BYTES })
    },
    GROUP_BYTES,
  )

  check(
    suite,
    'R005-25 an announced size is reserved until it is known',
    async (t, store) => {
      const first = await store.stage(PIECE_BYTES)
      t.is(await headroom(store), PIECE_BYTES)
      await t.throwsAsync(store.stage(PIECE_BYTES + 1), FULL)
      await first.write(pattern(10))
      t.is(await headroom(store), PIECE_BYTES)
      await first.seal(new Uint8Array(0))
      t.is(await headroom(store), MAX_BYTES - 10)

      const second = await store.stage(10)
      await second.write(pattern(30))
      t.is(await headroom(store), MAX_BYTES - 40)
      await first.discard()
      t.is(await headroom(store), MAX_BYTES - 30)
      await second.discard()
      await second.discard()
      t.is(await headroom(store), MAX_BYTES)
    },
    MAX_BYTES,
  )

  check(
    suite,
    'R005-25 what is discarded in any state gives back all it took',
    async (t, store) => {
      for (const size of [0, 1, GROUP_BYTES, GROUP_BYTES + 1, PIECE_BYTES]) {
        for (const announced of [undefined, 0, size, 2 * size]) {
          const staging = await store.stage(announced)
          await staging.write(pattern(size))
          if (size % 2 === 0) await staging.seal(pattern(64))
          await staging.discard()
          t.is(await headroom(store), MAX_BYTES)
        }
      }
      t.like(await store.usage(), { values: 0, valueBytes: 0 })
    },
    MAX_BYTES,
  )

  check(
    suite,
    'R005-25 stagings at once never take more than there is',
    async (t, store) => {
      const attempts = Array.from({ length: 30 }, async (_, i) => {
        const staging = await store.stage(i % 2 === 0 ? undefined : GROUP_BYTES * 10)
        for (let part = 0; part < 10; part++) await staging.write(pattern(GROUP_BYTES))
        return staging
      })
      const results = await Promise.allSettled(attempts)
      const done = results.filter(({ status }) => status === 'fulfilled').length
      t.true(done >= 1 && done <= MAX_BYTES / (GROUP_BYTES * 10), `${done}`)
      t.is(await headroom(store), MAX_BYTES - done * GROUP_BYTES * 10)
    },
    MAX_BYTES,
  )

  check(suite, 'R005-26 usage counts only adopted values', async (t, store) => {
    t.deepEqual(await store.usage(), {
      ...NOTHING_WRONG,
      valueBytes: 0,
      values: 0,
      headroomBytes: undefined,
    })
    await seal(store, pattern(100))
    t.like(await store.usage(), { valueBytes: 0, values: 0 })
    await keep(store, pattern(0))
    await keep(store, pattern(7), pattern(640))
    await keep(store, pattern(PIECE_BYTES + 1), pattern(64))
    t.like(await store.usage(), { valueBytes: PIECE_BYTES + 8, values: 3 })
  })
}
