import { sweep, sweepDaily } from '../../src/archive/sweep.ts'
import type { SweepOptions, Swept } from '../../src/archive/sweep.ts'
import { DstoreError } from '../../src/errors.ts'
import { ARCHIVE_SWEEP_MS } from '../../src/limits.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import { eventually } from '../eventually.ts'
import { test } from '../serial.ts'

const EPOCH = 0x0b

const file = (epoch: number, number: number): string =>
  epoch.toString(16).padStart(8, '0') + number.toString(16).padStart(12, '0')

const key = (epoch: number, number: number): string => {
  const name = file(epoch, number)
  return `v/${name.slice(0, 8)}/${name.slice(8)}`
}

const never = new AbortController().signal

function optionsOf(bucket: MemoryBucket, more: Partial<SweepOptions> = {}): SweepOptions {
  return {
    objects: bucket.client(),
    epoch: EPOCH,
    isNamed: () => false,
    isUploading: () => false,
    settled: async () => undefined,
    ...more,
  }
}

test('R011-18: what no record names goes, and only below v/ and of earlier epochs', async (t) => {
  const bucket = new MemoryBucket()
  const kept = [
    key(EPOCH, 1),
    key(EPOCH + 1, 1),
    key(0xffffffff, 1),
    'v/0000000a',
    'v/0000000a/',
    'v/0000000A/000000000001',
    'v/0000000a/000000000001.tmp',
    'v/0000000a/1',
    'w/0000000a/000000000001',
    'j/0000000000000001',
    's/0000000000000001',
    'set.json',
    'identity',
    key(3, 7),
    key(0x0a, 0x10),
  ]
  const swept = [key(0, 0), key(1, 1), key(3, 8), key(0x0a, 0xffffffffffff)]
  for (const one of [...kept, ...swept]) bucket.objects.set(one, new Uint8Array(1))
  const named = new Set([file(3, 7)])
  const options = optionsOf(bucket, {
    isNamed: (one) => named.has(one),
    isUploading: (one) => one === key(0x0a, 0x10),
  })
  t.deepEqual(await sweep(options, never), { removed: 4, aborted: 0 })
  t.deepEqual(bucket.keys(), kept.toSorted())
  t.deepEqual(await sweep(options, never), { removed: 0, aborted: 0 })
})

test('R011-18: unfinished uploads of earlier epochs are aborted, but not of this process', async (t) => {
  const bucket = new MemoryBucket()
  const objects = bucket.client()
  for (let n = 0; n < 30; n++) await objects.beginUpload(key(n % 10, n))
  await objects.beginUpload(key(3, 3))
  const own = key(4, 4)
  const kept = [key(EPOCH, 1), key(EPOCH + 5, 1), 's/0000000000000001', 'v/other']
  for (const one of kept) await objects.beginUpload(one)
  const swept = await sweep(optionsOf(bucket, { isUploading: (one) => one === own }), never)
  t.is(swept.aborted, 30)
  t.deepEqual(
    [...bucket.uploads.values()].map((one) => one.key).toSorted(),
    [...kept, own].toSorted(),
  )
})

test('R011-18: many objects are swept by pages, and the list of later epochs is not read', async (t) => {
  const bucket = new MemoryBucket()
  for (let n = 0; n < 3_500; n++) bucket.objects.set(key(1 + (n % 3), n), new Uint8Array(1))
  for (let n = 0; n < 3_500; n++) bucket.objects.set(key(EPOCH, n), new Uint8Array(1))
  let lists = 0
  bucket.onRequest = ({ verb }) => void (lists += verb === 'list' ? 1 : 0)
  const isNamed = (one: string): boolean => Number.parseInt(one.slice(8), 16) % 2 === 0
  t.is((await sweep(optionsOf(bucket, { isNamed }), never)).removed, 1_750)
  t.is(bucket.keys(key(EPOCH, 0).slice(0, 10)).length, 3_500)
  t.is(bucket.objects.size, 3_500 + 1_750)
  t.is(lists, 4)
})

test('R011-18: a bucket that aborts nothing does not hold a sweep for ever', async (t) => {
  const bucket = new MemoryBucket()
  await bucket.client().beginUpload(key(1, 1))
  bucket.onRequest = ({ verb }) => (verb === 'abortUpload' ? 'lost' : 'whole')
  await t.throwsAsync(sweep(optionsOf(bucket), never))
  const client = bucket.client()
  const objects = Object.create(client, {
    list: { value: async () => ({ objects: [], more: false }) },
    unfinished: { value: async () => [{ key: key(1, 1), id: 'x' }] },
    abortUpload: { value: async () => undefined },
  }) as typeof client
  t.is((await sweep(optionsOf(bucket, { objects }), never)).aborted, 1)
})

test('R011-19: a node that was fenced deletes nothing that it alone released', async (t) => {
  const bucket = new MemoryBucket()
  bucket.objects.set(key(1, 1), new Uint8Array(1))
  const order: string[] = []
  bucket.onRequest = ({ verb }) => void order.push(verb)
  const fenced = new DstoreError('unwritable', 'another node has taken over')
  const options = optionsOf(bucket, {
    isNamed: () => void order.push('isNamed') === undefined && false,
    settled: () => Promise.reject(fenced),
  })
  t.is(await t.throwsAsync(sweep(options, never)), fenced)
  t.deepEqual(bucket.keys(), [key(1, 1)])
  const settled = async (): Promise<void> => void order.push('settled')
  order.length = 0
  await sweep({ ...options, settled }, never)
  t.deepEqual(order, ['unfinished', 'list', 'isNamed', 'settled', 'remove'])
  t.is(bucket.objects.size, 0)
})

test('R011-19: it is swept at begin and once a day, and earlier after a failure', async (t) => {
  const bucket = new MemoryBucket()
  const closing = new AbortController()
  const waits: number[] = []
  const swept: Swept[] = []
  const failed: unknown[] = []
  let isAway = false
  bucket.onRequest = () => (isAway ? 'lost' : 'whole')
  const wait = async (ms: number): Promise<void> => {
    waits.push(ms)
    bucket.objects.set(key(1, waits.length), new Uint8Array(1))
    isAway = waits.length === 2
    if (waits.length === 4) closing.abort()
  }
  const onSwept = (one: Swept): void => void swept.push(one)
  const onFailed = (error: unknown): void => void failed.push(error)
  await sweepDaily({ ...optionsOf(bucket), wait, onSwept, onFailed }, closing.signal)
  t.deepEqual(
    swept.map(({ removed }) => removed),
    [0, 1, 2],
  )
  t.is(failed.length, 1)
  t.deepEqual(waits, [ARCHIVE_SWEEP_MS, ARCHIVE_SWEEP_MS, 600_000, ARCHIVE_SWEEP_MS])
})

test('a sweep ends when the store closes', async (t) => {
  const bucket = new MemoryBucket()
  bucket.objects.set(key(1, 1), new Uint8Array(1))
  const closing = new AbortController()
  let isWaiting = false
  const settled = (): Promise<void> =>
    new Promise((resolve) => {
      isWaiting = true
      closing.signal.addEventListener('abort', () => resolve())
    })
  const failed: unknown[] = []
  const onFailed = (error: unknown): void => void failed.push(error)
  const ended = sweepDaily({ ...optionsOf(bucket, { settled }), onFailed }, closing.signal)
  await eventually(() => isWaiting)
  closing.abort()
  await ended
  t.deepEqual(failed, [])
  t.is(bucket.objects.size, 1)
})
