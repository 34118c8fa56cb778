/** The quota of a store with an archive evicts copies before it refuses anything. */
import { stat } from 'node:fs/promises'
import * as fc from 'fast-check'
import { gather } from '../../../../src/bytes.ts'
import type { DstoreError } from '../../../../src/errors.ts'
import { MIB, PIECE_BYTES, SMALL_VALUE_BYTES } from '../../../../src/limits.ts'
import type { LentFile } from '../../../../src/store/store.ts'
import { eventually } from '../../../eventually.ts'
import { test } from '../../../serial.ts'
import { adopt, keep, pattern, readAll, release, sameBytes, seal } from '../../conformance/suite.ts'
import { type Archived, withArchived } from './archived.ts'

const SIZE = 2 * PIECE_BYTES
const OUTBOARD = pattern(SMALL_VALUE_BYTES + 1)
const LARGE = SMALL_VALUE_BYTES + 1
const FULL = { code: 'no-space' }

/** Values whose files are on the disk. */
const filesHere = async (archived: Archived): Promise<string[]> =>
  (await archived.files()).filter((name) => /^[0-9a-f]{20}$/.test(name))

test('R005-115: what was not used for longest is evicted first, with its outboard', async (t) => {
  await withArchived({ maxBytes: 3 * SIZE }, async (archived) => {
    const { store } = archived
    const values: string[] = []
    for (let i = 0; i < 3; i++) values.push(await keep(store, pattern(SIZE), OUTBOARD))
    await readAll(store, values[0]!, 0, 10)
    values.push(await keep(store, pattern(SIZE), OUTBOARD))
    const [used, , third, last] = values as [string, string, string, string]
    const here = [used, third, last].flatMap((location) => [location, `${location}.outboard`])
    t.deepEqual(await archived.files(), here)
    const { archived: usage, valueBytes, headroomBytes } = await store.usage()
    t.like(usage, { evictions: 1, localBytes: 3 * SIZE, localFiles: 3 })
    t.deepEqual([valueBytes, headroomBytes], [4 * SIZE, 3 * SIZE])
    for (const location of values) {
      sameBytes(t, await store.outboard(location), OUTBOARD)
      sameBytes(t, await readAll(store, location, 0, SIZE), pattern(SIZE))
    }
    t.true((await store.usage()).archived!.localBytes <= 3 * SIZE)
  })
})

test('R005-115: what is staged, sealed, lent or read is not evicted, and room is refused', async (t) => {
  await withArchived({ maxBytes: 3 * SIZE }, async (archived) => {
    const { store } = archived
    const lent = (await store.lendFile(await keep(store, pattern(SIZE))))!
    const reading = store.read(await keep(store, pattern(SIZE)), { start: 0, end: SIZE })
    const pieces = reading[Symbol.asyncIterator]()
    await pieces.next()
    const sealed = await seal(store, pattern(SIZE))
    t.is((await store.usage()).headroomBytes, 0)
    const fault = await t.throwsAsync(store.stage(LARGE), FULL)
    t.regex((fault as DstoreError).hint!, /in use.*--disk-size/)
    const streamed = await store.stage(undefined)
    await t.throwsAsync(streamed.write(pattern(LARGE)), FULL)
    await store.discard((await store.sealSmall([pattern(1)]))[0]!)
    t.is((await stat(lent.path)).size, SIZE)
    lent.giveBack()
    await eventually(async (saw) => saw((await store.usage()).headroomBytes) === SIZE)
    await pieces.return?.()
    await store.discard(sealed)
    t.is((await store.usage()).headroomBytes, 3 * SIZE)
    await t.throwsAsync(store.stage(3 * SIZE + 1), FULL)
    await store.stage(3 * SIZE)
    t.deepEqual(await archived.files(), [])
  })
})

test('R005-115: nothing is evicted before the first copy is complete', async (t) => {
  await withArchived({ maxBytes: 2 * SIZE, isComplete: false }, async (archived) => {
    const { store } = archived
    await keep(store, pattern(SIZE))
    t.is((await store.usage()).headroomBytes, SIZE)
    const fault = await t.throwsAsync(store.stage(SIZE + 1), FULL)
    t.regex((fault as DstoreError).hint!, /first copy.*--disk-size/)
    archived.values.completed()
    await store.stage(2 * SIZE)
  })
})

test('R005-115: a smaller quota evicts at the opening, and values are whole after each', async (t) => {
  await withArchived({ maxBytes: 4 * MIB }, async (archived) => {
    const values: string[] = []
    for (let i = 0; i < 3; i++) values.push(await keep(archived.store, pattern(MIB + i)))
    const store = await archived.reopen({}, { maxBytes: 2 * MIB })
    await eventually(async (saw) => saw(await archived.files()).length === 1)
    for (const [i, location] of values.entries()) {
      sameBytes(t, await readAll(store, location, 0, MIB + i), pattern(MIB + i))
    }
    for (const location of values) await release(store, location)
    await eventually((saw) => saw(archived.bucket.keys()).length === 0)
    await archived.leavesNothing()
  })
})

test('R005-115: what is beyond the budget is evicted when the first copy is complete', async (t) => {
  await withArchived({}, async (archived) => {
    for (let i = 0; i < 4; i++) await keep(archived.store, pattern(SIZE + i), OUTBOARD)
    const small = await keep(archived.store, pattern(SMALL_VALUE_BYTES))
    const store = await archived.reopen({}, { maxBytes: 2 * SIZE + 8, isComplete: false })
    const last = await keep(store, pattern(10))
    const before = await store.usage()
    t.deepEqual([before.archived!.localFiles, before.headroomBytes], [4, 0])
    const reading = (await filesHere(archived))
      .slice(1)
      .map((location) => store.read(location, { start: 0, end: SIZE })[Symbol.asyncIterator]())
    for (const pieces of reading) await pieces.next()
    archived.values.completed()
    await new Promise((resolve) => setImmediate(resolve))
    t.is((await store.usage()).archived!.localFiles, 3, 'the others are being read')
    for (const pieces of reading) await pieces.return?.()
    const { archived: usage, headroomBytes, quotaBytes } = await store.usage()
    t.like(usage, { localFiles: 2, evictions: 2, budgetBytes: 2 * SIZE + 8 })
    t.deepEqual([headroomBytes, quotaBytes], [2 * SIZE + 8, undefined])
    await eventually(async (saw) => saw(await filesHere(archived)).length === 2)
    sameBytes(t, await readAll(store, small, 0, SMALL_VALUE_BYTES), pattern(SMALL_VALUE_BYTES))
    sameBytes(t, await readAll(store, last, 0, 10), pattern(10))
  })
})

test('R005-115: nothing is evicted by a first copy that completes after the store closed', async (t) => {
  await withArchived({ maxBytes: SIZE }, async (archived) => {
    await keep(archived.store, pattern(SIZE))
    await archived.reopen({}, { maxBytes: 0, isComplete: false })
    await archived.store.close()
    archived.values.completed()
    // A deletion would come between these.
    for (let i = 0; i < 10; i++) t.is((await filesHere(archived)).length, 1)
  })
})

test('R005-115: small values do not count, however they are put', async (t) => {
  await withArchived({ maxBytes: 0 }, async (archived) => {
    const announced = await keep(archived.store, pattern(SMALL_VALUE_BYTES))
    const streamed = await archived.store.stage(undefined)
    await streamed.write(pattern(10))
    await streamed.write(pattern(SMALL_VALUE_BYTES - 10))
    const unknown = await streamed.seal(new Uint8Array(0))
    // An announcement beyond them is only that.
    await t.throwsAsync(archived.store.stage(LARGE), FULL)
    const together = await archived.store.sealSmall([pattern(1), pattern(SMALL_VALUE_BYTES)])
    const store = archived.store
    t.is((await store.usage()).headroomBytes, 0)
    await store.discard(together[0]!)
    await streamed.discard()
    await t.throwsAsync(readAll(store, unknown, 0, 1), { code: 'removed' })
    await adopt(store, together[1]!)
    await release(store, announced)
    t.is((await store.usage()).headroomBytes, 0)
    const again = await archived.reopen({}, { maxBytes: 3 * SIZE })
    t.is((await again.usage()).headroomBytes, 3 * SIZE)
    const cut = await again.stage(2 * SIZE)
    t.is((await again.usage()).headroomBytes, SIZE)
    await cut.write(pattern(5))
    await cut.seal(new Uint8Array(0))
    t.is((await again.usage()).headroomBytes, 3 * SIZE)
    await cut.discard()
    t.is((await again.usage()).headroomBytes, 3 * SIZE)
  })
})

test('R005-115: no put is refused while something can be evicted, with many small values', async (t) => {
  const act = fc.record({
    kind: fc.constantFrom(
      'large',
      'large',
      'small',
      'streamed',
      'remove',
      'reopen',
      'read',
      'hold',
    ),
    size: fc.integer({ min: 1, max: 12 }),
    at: fc.nat(30),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 15, maxLength: 40 }), async (acts) => {
      const maxBytes = 14 * SMALL_VALUE_BYTES
      await withArchived({ maxBytes }, async (archived) => {
        const many = Array.from({ length: 40 }, () => pattern(SMALL_VALUE_BYTES))
        const small = await archived.store.sealSmall(many)
        await Promise.all(small.map((one) => adopt(archived.store, one)))
        const held = new Map<string, number>(small.map((one) => [one, SMALL_VALUE_BYTES]))
        let lent: { readonly location: string; readonly size: number; giveBack(): void } | undefined
        const giveBack = (): void => {
          lent?.giveBack()
          lent = undefined
        }
        for (const { kind, size, at } of acts) {
          const bytes = kind === 'large' ? size * SMALL_VALUE_BYTES + 1 : size * 1000
          const location = [...held.keys()][at % Math.max(1, held.size)]
          const { store } = archived
          if (kind === 'large') {
            const room = maxBytes - (lent?.size ?? 0)
            t.is((await store.usage()).headroomBytes, room)
            if (bytes <= room) held.set(await keep(store, pattern(bytes), OUTBOARD), bytes)
            else await t.throwsAsync(store.stage(bytes), FULL)
          } else if (kind === 'small') {
            held.set(await keep(store, pattern(bytes)), bytes)
          } else if (kind === 'streamed') {
            const staging = await store.stage(undefined)
            await staging.write(pattern(bytes))
            await staging.discard()
          } else if (kind === 'reopen') {
            giveBack()
            await archived.reopen()
          } else if (location !== undefined && kind === 'read') {
            await readAll(store, location, 0, held.get(location)!)
          } else if (location !== undefined && kind === 'hold') {
            giveBack()
            const loan = await store.lendFile(location)
            const one = { location, size: held.get(location)!, giveBack: () => loan!.giveBack() }
            if (loan !== undefined) lent = one
          } else if (location !== undefined) {
            if (lent?.location === location) giveBack()
            await release(store, location)
            held.delete(location)
          }
          const { archived: usage } = await archived.store.usage()
          t.true(usage!.localBytes <= maxBytes, `${usage!.localBytes} bytes`)
        }
        giveBack()
        t.is((await archived.store.usage()).headroomBytes, maxBytes)
      })
    }),
    { numRuns: 6 },
  )
})

test('R005-115: reads, loans, puts and removals at once never meet a file that was evicted', async (t) => {
  const act = fc.record({
    kind: fc.constantFrom('read', 'range', 'lend', 'outboard', 'put', 'remove'),
    at: fc.nat(7),
    rest: fc.integer({ min: 0, max: 30 }),
  })
  const sizeOf = (at: number): number => SMALL_VALUE_BYTES * (2 + 3 * at)
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 20, maxLength: 60 }), async (acts) => {
      const maxBytes = 2 * sizeOf(7)
      await withArchived({ maxBytes }, async ({ store }) => {
        const held = new Map<number, Promise<string>>()
        const loans: LentFile[] = []
        const gone = new Set<string>()
        const value = (at: number): Promise<string> => {
          const known = held.get(at)
          if (known !== undefined) return known
          const put = keep(store, pattern(sizeOf(at)), OUTBOARD)
          held.set(at, put)
          return put
        }
        const run = async ({ kind, at, rest }: (typeof acts)[number]): Promise<void> => {
          const size = sizeOf(at)
          const location = await value(at)
          if (kind === 'remove') {
            if (gone.has(location)) return
            gone.add(location)
            held.delete(at)
            return void (await release(store, location))
          }
          if (kind === 'outboard') return sameBytes(t, await store.outboard(location), OUTBOARD)
          if (kind === 'lend') {
            const lent = await store.lendFile(location)
            if (lent === undefined) return
            // A removal waits for the loan.
            lent.signal.addEventListener('abort', () => lent.giveBack(), { once: true })
            const length = await stat(lent.path).then(
              (stats) => stats.size,
              () => undefined,
            )
            if (!lent.signal.aborted) t.is(length, size)
            loans.push(lent)
            if (loans.length > 1) loans.shift()!.giveBack()
            return
          }
          const start = kind === 'range' ? rest * SMALL_VALUE_BYTES : 0
          if (start >= size) return
          const bytes = await gather(store.read(location, { start, end: size }))
          sameBytes(t, bytes, pattern(size).subarray(start))
        }
        const removed = new Set(['removed', 'no-space'])
        await Promise.all(
          acts.map((one) =>
            run(one).catch((error: unknown) => {
              // A removal came first, or all is in use: puts are refused then.
              const { code } = error as { code?: string }
              if (code === 'no-space') held.delete(one.at)
              if (!removed.has(code ?? '')) throw error
            }),
          ),
        )
        for (const loan of loans) loan.giveBack()
        const { archived: usage, headroomBytes } = await store.usage()
        t.true(usage!.localBytes <= maxBytes, `${usage!.localBytes} bytes`)
        t.is(headroomBytes, maxBytes)
      })
    }),
    { numRuns: 6 },
  )
})
