/** A file system that is full, smaller than the budget, or was taken away. */
import { test } from '../../serial.ts'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { DstoreError } from '../../../src/errors.ts'
import { MIB, SEGMENT_BYTES } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { CacheBudget } from '../../../src/node/cache/cache-budget.ts'
import { CacheFiles } from '../../../src/node/files/cache-files.ts'
import { openCacheFolder } from '../../../src/store/cached/cache-folder.ts'
import type { OpenFile } from '../../../src/store/cached/open-file.ts'
import { sameBytes } from '../../same-bytes.ts'
import { inTemporary } from '../../store/temporary.ts'
import { codeOf, fill, filesBelow, read, receive, sample, withTier } from './tier.ts'

/** Fails with ENOSPC where the files of a folder would exceed these bytes. */
function bounded(file: OpenFile, bytes: number, usedBytes: () => number): OpenFile {
  const write = file.write.bind(file)
  file.write = async (some, position) => {
    if (usedBytes() + some.byteLength > bytes) {
      throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
    }
    await write(some, position)
  }
  return file
}

/** A tier on a file system of this many bytes, which says so, or only when it is written to. */
async function withSmall(
  bytes: number,
  says: 'before' | 'when written to',
  run: (tier: CacheFiles, usedBytes: () => number) => Promise<void>,
  seen: (usedBytes: number) => number = (usedBytes) => usedBytes,
): Promise<void> {
  await inTemporary(async (directory) => {
    const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length))
    const { folder } = openCacheFolder({ directory, random })
    const usedBytes = (): number =>
      [...filesBelow(directory).keys()].reduce(
        (sum, path) => sum + readFileSync(path).byteLength,
        0,
      )
    const { use } = folder
    const create = folder.createPart.bind(folder)
    Object.assign(folder, {
      use: () => ({
        ...use(),
        kind: 'shared-memory' as const,
        freeBytes: says === 'before' ? bytes - seen(usedBytes()) : 1024 * MIB,
      }),
      createPart: (name: string) => bounded(create(name), bytes, usedBytes),
    })
    const budget = new CacheBudget(64 * MIB)
    const tier = new CacheFiles({ folder, keeps: false, budget, isShared: false, log: SILENT })
    try {
      await run(tier, usedBytes)
    } finally {
      await tier.close()
    }
  })
}

for (const says of ['before', 'when written to'] as const) {
  test(`R003-150 a file system that is smaller than the budget, and says so ${says}, evicts`, async (t) => {
    await withSmall(3.5 * MIB, says, async (tier, usedBytes) => {
      for (let i = 1; i <= 6; i++) {
        const one = sample(SEGMENT_BYTES, i)
        sameBytes(t, await read(await fill(tier, one)), one.bytes)
        t.true(usedBytes() <= 3.5 * MIB)
        t.is(tier.status().values, Math.min(i, 3))
      }
      t.is(tier.status().evictions, 3)
      const holds = await Promise.all([...tier.values()].map((value) => tier.hold(value)))
      const more = sample(SEGMENT_BYTES, 7)
      const value = tier.prepare(more.key, SEGMENT_BYTES, 1)!
      const release = value.use()
      const code = await codeOf(async () => {
        if (tier.claim(value, { start: 0, end: SEGMENT_BYTES })) await receive(value, more)
        else throw new DstoreError('no-space', 'refused')
      })
      t.is(code, 'no-space')
      tier.settle(value)
      release()
      t.is(tier.status().values, 3)
      for (const hold of holds) {
        t.true(existsSync(hold.path))
        hold.release()
      }
      t.true((await fill(tier, more)).isWhole)
    })
  })
}

test('R003-150 where what is evicted stays open elsewhere, no more is evicted in vain', async (t) => {
  let mappedBytes = 0
  await withSmall(
    6 * MIB,
    'before',
    async (tier) => {
      for (let i = 1; i <= 4; i++) await fill(tier, sample(SEGMENT_BYTES, i))
      mappedBytes = SEGMENT_BYTES
      const more = sample(3 * SEGMENT_BYTES, 5)
      const value = tier.prepare(more.key, more.bytes.byteLength, 1)!
      t.false(tier.claim(value, { start: 0, end: value.size }))
      t.is(tier.status().evictions, 2)
      t.is(tier.status().values, 2)
    },
    // To unlink a file frees nothing.
    (usedBytes) => Math.max(usedBytes, mappedBytes === 0 ? 0 : 4 * SEGMENT_BYTES),
  )
})

test('R003-151 a folder that was deleted is made again, and what it held is not held', async (t) => {
  await withTier(64 * MIB, async ({ tier, directory, warnings }) => {
    const [one, other] = [sample(2 * SEGMENT_BYTES, 1), sample(2 * SEGMENT_BYTES, 2)]
    const value = await fill(tier, one)
    rmSync(directory, { recursive: true })
    t.is(await codeOf(() => tier.hold(value)), 'integrity')
    t.is(warnings.length, 1)
    const again = await fill(tier, other)
    sameBytes(t, readFileSync(again.path!), other.bytes)
    sameBytes(t, await read(await fill(tier, one)), one.bytes)
  })
})

test('R003-151 a value whose part was deleted while it was written is not held', async (t) => {
  await withTier(64 * MIB, async ({ tier, directory }) => {
    const one = sample(2 * SEGMENT_BYTES, 1)
    const value = tier.prepare(one.key, one.bytes.byteLength, 1)!
    const release = value.use()
    tier.claim(value, { start: 0, end: value.size })
    await receive(value, one, { start: 0, end: SEGMENT_BYTES })
    rmSync(directory, { recursive: true })
    const rest = { start: SEGMENT_BYTES, end: 2 * SEGMENT_BYTES }
    t.is(await codeOf(() => receive(value, one, rest)), 'unwritable')
    release()
    t.is(tier.peek(one.key), undefined)
    t.is(tier.status().usedBytes, 0)
    t.true((await fill(tier, one)).isWhole)
  })
})

test('R003-151 a file that cannot be deleted stays, and others make room', async (t) => {
  await withTier(4 * MIB, async ({ tier, warnings }) => {
    const [stuck, other] = [await fill(tier, sample(MIB, 1)), await fill(tier, sample(MIB, 2))]
    // Another process puts a folder in its place, which `unlink` refuses.
    rmSync(stuck.path!)
    mkdirSync(stuck.path!)
    const large = sample(2 * MIB, 3)
    sameBytes(t, await read(await fill(tier, large)), large.bytes)
    t.is(tier.peek(stuck.key), stuck)
    t.is(tier.peek(other.key), undefined)
    await fill(tier, sample(MIB, 4))
    t.is(warnings.length, 1, 'it is not tried again each time')
  })
})
