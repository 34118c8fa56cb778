/** How far the journal is given up: as far as LMDB's last transaction that has ended. */
import type { Journal } from '../../../../src/journal/journal.ts'
import { MIB } from '../../../../src/limits.ts'
import type { StoreArchive } from '../../../../src/store/disk/archive.ts'
import { openDiskStore } from '../../../../src/store/disk/disk.ts'
import { nodeFiles } from '../../../../src/store/disk/files.ts'
import type { Database } from '../../../../src/store/disk/records/database.ts'
import { eventually } from '../../../eventually.ts'
import { test } from '../../../serial.ts'
import { keep, pattern } from '../../conformance/suite.ts'
import { inTemporary } from '../../temporary.ts'

test('R005-97: the journal is given up as far as LMDB has it, and no further, whatever is appended meanwhile', async (t) => {
  await inTemporary(async (directory) => {
    /** Where the last transaction that has ended left LMDB. */
    let durable = 0
    let begun = 0
    let held = Promise.resolve()
    const trims: number[] = []
    const early: number[] = []
    const join = async (own: Journal): Promise<Journal> => ({
      append: (after, entry) => own.append(after, entry),
      extent: () => own.extent(),
      at: (position) => own.at(position),
      follow: (after, signal) => own.follow(after, signal),
      trim: (upto) => {
        trims.push(upto)
        if (upto > durable) early.push(upto)
        return own.trim(upto)
      },
      close: () => own.close(),
    })
    const calls = { opened: async () => {}, closing: () => {}, close: async () => {} }
    const archive = { leastEpoch: 1, join, values: undefined, ...calls } as unknown as StoreArchive
    const database = (opened: Database): Database =>
      new Proxy(opened, {
        get: (target, name) => {
          const member = Reflect.get(target, name) as unknown
          if (typeof member !== 'function') return member
          const bound = member.bind(target) as (...args: unknown[]) => unknown
          if (name !== 'transact') return bound
          return async (write: unknown) => {
            const result = await bound(write)
            begun++
            await held
            durable = opened.tally().position
            return result
          }
        },
      })
    let freeBytes = Number.MAX_SAFE_INTEGER
    // What the disk said is relied on for a second: here each call comes two later.
    let now = 0
    const clocks = { wall: Date.now, elapsed: () => (now += 2000) }
    const store = await openDiskStore(
      { directory, archive, reserveBytes: MIB },
      { files: { ...nodeFiles, freeBytes: async () => freeBytes }, database, clocks },
    )
    await keep(store, pattern(16_000))
    await eventually(() => trims.length > 0)
    let goOn = (): void => undefined
    held = new Promise((resolve) => (goOn = resolve))
    const before = { begun, trims: trims.length }
    await keep(store, pattern(16_000))
    await eventually(() => begun > before.begun)
    for (let i = 0; i < 5; i++) await keep(store, pattern(16_000))
    t.is(trims.length, before.trims, 'nothing is given up while LMDB is at it')
    goOn()
    await eventually(() => trims.length > before.trims)
    t.true(trims.at(-1)! > 0)
    // A change for which there is no room takes all into LMDB, and gives up what the journal has.
    await keep(store, pattern(16_000))
    freeBytes = 0
    await t.throwsAsync(keep(store, pattern(17 * MIB)), { code: 'no-space' })
    t.is(trims.at(-1), durable)
    t.deepEqual(early, [])
    await store.close()
    t.deepEqual(early, [])
  })
})
