import { GROUP_BYTES, MIB, PIECE_BYTES } from '../../../src/limits.ts'
import { type Suite, adopt, check, pattern, readAll, sameBytes } from './suite.ts'

const SIZE = 3 * PIECE_BYTES
const ID = new Uint8Array(32).fill(7)
const BUSY = { code: 'busy' }

export function partialUploadsTopic(suite: Suite): void {
  const title = suite.supports.durable ? 'is resumed' : 'starts over'
  check(suite, `R005-43 what was suspended ${title}`, async (t, store, harness) => {
    const first = await store.stage(SIZE, { id: ID, from: 0 })
    await first.write(pattern(SIZE).subarray(0, PIECE_BYTES + 100))
    await first.suspend()
    await first.discard()
    const from = suite.supports.durable ? PIECE_BYTES : 0
    t.is(await store.partialBytes(ID), from)
    t.is(await store.partialBytes(new Uint8Array(32)), 0)
    t.like(await store.usage(), { values: 0, valueBytes: 0, unfinishedBytes: from })
    await t.throwsAsync(store.stage(SIZE, { id: ID, from: from + GROUP_BYTES }), BUSY)

    const later = suite.supports.durable ? await harness.reopen() : store
    t.is(await later.partialBytes(ID), from)
    const second = await later.stage(SIZE, { id: ID, from })
    t.is(await later.partialBytes(ID), 0, 'it is being written')
    if (from > 0) await t.throwsAsync(later.stage(SIZE, { id: ID, from }), BUSY)
    let begun = 0
    for await (const piece of second.resumedBytes()) {
      sameBytes(t, piece, pattern(SIZE).subarray(begun, begun + piece.byteLength))
      begun += piece.byteLength
    }
    t.is(begun, from)
    await second.write(pattern(SIZE).subarray(from))
    const location = await second.seal(pattern(64))
    await adopt(later, location)
    sameBytes(t, await readAll(later, location, 0, SIZE), pattern(SIZE))
    t.like(await later.usage(), { values: 1, valueBytes: SIZE, unfinishedBytes: 0 })
  })

  check(
    suite,
    'R005-43 two at once under one id are two values, of which one is kept',
    async (t, store) => {
      const stagings = await Promise.all([1, 2].map(() => store.stage(SIZE, { id: ID, from: 0 })))
      for (const one of stagings) await one.write(pattern(MIB))
      for (const one of stagings) await one.suspend()
      t.is(await store.partialBytes(ID), suite.supports.durable ? MIB : 0)
    },
  )

  check(suite, 'R005-43 a discarded staging is not resumed', async (t, store) => {
    const staging = await store.stage(SIZE, { id: ID, from: 0 })
    await staging.write(pattern(MIB))
    await staging.discard()
    await staging.suspend()
    t.is(await store.partialBytes(ID), 0)
    const again = await store.stage(SIZE, { id: ID, from: 0 })
    await staging.discard()
    await again.write(pattern(MIB))
    await again.suspend()
    t.is(await store.partialBytes(ID), suite.supports.durable ? MIB : 0)
  })

  check(
    suite,
    'R005-43 what waits is not counted against the bound',
    async (t, store) => {
      const staging = await store.stage(SIZE, { id: ID, from: 0 })
      await staging.write(pattern(MIB))
      await staging.suspend()
      t.is((await store.usage()).headroomBytes, SIZE)
    },
    SIZE,
  )
}
