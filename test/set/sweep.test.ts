import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { objectKey } from '../../src/archive/values/object-key.ts'
import { pause } from '../../src/deadline.ts'
import { createMemoryJournal } from '../journal/memory-journal.ts'
import { SET_SWEEP_MS } from '../../src/limits.ts'
import { makeLocation } from '../../src/store/disk/layout.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import { eventually } from '../eventually.ts'
import { test } from '../serial.ts'
import { member, open } from './members.ts'

const never = new AbortController().signal

test('R012-100: the active member deletes what earlier epochs left, some time after it took over', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'dstore-set-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'a'))
  const journal = createMemoryJournal()
  const bucket = new MemoryBucket()
  const objects = bucket.client()
  const [left, later] = [1, 1000].map((epoch) => objectKey(makeLocation(epoch, 1)))
  for (const key of [left!, later!]) await objects.put(key, new Uint8Array(10))
  await objects.beginUpload(objectKey(makeLocation(1, 2)))
  const asked: string[] = []
  bucket.onRequest = ({ verb, key }) => void asked.push(`${verb} ${key}`)
  let sweep: () => void = () => undefined
  const isTime = new Promise<void>((resolve) => (sweep = resolve))
  const sleep = (ms: number, signal: AbortSignal = never): Promise<void> =>
    ms === SET_SWEEP_MS ? isTime : pause(ms, signal)
  const a = member({ directory, journal, bucket, sleep })
  const store = await open(a.directory, await a.set.stand(never))
  t.true(await eventually(async () => asked.some((one) => one.startsWith('list s/'))))
  t.deepEqual(
    asked.filter((one) => /^(list|unfinished) v\//.test(one)),
    [],
  )
  sweep()
  t.true(await eventually(async () => !bucket.objects.has(left!)))
  t.true(bucket.objects.has(later!), 'an epoch that has not begun yet')
  t.is(bucket.uploads.size, 0)
  await store.close()
  await a.set.close()
  await journal.close()
})
