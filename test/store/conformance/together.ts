import { SMALL_VALUE_BYTES } from '../../../src/limits.ts'
import type { Location, Transaction } from '../../../src/store/store.ts'
import {
  NOTHING_WRONG,
  type Suite,
  check,
  commit,
  keyOf,
  pattern,
  readAll,
  row,
  sameBytes,
  text,
  write,
} from './suite.ts'

const SIZES = [0, 1, 100, SMALL_VALUE_BYTES]
const TOTAL = SIZES.reduce((sum, size) => sum + size, 0)

/** Small values, each in an array of its own, which a test may change. */
const values = (): Uint8Array[] => SIZES.map((size) => pattern(size).slice())

/** Creates the row, and adopts the value if one is given. */
const creation = (id: string, location?: Location): Transaction => ({
  conditions: [{ key: keyOf(id), version: 0 }],
  writes: [write(id, id)],
  entry: text(`create ${id}`),
  ...(location !== undefined && { adopt: [location] }),
})

/** Many values and transactions in one call. */
export function togetherTopic(suite: Suite): void {
  check(
    suite,
    'R005-77 values that are sealed together are each as one sealed alone',
    async (t, store) => {
      const given = values()
      const locations = await store.sealSmall(given)
      for (const value of given) value.fill(255)
      t.is(new Set(locations).size, SIZES.length)
      for (const [i, size] of SIZES.entries()) {
        sameBytes(t, await readAll(store, locations[i]!, 0, size), pattern(size))
        t.is((await store.outboard(locations[i]!)).byteLength, 0)
      }
      t.like(await store.usage(), { values: 0, ...NOTHING_WRONG })
      const alone = pattern(100).slice()
      const [location] = await store.sealSmall([alone])
      alone.fill(255)
      sameBytes(t, await readAll(store, location!, 0, 100), pattern(100))
      await store.discard(location!)
      await store.commit(creation('a', locations[2]))
      // A discard frees what is not adopted, once.
      for (const location of [...locations, ...locations, 'nowhere']) await store.discard(location)
      t.like(await store.usage(), { values: 1, valueBytes: 100 })
      sameBytes(t, await readAll(store, locations[2]!, 0, 100), pattern(100))
      await t.throwsAsync(readAll(store, locations[1]!, 0, 1), { code: 'removed' })
      t.deepEqual(await store.sealSmall([]), [])
      const large = new Uint8Array(SMALL_VALUE_BYTES + 1)
      await t.throwsAsync(store.sealSmall([large]), { instanceOf: RangeError })
    },
  )

  check(
    suite,
    'R005-77 R005-24 of values that do not fit together none is staged',
    async (t, store) => {
      const headroom = async (): Promise<number | undefined> => (await store.usage()).headroomBytes
      await t.throwsAsync(store.sealSmall([...values(), new Uint8Array(1)]), { code: 'no-space' })
      t.is(await headroom(), TOTAL)
      const locations = await store.sealSmall(values())
      t.is(await headroom(), 0)
      await store.discard(locations[3]!)
      t.is(await headroom(), SMALL_VALUE_BYTES)
      await store.commitAll(locations.slice(0, 3).map((one, i) => creation(`${i}`, one)))
      t.is(await headroom(), SMALL_VALUE_BYTES)
      await store.commitAll([
        { conditions: [], writes: [], entry: text('e'), release: [locations[2]!] },
        { conditions: [], writes: [], entry: text('e'), release: [locations[1]!] },
      ])
      t.is(await headroom(), SMALL_VALUE_BYTES + 101)
      await t.throwsAsync(readAll(store, locations[2]!, 0, 1), { code: 'removed' })
    },
    TOTAL,
  )

  check(
    suite,
    'R005-78 transactions that come together are done in order, each for itself',
    async (t, store) => {
      await commit(store, write('taken', 'x'))
      const [first, second, third] = await store.sealSmall(values())
      const results = await store.commitAll([
        creation('a', first),
        creation('taken', second),
        creation('a', third),
        { conditions: [], writes: [write('m', 'm', 'meta')], entry: undefined },
        creation('b', second),
      ])
      t.deepEqual(
        results.map((one) => (one.ok ? one.seq : one.failed)),
        [2, { key: keyOf('taken'), version: 0 }, { key: keyOf('a'), version: 0 }, 2, 3],
      )
      t.is((await row(store, 'a'))!.version, 2)
      t.is((await row(store, 'b'))!.version, 3)
      t.deepEqual((await row(store, 'taken'))!.value, text('x'))
      const log = await store.log(1, 9)
      t.deepEqual(
        log.map(({ seq, entry }) => [seq, Buffer.from(entry).toString()]),
        [
          [2, 'create a'],
          [3, 'create b'],
        ],
      )
      t.like(await store.usage(), { values: 2, valueBytes: SIZES[0]! + SIZES[1]! })
      t.deepEqual(await store.commitAll([]), [])
    },
  )

  check(
    suite,
    'R005-78 R005-22 a mistake among transactions is thrown, and undoes no other',
    async (t, store) => {
      const [first, second] = await store.sealSmall(values())
      const both = store.commitAll([
        creation('a', first),
        creation('b', first),
        { conditions: [], writes: [], entry: text('e'), release: ['nowhere'] },
        creation('c', second),
      ])
      await t.throwsAsync(both, { instanceOf: RangeError, message: /adopt names/ })
      t.deepEqual(
        await Promise.all(['a', 'b', 'c'].map(async (id) => (await row(store, id))?.version)),
        [1, undefined, 2],
      )
      t.is(await store.lastSeq(), 2)
      // What is wrong in itself is refused before any of them is done.
      const wrong = { conditions: [], writes: [write('d', 'd')], entry: undefined }
      await t.throwsAsync(store.commitAll([creation('d'), wrong]), { instanceOf: RangeError })
      t.is(await row(store, 'd'), undefined)
    },
  )
}
