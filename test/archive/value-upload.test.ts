/** Uploads of values with the real client, and a server that fails. */
import { BucketValues } from '../../src/archive/values/bucket-values.ts'
import { PartSizes } from '../../src/archive/values/part-sizes.ts'
import { gather } from '../../src/bytes.ts'
import { ARCHIVE_PARTS_AHEAD, ARCHIVE_PART_BYTES, MIB } from '../../src/limits.ts'
import type { UploadSource, ValueUpload } from '../../src/store/disk/archive.ts'
import { PREFIX, withBucket } from '../bucket/opened.ts'
import type { Opened } from '../bucket/opened.ts'
import { eventually } from '../eventually.ts'
import { test } from '../serial.ts'

const FILE = '00000001000000000002'
const KEY = `${PREFIX}v/00000001/000000000002`

/** Any value: each MiB has its number. */
function valueOf(size: number): Buffer {
  const value = Buffer.alloc(size)
  for (let at = 0; at < size; at += MIB) value.fill(1 + at / MIB, at, Math.min(size, at + MIB))
  return value
}

const sourceOf =
  (value: Uint8Array): (() => Promise<UploadSource>) =>
  async () => ({
    read: async (into: Uint8Array, position: number) => {
      into.set(value.subarray(position, position + into.byteLength))
    },
    close: async () => undefined,
  })

function valuesOf({ objects }: Opened): BucketValues {
  const values = new BucketValues({
    objects,
    isComplete: true,
    settled: async () => undefined,
    sleep: async () => undefined,
  })
  values.begin(1)
  return values
}

async function complete(
  upload: ValueUpload,
  value: Uint8Array,
  outboard: Uint8Array,
): Promise<void> {
  for (let at = 0; at < value.byteLength; at += 3 * MIB) upload.grow(at)
  await upload.complete(value.byteLength, outboard)
}

const OUTBOARD = Buffer.from('outboard')

const SIZES = [
  [1, 'PutObject'],
  [ARCHIVE_PART_BYTES - OUTBOARD.byteLength, 'PutObject'],
  [ARCHIVE_PART_BYTES - OUTBOARD.byteLength + 1, 'UploadPart'],
  [ARCHIVE_PART_BYTES, 'UploadPart'],
  [2 * ARCHIVE_PART_BYTES + 17, 'UploadPart'],
] as const

test('R011-10: an object is the value, then its outboard, and one request if it is small', async (t) => {
  await withBucket(async (opened) => {
    const values = valuesOf(opened)
    for (const [size, operation] of SIZES) {
      const { stub } = opened
      const value = valueOf(size)
      await complete(values.upload(FILE, sourceOf(value), undefined), value, OUTBOARD)
      t.true(Buffer.concat([value, OUTBOARD]).equals(stub.objects.get(KEY)!), `${size}`)
      t.is(stub.log.at(operation === 'PutObject' ? -1 : -2)!.operation, operation)
      const end = { start: size, end: size + OUTBOARD.byteLength }
      t.true(OUTBOARD.equals(await gather(values.read(FILE, end))))
      stub.objects.clear()
    }
    await values.close()
  })
})

/** Requests of an upload in parts and of one without. */
const OPERATIONS = [
  'PutObject',
  'CreateMultipartUpload',
  'UploadPart',
  'CompleteMultipartUpload',
] as const

const FAULTS = [
  { kind: 'lost' },
  { kind: 'dropped' },
  { kind: 'refused', status: 503, code: 'SlowDown' },
] as const

test('R011-8, R011-12: each request may fail or lose its answer once', async (t) => {
  await withBucket(async (opened) => {
    const { stub } = opened
    const values = valuesOf(opened)
    for (const operation of OPERATIONS) {
      for (const fault of FAULTS) {
        const value = valueOf(operation === 'PutObject' ? 20_000 : ARCHIVE_PART_BYTES + 5)
        stub.inject(fault, { operation })
        await complete(values.upload(FILE, sourceOf(value), undefined), value, OUTBOARD)
        t.true(Buffer.concat([value, OUTBOARD]).equals(stub.objects.get(KEY)!), operation)
        stub.objects.clear()
      }
    }
    await values.close()
  })
})

test('R011-8: a part that has no answer for longer is tried again from memory', async (t) => {
  await withBucket(async (opened) => {
    const { stub } = opened
    const values = valuesOf(opened)
    stub.inject(FAULTS[2], { operation: 'UploadPart', times: 4 })
    const value = valueOf(ARCHIVE_PART_BYTES + 5)
    await complete(values.upload(FILE, sourceOf(value), undefined), value, OUTBOARD)
    t.is(stub.objects.get(KEY)!.byteLength, value.byteLength + OUTBOARD.byteLength)
    await values.close()
  })
})

test('R011-11: an upload that is aborted leaves nothing, also where answers were lost', async (t) => {
  await withBucket(async (opened) => {
    const { stub } = opened
    const values = valuesOf(opened)
    for (const operation of OPERATIONS) {
      for (const fault of FAULTS) {
        const value = valueOf(operation === 'PutObject' ? 20_000 : 2 * ARCHIVE_PART_BYTES + 5)
        stub.inject(fault, { operation, times: 2 })
        const upload = values.upload(FILE, sourceOf(value), undefined)
        await complete(upload, value, OUTBOARD).catch(() => undefined)
        await upload.abort()
        t.is(stub.objects.size, 0, `${operation} ${fault.kind}`)
        t.is(stub.state.uploads.size, 0, `${operation} ${fault.kind}`)
        stub.heal()
      }
    }
    // In the middle, with parts under way.
    stub.inject({ kind: 'late', ms: 50 }, { operation: 'UploadPart', times: 3 })
    const value = valueOf(3 * ARCHIVE_PART_BYTES)
    const upload = values.upload(FILE, sourceOf(value), undefined)
    upload.grow(value.byteLength)
    await upload.abort()
    t.like(await t.throwsAsync(upload.complete(value.byteLength, OUTBOARD)), { code: 'cancelled' })
    t.is(stub.objects.size, 0)
    await values.close()
  })
})

test('R011-66 a close does not wait for a silent bucket to drop what an upload left', async (t) => {
  await withBucket(async (opened) => {
    const { stub } = opened
    const values = valuesOf(opened)
    stub.inject(
      { kind: 'late', ms: 60_000 },
      { operation: 'AbortMultipartUpload', times: Infinity },
    )
    stub.inject({ kind: 'late', ms: 60_000 }, { operation: 'UploadPart', times: Infinity })
    const value = valueOf(2 * ARCHIVE_PART_BYTES)
    const upload = values.upload(FILE, sourceOf(value), undefined)
    upload.grow(value.byteLength)
    t.true(await eventually(async () => stub.state.uploads.size > 0))
    let isOver = false
    const aborted = upload.abort().then(() => (isOver = true))
    await new Promise((resolve) => setTimeout(resolve, 200))
    t.false(isOver, 'while the archive stays open, it is waited for')
    values.closing()
    await aborted
    await values.close()
    t.is(stub.state.uploads.size, 1, 'the sweep of the next opening finds it')
  })
})

test('R011-12: another object of the name is damage, and stays', async (t) => {
  await withBucket(async (opened) => {
    const { stub } = opened
    const values = valuesOf(opened)
    stub.objects.set(KEY, Buffer.from('another'))
    const value = valueOf(20_000)
    const completed = complete(values.upload(FILE, sourceOf(value), undefined), value, OUTBOARD)
    t.like(await t.throwsAsync(completed), { code: 'integrity' })
    t.is(stub.objects.get(KEY)!.byteLength, 7)
    await values.close()
  })
})

test('R011-8: parts under way are few, and their memory is bounded for all uploads', async (t) => {
  await withBucket(async (opened) => {
    const { stub } = opened
    stub.state.keepsBytes = false
    stub.inject({ kind: 'late', ms: 100 }, { operation: 'UploadPart', times: 20 })
    const values = valuesOf(opened)
    const value = valueOf(10 * ARCHIVE_PART_BYTES)
    let read = 0
    const source: UploadSource = {
      read: async (into) => void (read += into.byteLength),
      close: async () => undefined,
    }
    const upload = values.upload(FILE, async () => source, undefined)
    upload.grow(value.byteLength)
    await new Promise((resolve) => setTimeout(resolve, 50))
    t.true(read <= ARCHIVE_PARTS_AHEAD * ARCHIVE_PART_BYTES, `${read} bytes`)
    await upload.complete(value.byteLength, OUTBOARD)
    const parts = stub.log.filter(({ operation }) => operation === 'UploadPart')
    t.is(parts.length, 11)
    t.is(stub.mostAtOnce, ARCHIVE_PARTS_AHEAD)
    await values.close()
  })
})

test('R011-9: ten thousand parts are enough for what a bucket takes, each large enough', (t) => {
  for (const size of [
    undefined,
    0,
    1,
    100 * 1024 * MIB,
    1024 * 1024 * MIB,
    5 * 1024 * 1024 * MIB,
  ]) {
    const sizes = new PartSizes(size)
    let total = 0
    for (let number = 1; number <= 10_000; number++) {
      const bytes = sizes.of(number)
      t.true(bytes >= 5 * MIB && bytes <= 5 * 1024 * MIB)
      total += bytes
    }
    t.true(total >= (size ?? 400 * 1024 * MIB) * (1 + 1 / 256), `${size}`)
    t.throws(() => sizes.of(10_001), { message: /more parts/ })
    if (size !== undefined && size > 0) {
      const planned = Math.ceil(size / sizes.of(1))
      t.is(sizes.of(planned), sizes.of(1), 'parts of an announced size are equal')
    }
  }
})
