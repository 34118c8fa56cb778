/** A restore that ends anywhere leaves nothing but what the next one replaces. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { restore } from '../../src/archive/restore.ts'
import { SILENT } from '../../src/log.ts'
import { nodeFiles } from '../../src/store/disk/files.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import { test } from '../serial.ts'
import { Faulty } from '../store/disk/faulty.ts'
import { inTemporary } from '../store/temporary.ts'
import { idsOf, openArchived, put, restored, until } from './tools.ts'

const SMALL = 100
const LARGE = 100_000

/** A bucket with a store, and an empty directory. */
async function withArchive(
  run: (bucket: MemoryBucket, directory: string) => Promise<void>,
): Promise<void> {
  const bucket = new MemoryBucket()
  await inTemporary(async (root) => {
    const first = await openArchived(bucket.client(), join(root, 'a'))
    await put(first.store, 'large', LARGE)
    await put(first.store, 'small', SMALL)
    await until(() => first.archive.status().snapshot !== undefined)
    await put(first.store, 'last', SMALL)
    await first.close()
    await run(bucket, join(root, 'b'))
  })
}

/** Either there is no store, or one that counts as restored and not opened yet. */
async function checkLeft(t: ExecutionContext, directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  const stores = names.filter((name) => /^store-v\d+$/.test(name))
  for (const store of stores) {
    t.not(await nodeFiles.size(join(directory, store, 'restored')), undefined, store)
  }
}

async function checkNext(
  t: ExecutionContext,
  bucket: MemoryBucket,
  directory: string,
): Promise<void> {
  const said = await restored(bucket.client(), directory)
  // Nobody else is there to wait for.
  const options = { restored: { ...said, saidFarewell: true } }
  const next = await openArchived(bucket.client(), directory, options)
  t.deepEqual(await idsOf(next.store), ['large', 'last', 'small'])
  t.deepEqual(next.store.recovery.damaged, [])
  await next.close()
  t.deepEqual(await readdir(directory), ['store-v3'])
}

const parts = { elapsed: () => performance.now(), log: SILENT }

test('R011-70, R011-71 a restore that is killed at any call of the disk is replaced by the next', async (t) => {
  await withArchive(async (bucket, directory) => {
    let calls = 0
    for (;;) {
      const faulty = new Faulty('kill', calls)
      const objects = bucket.client()
      const outcome = await restore(
        { ...parts, objects, directory },
        { files: faulty.files },
      ).catch((error: unknown) => error)
      if (faulty.hit === undefined) break
      t.true(outcome instanceof Error, `${calls}: ${faulty.hit}`)
      await checkLeft(t, directory)
      calls++
    }
    t.true(calls > 20, `${calls}`)
    await checkNext(t, bucket, directory)
  })
})

for (const how of ['loses its bucket', 'is cancelled'] as const) {
  test(`R011-70, R011-74 a restore that ${how} at any request is replaced by the next`, async (t) => {
    await withArchive(async (bucket, directory) => {
      let requests = 0
      const before = [...bucket.objects]
      for (;;) {
        // Each epoch that was begun is one object more to read.
        bucket.objects.clear()
        for (const [key, body] of before) bucket.objects.set(key, body)
        let left = requests
        const cancelling = new AbortController()
        bucket.onRequest = () => {
          if (left-- > 0) return 'whole'
          if (how === 'is cancelled') cancelling.abort(new Error('Ctrl-C'))
          return how === 'is cancelled' ? 'whole' : 'lost'
        }
        const options = { ...parts, objects: bucket.client(), directory }
        const outcome = await restore(
          { ...options, signal: cancelling.signal },
          { sleep: (ms) => sleep(ms / 1000) },
        ).catch((error: unknown) => error)
        await checkLeft(t, directory)
        if (left >= 0) break
        if (how === 'loses its bucket') t.true(outcome instanceof Error, `${requests}`)
        requests++
      }
      bucket.onRequest = () => 'whole'
      t.true(requests > 3, `${requests}`)
      await checkNext(t, bucket, directory)
    })
  })
}
