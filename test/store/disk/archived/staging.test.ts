/** Large values go up while they are staged. */
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { concat } from '../../../../src/bytes.ts'
import { DstoreError } from '../../../../src/errors.ts'
import { hash } from '../../../../src/hash/hasher.ts'
import {
  ARCHIVE_PART_BYTES,
  GROUP_BYTES,
  MIB,
  PIECE_BYTES,
  SMALL_VALUE_BYTES,
} from '../../../../src/limits.ts'
import { nodeFiles } from '../../../../src/store/disk/files.ts'
import { Layout } from '../../../../src/store/disk/layout.ts'
import { eventually } from '../../../eventually.ts'
import { test } from '../../../serial.ts'
import { adopt, keep, pattern, readAll, sameBytes } from '../../conformance/suite.ts'
import { Archived, withArchived } from './archived.ts'

const LARGE = 2 * ARCHIVE_PART_BYTES + 5 * PIECE_BYTES + 7
const QUOTA = { maxBytes: 64 * MIB }

/** Its object is the value, then its outboard. */
function isUploaded(
  t: ExecutionContext,
  archived: Archived,
  location: string,
  ...parts: readonly Uint8Array[]
): void {
  const object = archived.bucket.objects.get(archived.keyOf(location))
  sameBytes(t, object ?? new Uint8Array(0), concat(parts))
  t.is(archived.bucket.uploads.size, 0)
}

test('R005-110: parts go up while a value is written, and its object is there when it is sealed', async (t) => {
  await withArchived(QUOTA, async (archived) => {
    const { store, bucket } = archived
    for (const outboardBytes of [0, 100, SMALL_VALUE_BYTES + 1]) {
      const staging = await store.stage(undefined)
      await staging.write(pattern(LARGE - 1))
      await eventually((saw) => saw([...bucket.uploads.values()][0]?.parts.size) === 2)
      await staging.write(pattern(1))
      const outboard = pattern(outboardBytes)
      const location = await staging.seal(outboard)
      isUploaded(t, archived, location, pattern(LARGE - 1), pattern(1), outboard)
      await staging.discard()
    }
    await eventually((saw) => saw(bucket.keys()).length === 0)
    await archived.leavesNothing()
  })
})

test('R005-110: a value of one part is one request, a small one none', async (t) => {
  await withArchived({}, async (archived) => {
    const requests: string[] = []
    archived.bucket.onRequest = ({ verb }) => void requests.push(verb)
    await keep(archived.store, pattern(SMALL_VALUE_BYTES))
    await archived.store.sealSmall([pattern(100)])
    t.deepEqual(requests, [])
    const location = await keep(archived.store, pattern(SMALL_VALUE_BYTES + 1), pattern(64))
    t.deepEqual(requests, ['put'])
    isUploaded(t, archived, location, pattern(SMALL_VALUE_BYTES + 1), pattern(64))
  })
})

test('R005-110: small values that come close together do not each ask the filesystem for room', async (t) => {
  let questions = 0
  const freeBytes = (path: string): Promise<number> => {
    questions++
    return nodeFiles.freeBytes(path)
  }
  const clocks = { wall: () => 0, elapsed: () => 0 }
  const archived = await Archived.create({}, { files: { ...nodeFiles, freeBytes }, clocks })
  try {
    await keep(archived.store, pattern(100))
    questions = 0
    for (let i = 0; i < 50; i++) await keep(archived.store, pattern(200 + i))
    t.true(questions < 10, `${questions} questions`)
  } finally {
    await archived.destroy()
  }
})

test('R005-110: a file that threads copy is uploaded as it was stored', async (t) => {
  await withArchived({}, async (archived) => {
    const path = join(archived.directory, 'input')
    const input = await open(path, 'wx+')
    const bytes = pattern(LARGE)
    await input.writeFile(bytes)
    const staging = await archived.store.stage(LARGE)
    const onProgress = (): void => undefined
    const content = { fd: input.fd, path, size: LARGE, signal: undefined, onProgress }
    const { digest, outboard } = await staging.copyFrom!(content)
    await input.close()
    await rm(path)
    t.deepEqual(digest, hash(bytes).digest)
    const location = await staging.seal(outboard)
    isUploaded(t, archived, location, bytes, outboard)
  })
})

test('R005-111: an upload that is suspended leaves nothing in the bucket, and begins anew', async (t) => {
  await withArchived({}, async (archived) => {
    const { store, bucket } = archived
    const id = pattern(32)
    const first = await store.stage(undefined, { id, from: 0 })
    await first.write(pattern(LARGE))
    await eventually((saw) => saw(bucket.uploads.size) === 1)
    await first.suspend()
    t.is(bucket.uploads.size, 0)
    const kept = await store.partialBytes(id)
    t.is(kept, LARGE - (LARGE % GROUP_BYTES))
    const second = await store.stage(undefined, { id, from: kept })
    await second.write(pattern(10))
    const location = await second.seal(pattern(64))
    isUploaded(t, archived, location, pattern(LARGE).subarray(0, kept), pattern(10), pattern(64))
  })
})

test('R005-111: what is discarded in any state leaves nothing', async (t) => {
  await withArchived(QUOTA, async (archived) => {
    const { store, bucket } = archived
    for (const size of [GROUP_BYTES + 1, LARGE]) {
      for (const state of ['written', 'sealing', 'sealed']) {
        const staging = await store.stage(undefined)
        const writing = staging.write(pattern(size))
        if (state !== 'writing') await writing
        const sealing = state === 'written' ? undefined : staging.seal(pattern(64))
        sealing?.catch(() => undefined)
        if (state === 'sealed') await sealing
        await staging.discard()
        await eventually((saw) => saw([bucket.keys().length, bucket.uploads.size]).join() === '0,0')
        await archived.leavesNothing()
        t.is(archived.values.removals, 0)
      }
    }
  })
})

test('R005-111: whatever request fails, or is the last one for now, a value is uploaded, or refused without a trace', async (t) => {
  let failures = 0
  for (const fate of ['lost', 'unanswered'] as const) {
    for (const size of [GROUP_BYTES + 1, LARGE]) {
      for (let at = 0, wasHit = true; wasHit; at++) {
        wasHit = false
        await withArchived(QUOTA, async (archived) => {
          const { store, bucket } = archived
          let left = at
          bucket.onRequest = () => {
            const isHit = fate === 'unanswered' ? left === 0 : left <= 0
            left--
            wasHit ||= isHit
            return isHit ? fate : 'whole'
          }
          const staging = await store.stage(undefined)
          try {
            await staging.write(pattern(size))
            const location = await staging.seal(pattern(64))
            // One that was begun twice is swept.
            for (const [id, { parts }] of bucket.uploads)
              if (parts.size === 0) bucket.uploads.delete(id)
            isUploaded(t, archived, location, pattern(size), pattern(64))
            await adopt(store, location)
            sameBytes(t, await readAll(store, location, 0, size), pattern(size))
          } catch (error) {
            failures++
            t.true(error instanceof DstoreError)
            const { code, hint, message } = error as DstoreError
            t.is(code, 'unreachable')
            t.regex(message, /cannot put a value in the bucket s3:/)
            t.regex(hint!, /16 KiB can be put meanwhile/)
            await t.throwsAsync(staging.write(pattern(1)), { instanceOf: TypeError })
            bucket.uploads.clear()
            await archived.leavesNothing()
          }
        })
      }
    }
  }
  t.true(failures >= 6, `${failures} failures`)
})

test('R005-111: with the bucket away small values are put, and large ones are refused', async (t) => {
  await withArchived(QUOTA, async (archived) => {
    const { store } = archived
    const cached = await keep(store, pattern(LARGE), pattern(64))
    archived.away()
    const small = await keep(store, pattern(SMALL_VALUE_BYTES))
    const away = { code: 'unreachable', message: /cannot put a value/ }
    await t.throwsAsync(keep(store, pattern(SMALL_VALUE_BYTES + 1)), away)
    const large = await store.stage(undefined)
    await t.throwsAsync(async () => {
      // The first failure refuses the rest of the stream.
      for (;;) await large.write(pattern(PIECE_BYTES))
    }, away)
    sameBytes(t, await readAll(store, cached, 0, LARGE), pattern(LARGE))
    sameBytes(t, await readAll(store, small, 0, SMALL_VALUE_BYTES), pattern(SMALL_VALUE_BYTES))
    t.is((await store.usage()).headroomBytes, QUOTA.maxBytes)
    archived.away(false)
    await keep(store, pattern(SMALL_VALUE_BYTES + 1))
  })
})

test('R005-110: a disk that fails while a value goes up is not called a bucket that is away', async (t) => {
  await withArchived({}, async (archived) => {
    const staging = await archived.store.stage(undefined)
    await staging.write(pattern(PIECE_BYTES))
    const [name] = await archived.files()
    await rm(join(new Layout(archived.directory).values, name!))
    await t.throwsAsync(staging.seal(pattern(64)), { code: 'unwritable' })
    t.is(archived.bucket.keys().length, 0)
  })
})
