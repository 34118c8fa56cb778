import { GROUP_BYTES, PIECE_BYTES } from '../../../src/limits.ts'
import type { Location, Store } from '../../../src/store/store.ts'
import {
  NOTHING_WRONG,
  type Suite,
  adopt,
  check,
  keep,
  keyOf,
  pattern,
  readAll,
  release,
  row,
  seal,
  text,
  write,
} from './suite.ts'

/** A size that a store may keep among its records, and one that it streams. */
const BOTH: readonly number[] = [100, 2 * PIECE_BYTES]

const read = (store: Store, location: Location): Promise<Uint8Array> =>
  readAll(store, location, 0, 1)

export function lifeCycleTopic(suite: Suite): void {
  check(suite, 'R005-19 the same bytes are never at the same place', async (t, store) => {
    const places = new Set<Location>()
    for (let round = 0; round < 10; round++) {
      for (const size of [0, ...BOTH]) {
        const kept = await keep(store, pattern(size))
        const dropped = await store.stage(size)
        await dropped.write(pattern(size))
        const other = await dropped.seal(new Uint8Array(0))
        await dropped.discard()
        t.false(places.has(kept) || places.has(other))
        places.add(kept).add(other)
        await release(store, kept)
      }
    }
    t.is(places.size, 60)
  })

  for (const size of BOTH) {
    check(suite, `R005-20 ${size} bytes live until released`, async (t, store) => {
      const first = await keep(store, pattern(size))
      const second = await keep(store, pattern(size))
      t.deepEqual(await store.usage(), {
        ...NOTHING_WRONG,
        valueBytes: 2 * size,
        values: 2,
        headroomBytes: undefined,
      })
      await release(store, first)
      await t.throwsAsync(read(store, first), { code: 'removed' })
      await t.throwsAsync(store.outboard(first), { code: 'removed' })
      t.is((await read(store, second)).byteLength, 1)
      t.deepEqual(await store.usage(), {
        ...NOTHING_WRONG,
        valueBytes: size,
        values: 1,
        headroomBytes: undefined,
      })
    })

    check(suite, `R005-21 discard at any time, ${size} bytes`, async (t, store) => {
      const before = await store.stage(size)
      await before.discard()
      await t.throwsAsync(before.write(pattern(1)), { instanceOf: TypeError })

      const midway = await store.stage(undefined)
      await midway.write(pattern(size))
      await midway.discard()
      await midway.discard()
      await t.throwsAsync(midway.seal(new Uint8Array(0)), { instanceOf: TypeError })

      const sealed = await store.stage(size)
      await sealed.write(pattern(size))
      const location = await sealed.seal(pattern(64))
      await sealed.discard()
      await t.throwsAsync(read(store, location), { code: 'removed' })
      await t.throwsAsync(adopt(store, location), { instanceOf: RangeError })

      const kept = await store.stage(size)
      await kept.write(pattern(size))
      const stays = await kept.seal(new Uint8Array(0))
      await adopt(store, stays)
      await kept.discard()
      t.is((await read(store, stays)).byteLength, 1)
      await release(store, stays)
      await kept.discard()
      t.deepEqual(await store.usage(), {
        ...NOTHING_WRONG,
        valueBytes: 0,
        values: 0,
        headroomBytes: undefined,
      })
    })

    check(suite, `R005-21 discard during a write or a seal, ${size} bytes`, async (t, store) => {
      const writing = await store.stage(undefined)
      const written = writing.write(pattern(size))
      await Promise.all([writing.discard(), written.catch(() => undefined)])
      await t.throwsAsync(writing.seal(new Uint8Array(0)), { instanceOf: TypeError })

      const sealing = await store.stage(size)
      await sealing.write(pattern(size))
      const sealed = sealing.seal(pattern(64)).catch(() => undefined)
      await sealing.discard()
      const location = await sealed
      if (location !== undefined) {
        await t.throwsAsync(read(store, location), { code: 'removed' })
        await t.throwsAsync(adopt(store, location), { instanceOf: RangeError })
      }
      t.is((await store.usage()).values, 0)
    })

    check(suite, `R005-21 adopted or discarded, never both, ${size} bytes`, async (t, store) => {
      for (const adoptFirst of [true, false]) {
        const staging = await store.stage(size)
        await staging.write(pattern(size))
        const location = await staging.seal(new Uint8Array(0))
        const adopting = (): Promise<boolean> =>
          adopt(store, location).then(
            () => true,
            () => false,
          )
        const both = adoptFirst ? [adopting(), staging.discard()] : [staging.discard(), adopting()]
        const adopted = (await Promise.all(both)).includes(true)
        const readable = await read(store, location).then(
          () => true,
          () => false,
        )
        t.is(readable, adopted)
      }
    })
  }

  check(suite, 'R005-20 a release ends the reads in progress', async (t, store) => {
    const location = await keep(store, pattern(4 * PIECE_BYTES))
    const range = { start: 0, end: 4 * PIECE_BYTES }
    const reading = store.read(location, range)[Symbol.asyncIterator]()
    const first = await reading.next()
    await release(store, location)
    await t.throwsAsync(reading.next(), { code: 'removed' })
    t.is(Buffer.compare(first.value as Uint8Array, pattern(PIECE_BYTES)), 0)
  })

  check(suite, 'R005-20 one transaction replaces a value by another', async (t, store) => {
    const old = await keep(store, pattern(GROUP_BYTES + 1))
    const next = await seal(store, pattern(10))
    const result = await store.commit({
      conditions: [],
      writes: [write('a', next)],
      entry: text('replace'),
      adopt: [next],
      release: [old],
    })
    t.true(result.ok)
    await t.throwsAsync(read(store, old), { code: 'removed' })
    t.is((await read(store, next)).byteLength, 1)
    t.like(await store.usage(), { values: 1, valueBytes: 10 })
  })

  check(suite, 'R005-22 what cannot be adopted or released is refused', async (t, store) => {
    const kept = await keep(store, pattern(10))
    const sealed = await seal(store, pattern(GROUP_BYTES + 1))
    const gone = await keep(store, pattern(10))
    await release(store, gone)
    const seq = await store.lastSeq()
    const refused = [
      { adopt: [sealed, 'nowhere'] },
      { adopt: [sealed, ''] },
      { adopt: [sealed, '../../etc/passwd'] },
      { adopt: [sealed, kept] },
      { adopt: [gone] },
      { adopt: [sealed, sealed] },
      { adopt: [sealed], release: [sealed] },
      { release: [kept, 'nowhere'] },
      { release: [kept, sealed] },
      { release: [kept, gone] },
      { release: [kept, kept] },
    ]
    for (const locations of refused) {
      const writes = [write('a', 'never')]
      const attempt = store.commit({ conditions: [], writes, entry: text('e'), ...locations })
      await t.throwsAsync(attempt, { instanceOf: RangeError }, JSON.stringify(locations))
    }
    t.is(await store.lastSeq(), seq)
    t.is(await row(store, 'a'), undefined)
    t.like(await store.usage(), { values: 1, valueBytes: 10 })
    t.is((await read(store, kept)).byteLength, 1)
    await adopt(store, sealed)
    await release(store, kept, sealed)
  })

  check(suite, 'R005-22 a place that was never given is removed', async (t, store) => {
    for (const location of ['nowhere', '', '/', '../../etc/passwd', 'x'.repeat(10_000), '\0']) {
      await t.throwsAsync(read(store, location), { code: 'removed' })
      await t.throwsAsync(store.outboard(location), { code: 'removed' })
    }
  })

  check(suite, 'R005-23 conditions are looked at before locations', async (t, store) => {
    const location = await keep(store, pattern(GROUP_BYTES + 1))
    const put = await store.commit({
      conditions: [],
      writes: [write('a', location)],
      entry: text('put'),
    })
    const version = put.ok ? put.seq : 0
    const remove = (): ReturnType<Store['commit']> =>
      store.commit({
        conditions: [{ key: keyOf('a'), version }],
        writes: [write('a', undefined)],
        entry: text('remove'),
        release: [location],
      })
    const results = await Promise.all([remove(), remove(), remove()])
    t.is(results.filter(({ ok }) => ok).length, 1)
    const late = await seal(store, pattern(10))
    const lost = await store.commit({
      conditions: [{ key: keyOf('a'), version }],
      writes: [],
      entry: text('put'),
      adopt: [late],
    })
    t.false(lost.ok)
    await adopt(store, late)
    t.is((await read(store, late)).byteLength, 1)
  })
}
