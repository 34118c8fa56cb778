import { raceBucket } from '../../src/bucket/race.ts'
import type { ObjectStore } from '../../src/bucket/object-store.ts'
import { test } from '../serial.ts'
import { withBucket } from './opened.ts'

test('R011-4: a bucket that keeps conditions passes, and nothing is left in it', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    stub.inject({ kind: 'late', ms: 100 }, { times: 8 })
    await raceBucket(objects, { name: 'one' })
    t.is(stub.objects.size, 0)
    t.is(stub.state.uploads.size, 0)
    const puts = stub.log.filter(({ operation }) => operation === 'PutObject')
    t.is(puts.filter(({ status }) => status === 200).length, 3)
    t.is(puts.filter(({ status }) => status === 412).length, 21)
    t.true(stub.mostAtOnce >= 8, `${stub.mostAtOnce} at once`)
  })
})

test('R011-4: a bucket that ignores conditions is refused, and told why', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    for (const [kept, what] of [
      [{ put: false, complete: true }, /8 of 8 puts that raced/],
      [{ put: true, complete: false }, /8 of 8 uploads in parts that raced/],
    ] as const) {
      Object.assign(stub.state.keepsConditions, kept)
      const error = await t.throwsAsync(raceBucket(objects, { name: 'two' }), { message: what })
      t.like(error, { code: 'incompatible' })
      t.regex(error.message, /^s3:\/\/buck\/some\/prefix: the bucket ignores conditions/)
      t.is(stub.objects.size, 0)
      t.is(stub.state.uploads.size, 0)
    }
  })
})

test('R011-4: one that does not know the header, or forgets, is refused', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const unknown = { kind: 'refused', status: 501, code: 'NotImplemented' } as const
    stub.inject(unknown, { operation: 'PutObject', times: 100 })
    t.like(await t.throwsAsync(raceBucket(objects, { name: 'a' })), { code: 'incompatible' })
    stub.heal()
    const forgotten = { kind: 'refused', status: 404, code: 'NoSuchKey' } as const
    stub.inject(forgotten, { operation: 'GetObject' })
    const error = await t.throwsAsync(raceBucket(objects, { name: 'b' }))
    t.like(error, { code: 'incompatible' })
    t.regex(error.message, /does not return/)
  })
})

test('R011-4: the object must be the winner’s', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    // It says no to seven of them, and writes what the last one sent.
    const puts: Uint8Array[] = []
    const lying: ObjectStore = Object.create(objects, {
      put: {
        value: async (key: string, body: Uint8Array) => {
          const outcome = puts.push(body) === 1 ? 'written' : 'exists'
          await objects.put(key, body)
          return outcome
        },
      },
      place: { value: objects.place },
      get: { value: async () => puts.at(-1) },
      remove: { value: async (keys: readonly string[]) => objects.remove(keys) },
    }) as ObjectStore
    const error = await t.throwsAsync(raceBucket(lying, { name: 'c' }))
    t.like(error, { code: 'incompatible' })
    t.regex(error.message, /one that was refused has written/)
    t.is(stub.objects.size, 0)
  })
})

test('R011-4: a lost answer is no fault of the bucket', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    stub.inject({ kind: 'lost' }, { operation: 'PutObject' })
    stub.inject({ kind: 'lost' }, { operation: 'CompleteMultipartUpload' })
    await t.notThrowsAsync(raceBucket(objects, { name: 'd' }))
    t.is(stub.objects.size, 0)
    t.is(stub.state.uploads.size, 0)
  })
})

test('R011-4: a bucket that is away is not called incompatible', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    await stub.goAway()
    t.like(await t.throwsAsync(raceBucket(objects, { name: 'e' })), { code: 'unreachable' })
  })
})
