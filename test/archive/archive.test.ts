import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ARCHIVE_LAG_MS, ARCHIVE_MARGIN_MS } from '../../src/limits.ts'
import { openDiskStore } from '../../src/store/disk/disk.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import { test } from '../serial.ts'
import { inTemporary } from '../store/temporary.ts'
import { idsOf, openArchived, put, remove, restored, storeIn, until } from './tools.ts'

const LARGE = 200_000

test('R011-65, R011-70 a store is restored after its farewell: all of it is there, at once', async (t) => {
  const bucket = new MemoryBucket()
  await inTemporary(async (root) => {
    const first = await openArchived(bucket.client(), join(root, 'a'))
    t.is(first.archive.status().place, 's3://memory/')
    await put(first.store, 'small', 100)
    await put(first.store, 'large', LARGE)
    const gone = await put(first.store, 'gone', LARGE)
    await remove(first.store, 'gone', gone)
    await until(() => first.archive.status().snapshot !== undefined)
    await put(first.store, 'last', 300)
    await first.close()

    const began = performance.now()
    const steps = new Set<string>()
    const { saidFarewell, position } = await restored(bucket.client(), join(root, 'b'), {
      onProgress: ({ step }) => steps.add(step),
    })
    t.true(saidFarewell)
    t.true(position > 5)
    t.deepEqual([...steps], ['snapshot', 'journal', 'fence'])
    const second = await openArchived(bucket.client(), join(root, 'b'), {
      restored: { saidFarewell, position, fencedAt: 0 },
    })
    t.true(performance.now() - began < 5000)
    t.deepEqual(await idsOf(second.store), ['large', 'last', 'small'])
    await put(second.store, 'more', LARGE)
    t.deepEqual(second.archive.status().state, 'current')
    await second.close()
    // What the directory has is a store as any other.
    const third = await openArchived(bucket.client(), join(root, 'b'))
    t.deepEqual(await idsOf(third.store), ['large', 'last', 'more', 'small'])
    await third.close()
    await t.throwsAsync(openArchived(bucket.client(), join(root, 'a')), {
      code: 'integrity',
      message: /node that has taken over after entry \d+: 0 entries are only in this store/,
    })
  })
})

test('R011-56, R011-73 a node that takes over fences the other, and waits until that has stopped', async (t) => {
  const bucket = new MemoryBucket()
  await inTemporary(async (root) => {
    const old = await openArchived(bucket.client('old'), join(root, 'a'))
    await put(old.store, 'one', LARGE)
    await until(() => old.archive.status().snapshot !== undefined)
    await old.store.archived!()
    t.true(old.archive.mayServe())
    const said = await restored(bucket.client('new'), join(root, 'b'))
    t.false(said.saidFarewell)
    // The old one learns it from its next append.
    const waited = put(old.store, 'two', 100).then(() => old.store.archived!())
    await t.throwsAsync(waited, { code: 'unwritable', message: /has taken over the archive/ })
    const lost = await old.archive.lost
    t.is(lost.code, 'unwritable')
    t.is(old.archive.status().state, 'fenced')
    t.false(old.archive.mayServe())
    await t.throwsAsync(put(old.store, 'three', 100), { code: 'unwritable' })
    await old.close().catch(() => undefined)

    const fencedAt = performance.now() - ARCHIVE_LAG_MS - ARCHIVE_MARGIN_MS + 700
    const began = performance.now()
    const next = await openArchived(bucket.client('new'), join(root, 'b'), {
      restored: { ...said, fencedAt },
    })
    t.true(performance.now() - began > 300)
    t.deepEqual(await idsOf(next.store), ['one'])
    t.true(next.archive.mayServe())
    t.false((await readdir(storeIn(join(root, 'b')))).includes('restored'))
    await next.close()
  })
})

test('R011-67 a store that has values gets an archive: it can be restored once all are copied', async (t) => {
  const bucket = new MemoryBucket()
  await inTemporary(async (root) => {
    const directory = join(root, 'a')
    const plain = await openDiskStore({ directory })
    await put(plain, 'before', LARGE)
    await put(plain, 'small', 10)
    await plain.close()
    let isHeld = true
    bucket.onRequest = async ({ verb, key }) => {
      if (verb === 'put' && key.startsWith('v/')) await until(() => !isHeld)
    }
    const first = await openArchived(bucket.client(), directory)
    t.is(first.archive.status().state, 'first-copy')
    t.is(first.archive.status().snapshot, undefined)
    t.false(first.archive.values.isComplete)
    await t.throwsAsync(restored(bucket.client(), join(root, 'b')), {
      code: 'not-found',
      message: /no snapshot/,
    })
    isHeld = false
    await until(() => first.archive.status().snapshot !== undefined)
    t.is(first.archive.status().state, 'current')
    t.true(first.archive.values.isComplete)
    await first.close()
    const said = await restored(bucket.client(), join(root, 'b'))
    const second = await openArchived(bucket.client(), join(root, 'b'), { restored: said })
    t.deepEqual(await idsOf(second.store), ['before', 'small'])
    await second.close()
  })
})

test('R011-51, R011-70 no archive, another store, a directory in use: each is refused with what it is', async (t) => {
  const bucket = new MemoryBucket()
  await inTemporary(async (root) => {
    await t.throwsAsync(restored(bucket.client(), join(root, 'x')), { code: 'not-found' })
    const first = await openArchived(bucket.client(), join(root, 'a'))
    await put(first.store, 'one', 10)
    await first.close()
    await t.throwsAsync(openArchived(bucket.client(), join(root, 'empty')), {
      code: 'integrity',
      message: /has \d+ entries, and here is no store/,
    })
    const other = await openDiskStore({ directory: join(root, 'c') })
    await put(other, 'other', 10)
    await other.close()
    await t.throwsAsync(openArchived(bucket.client(), join(root, 'c')), { code: 'incompatible' })
    await t.throwsAsync(restored(bucket.client(), join(root, 'a')), { code: 'conflict' })
  })
})
