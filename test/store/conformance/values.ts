import * as fc from 'fast-check'
import { CHUNK_BYTES, GROUP_BYTES, PIECE_BYTES } from '../../../src/limits.ts'
import { type Suite, check, keep, keyOf, pattern, readAll, sameBytes, seal } from './suite.ts'

/** None, one, and both sides of every size at which a store may change its mind. */
const SIZES: readonly number[] = [
  0,
  1,
  CHUNK_BYTES,
  GROUP_BYTES - 1,
  GROUP_BYTES,
  GROUP_BYTES + 1,
  PIECE_BYTES - 1,
  PIECE_BYTES,
  PIECE_BYTES + 1,
  3 * PIECE_BYTES + 5,
]

const gives = (message: RegExp): { instanceOf: typeof RangeError; message: RegExp } => ({
  instanceOf: RangeError,
  message,
})

export function valuesTopic(suite: Suite): void {
  for (const size of SIZES) {
    check(suite, `R005-13 ${size} bytes come back, whole and in ranges`, async (t, store) => {
      const bytes = pattern(size)
      const location = await keep(store, bytes)
      const edges = SIZES.flatMap((edge) => [edge - 1, edge, edge + 1, size - edge])
      const inside = [...new Set(edges)].filter((edge) => edge >= 0 && edge <= size)
      for (const start of inside) {
        for (const end of [start, Math.min(size, start + 1), size]) {
          const part = await readAll(store, location, start, end)
          sameBytes(t, part, bytes.subarray(start, end))
        }
      }
    })
  }

  check(
    suite,
    'R007-212 a small value is read without a wait as with one, while it may be read',
    async (t, store) => {
      const reads = store.immediate!
      for (const size of [1, GROUP_BYTES - 1, GROUP_BYTES]) {
        const bytes = pattern(size)
        const location = await keep(store, bytes)
        sameBytes(t, reads.value(location, GROUP_BYTES)!, bytes)
        t.is(reads.value(location, size - 1), undefined, 'too large for the caller')
        await store.quarantine(location)
        t.is(reads.value(location, GROUP_BYTES), undefined, 'damaged')
      }
      const key = keyOf('row')
      const value = pattern(3)
      const location = await seal(store, pattern(10))
      const entry = pattern(1)
      t.is(reads.row(key), undefined)
      await store.commit({ conditions: [], writes: [{ key, value }], entry, adopt: [location] })
      t.deepEqual(reads.row(key), (await store.rows([key]))[0])
      t.is(reads.value(location, GROUP_BYTES)?.byteLength, 10)
      const writes = [{ key, value: undefined }]
      await store.commit({ conditions: [], writes, entry, release: [location] })
      t.is(reads.value(location, GROUP_BYTES), undefined, 'released')
      t.is(reads.row(key), undefined)
      t.is(reads.value('nowhere', GROUP_BYTES), undefined)
      const last = await seal(store, pattern(10))
      await store.commit({ conditions: [], writes: [{ key, value }], entry, adopt: [last] })
      await store.close()
      t.is(reads.value(last, GROUP_BYTES), undefined, 'closed')
      t.is(reads.row(key), undefined)
    },
  )

  check(suite, 'R005-13 however it was split, announced or not', async (t, store) => {
    const splits = fc.array(fc.integer({ min: 0, max: 3 * GROUP_BYTES }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(splits, fc.boolean(), async (sizes, announced) => {
        const total = sizes.reduce((sum, size) => sum + size, 0)
        const bytes = pattern(total)
        const staging = await store.stage(announced ? total : undefined)
        const reused = new Uint8Array(3 * GROUP_BYTES)
        let offset = 0
        for (const size of sizes) {
          reused.set(bytes.subarray(offset, offset + size))
          await staging.write(reused.subarray(0, size))
          reused.fill(255)
          offset += size
        }
        const location = await staging.seal(new Uint8Array(0))
        sameBytes(t, await readAll(store, location, 0, total), bytes)
        await staging.discard()
      }),
      { numRuns: 40 },
    )
  })

  check(suite, 'R005-13 one write of many pieces, and many of one byte', async (t, store) => {
    const large = pattern(5 * PIECE_BYTES + 3)
    const whole = await store.stage(undefined)
    await whole.write(large)
    const location = await whole.seal(new Uint8Array(0))
    sameBytes(t, await readAll(store, location, 0, large.byteLength), large)

    const small = pattern(5000)
    const bytewise = await store.stage(undefined)
    for (let i = 0; i < small.byteLength; i++) await bytewise.write(small.subarray(i, i + 1))
    sameBytes(t, await readAll(store, await bytewise.seal(new Uint8Array(0)), 0, 5000), small)
  })

  check(suite, 'R005-13 an announced size that is wrong changes nothing', async (t, store) => {
    for (const announced of [0, 1, GROUP_BYTES, GROUP_BYTES + 1, 10 * PIECE_BYTES]) {
      for (const size of [0, 1, GROUP_BYTES, GROUP_BYTES + 1, PIECE_BYTES + 1]) {
        const bytes = pattern(size)
        const staging = await store.stage(announced)
        await staging.write(bytes)
        const location = await staging.seal(new Uint8Array(0))
        sameBytes(t, await readAll(store, location, 0, size), bytes)
        await t.throwsAsync(readAll(store, location, 0, size + 1), { instanceOf: RangeError })
      }
    }
  })

  check(suite, 'R005-14 pieces are never empty and never too large', async (t, store) => {
    for (const size of SIZES) {
      const location = await keep(store, pattern(size))
      for await (const piece of store.read(location, { start: 0, end: size })) {
        t.true(piece.byteLength > 0 && piece.byteLength <= PIECE_BYTES)
      }
    }
  })

  check(suite, 'R005-14 two readers of one value do not meet', async (t, store) => {
    const bytes = pattern(3 * PIECE_BYTES)
    const location = await keep(store, bytes)
    const read = (): Promise<Uint8Array> => readAll(store, location, 0, bytes.byteLength)
    for (const copy of await Promise.all([read(), read(), read()])) sameBytes(t, copy, bytes)
  })

  check(suite, 'R005-14 a reader may leave early', async (t, store) => {
    const location = await keep(store, pattern(4 * PIECE_BYTES))
    for (let i = 0; i < 20; i++) {
      for await (const piece of store.read(location, { start: 0, end: 4 * PIECE_BYTES })) {
        t.is(piece[0], 0)
        break
      }
    }
  })

  check(suite, 'R005-15 a range beyond the value is a RangeError', async (t, store) => {
    for (const size of SIZES) {
      const location = await keep(store, pattern(size))
      await t.throwsAsync(readAll(store, location, 0, size + 1), gives(/range.end must be at most/))
      await t.throwsAsync(readAll(store, location, size + 1, size + 1), gives(/range.end/))
      await t.throwsAsync(readAll(store, location, -1, 0), gives(/range.start must be a whole/))
      await t.throwsAsync(readAll(store, location, 0.5, 1), gives(/range.start must be a whole/))
      await t.throwsAsync(readAll(store, location, 0, Number.NaN), gives(/range.end must be a/))
      await t.throwsAsync(readAll(store, location, 1, 0), gives(/must not be beyond/))
    }
  })

  check(suite, 'R005-16 the outboard comes back, whole and in ranges', async (t, store) => {
    for (const size of [0, 1, 100, GROUP_BYTES, GROUP_BYTES + 1, PIECE_BYTES + 1]) {
      for (const length of [0, 64, 64 * 1000, PIECE_BYTES + 64]) {
        const outboard = pattern(length).toReversed()
        const location = await keep(store, pattern(size), outboard)
        sameBytes(t, await store.outboard(location), outboard)
        const middle = { start: Math.floor(length / 3), end: Math.floor(length / 2) }
        const expected = outboard.subarray(middle.start, middle.end)
        sameBytes(t, await store.outboard(location, middle), expected)
        sameBytes(t, await store.outboard(location, { start: length, end: length }), pattern(0))
        const beyond = store.outboard(location, { start: 0, end: length + 1 })
        await t.throwsAsync(beyond, gives(/range.end/))
        sameBytes(t, await readAll(store, location, 0, size), pattern(size))
      }
    }
  })

  check(suite, 'R005-17 an aborted read ends with the reason', async (t, store) => {
    const location = await keep(store, pattern(3 * PIECE_BYTES))
    const range = { start: 0, end: 3 * PIECE_BYTES }
    const reason = new Error('enough')
    const early = store.read(location, range, AbortSignal.abort(reason))[Symbol.asyncIterator]()
    t.is(await t.throwsAsync(early.next()), reason)
    t.true((await early.next()).done)

    const controller = new AbortController()
    const late = store.read(location, range, controller.signal)[Symbol.asyncIterator]()
    t.false((await late.next()).done)
    controller.abort(reason)
    t.is(await t.throwsAsync(late.next()), reason)
    t.true((await late.next()).done)
  })

  check(suite, 'R005-18 a sealed value is read before it is adopted', async (t, store) => {
    const bytes = pattern(2 * GROUP_BYTES)
    const location = await seal(store, bytes, pattern(64))
    sameBytes(t, await readAll(store, location, 0, bytes.byteLength), bytes)
    sameBytes(t, await store.outboard(location), pattern(64))
    t.is((await store.usage()).values, 0)
  })
}
