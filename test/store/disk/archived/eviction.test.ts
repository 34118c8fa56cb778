/** The quota of a store with an archive evicts copies, and refuses nothing that they could make room for. */
import { stat } from 'node:fs/promises'
import fc from 'fast-check'
import { gather } from '../../../../src/bytes.ts'
import { MIB, PIECE_BYTES, SMALL_VALUE_BYTES } from '../../../../src/limits.ts'
import type { LentFile } from '../../../../src/store/store.ts'
import { eventually } from '../../../eventually.ts'
import { test } from '../../../serial.ts'
import { keep, pattern, readAll, release, sameBytes, seal } from '../../conformance/suite.ts'
import { withArchived } from './archived.ts'

const SIZE = 2 * PIECE_BYTES
const OUTBOARD = pattern(SMALL_VALUE_BYTES + 1)
const FULL = { code: 'no-space' }

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

test('R005-115: what is staged, sealed, lent, read or small is not evicted, and room is refused', async (t) => {
  await withArchived({ maxBytes: 3 * SIZE }, async (archived) => {
    const { store } = archived
    const lent = (await store.lendFile(await keep(store, pattern(SIZE))))!
    const reading = store.read(await keep(store, pattern(SIZE)), { start: 0, end: SIZE })
    const pieces = reading[Symbol.asyncIterator]()
    await pieces.next()
    const sealed = await seal(store, pattern(SIZE))
    t.is((await store.usage()).headroomBytes, 0)
    await t.throwsAsync(store.stage(1), FULL)
    await t.throwsAsync(store.sealSmall([pattern(1)]), FULL)
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
    await t.throwsAsync(store.stage(SIZE + 1), FULL)
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
