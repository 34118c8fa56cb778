/** A client of a stub of S3, for tests. */
import { openBucket } from '../../src/bucket/s3-objects.ts'
import type { BucketOptions } from '../../src/bucket/s3-objects.ts'
import type { ObjectStore } from '../../src/bucket/object-store.ts'
import { startS3Stub } from './s3-stub.ts'
import type { S3Stub } from './s3-stub.ts'

export const PLACE = 's3://buck/some/prefix'

/** What keys begin with at the stub. */
export const PREFIX = 'some/prefix/'

export interface Opened {
  readonly stub: S3Stub
  readonly objects: ObjectStore
}

/** Runs with a bucket that is empty, and a client of it. */
export async function withBucket(
  run: (opened: Opened) => Promise<void>,
  options: Partial<BucketOptions> = {},
): Promise<void> {
  const stub = await startS3Stub()
  const objects = await openClient(stub, options)
  try {
    await run({ stub, objects })
  } finally {
    await objects.close()
    await stub.close()
  }
}

export function openClient(
  stub: S3Stub,
  options: Partial<BucketOptions> = {},
): Promise<ObjectStore> {
  return openBucket({
    place: PLACE,
    endpoint: stub.endpoint,
    environment: process.env,
    credentials: { accessKeyId: 'AKIDSTUB', secretAccessKey: 'secret' },
    requestMs: 5_000,
    ...options,
  })
}
