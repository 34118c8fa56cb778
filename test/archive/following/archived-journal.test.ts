import { DstoreError } from '../../../src/errors.ts'
import { ARCHIVE_CONFIRM_MS, ARCHIVE_LAG_MS } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { Following, type FollowingParts } from '../../../src/archive/following/following.ts'
import { openBucketJournal } from '../../../src/journal/bucket/bucket-journal.ts'
import type { Change } from '../../../src/journal/entry.ts'
import { AppendError, type Journal } from '../../../src/journal/journal.ts'
import { createMemoryJournal } from '../../journal/memory-journal.ts'
import { MemoryBucket } from '../../bucket/memory-objects.ts'
import { marked, openWriter, readAll } from '../../journal/tools.ts'
import { test } from '../../serial.ts'
import { until } from '../tools.ts'

/** Time that goes on a hundred times as fast. */
const FAST = 100
const elapsed = (): number => performance.now() * FAST
const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms / FAST)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })

interface Followed {
  readonly bucket: MemoryBucket
  readonly own: Journal
  readonly following: Following
  readonly journal: Journal
  readonly writer: Awaited<ReturnType<typeof openWriter>>['writer']
}

async function follow(options: Partial<FollowingParts> = {}, name = 1): Promise<Followed> {
  const bucket = new MemoryBucket()
  const own = createMemoryJournal()
  return { bucket, own, ...(await join(bucket, own, options, name)) }
}

async function join(
  bucket: MemoryBucket,
  own: Journal,
  options: Partial<FollowingParts> = {},
  name: number = 1,
): Promise<Omit<Followed, 'bucket' | 'own'>> {
  const objects = bucket.client(`${name}`)
  const following = new Following({
    place: objects.place,
    openBucket: (position) => openBucketJournal({ objects, start: { position }, sleep }),
    acknowledges: false,
    elapsed,
    sleep,
    log: SILENT,
    ...options,
  })
  const journal = await following.join(own)
  const { writer } = await openWriter(journal, name)
  await following.opened({ say: (kind) => writer.say(kind) })
  return { following, journal, writer }
}

const isAway = (bucket: MemoryBucket): void => {
  bucket.onRequest = () => 'lost'
}

test('R011-61 with acknowledging an append waits for the bucket, and so does who reads it back', async (t) => {
  const { bucket, own, journal, writer, following } = await follow({ acknowledges: true })
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  bucket.onRequest = async ({ verb }) => {
    if (verb === 'put') await held
  }
  const done: string[] = []
  const appended = writer.append([marked(1)]).then(() => done.push('append'))
  await until(async () => (await own.extent()).last === 2)
  const read = journal.at(2).then(() => done.push('at'))
  await sleep(3000)
  t.deepEqual(done, [])
  release()
  await Promise.all([appended, read])
  await journal.close()
  // On a busy machine a sign of life may be there as well.
  t.true(following.shipper!.archived >= 2)
})

test('R011-58, R011-63 with the bucket away puts go on, then wait, then are refused; nothing is confirmed', async (t) => {
  const { bucket, own, journal, writer, following } = await follow()
  isAway(bucket)
  const position = await writer.append([marked(1)])
  const began = elapsed()
  await t.throwsAsync(following.archived(position), {
    code: 'unreachable',
    message: /not confirmed/,
  })
  t.true(elapsed() - began >= ARCHIVE_CONFIRM_MS)
  // The clock is at its bound, or the age of what is missing.
  let fault: unknown
  let count = 1
  while (fault === undefined) {
    await Promise.race([
      writer.append([marked(2)]).then(() => count++),
      sleep(2 * ARCHIVE_LAG_MS),
    ]).catch((error: unknown) => (fault = error))
    if (following.refusal !== undefined) fault ??= following.refusal
    await sleep(500)
  }
  t.true(fault instanceof DstoreError && fault.code === 'unreachable')
  t.truthy(following.refusal?.hint)
  t.false(following.mayServe())
  bucket.onRequest = () => 'whole'
  await until(() => following.refusal === undefined)
  await writer.append([marked(3)])
  await following.archived((await own.extent()).last)
  t.true(following.mayServe())
  t.true(count > 1)
  await journal.close()
})

test('R011-54 the own journal keeps what the bucket lacks, and the entry before', async (t) => {
  const { bucket, own, journal, writer, following } = await follow()
  for (let i = 0; i < 5; i++) await writer.append([marked(i)])
  await following.archived(6)
  isAway(bucket)
  for (let i = 0; i < 3; i++) await writer.append([marked(i)])
  await journal.trim(9)
  t.deepEqual(await own.extent(), { first: 6, last: 9 })
  bucket.onRequest = () => 'whole'
  await following.archived(9)
  await until(async () => (await own.extent()).first === 9)
  await journal.close()
})

test('R011-50 a crash leaves a tail: the next start ships it, before its own entries', async (t) => {
  const { bucket, own, writer, following } = await follow()
  isAway(bucket)
  for (let i = 0; i < 3; i++) await writer.append([marked(i)])
  void following.close()
  bucket.onRequest = () => 'whole'
  const again = await join(bucket, own, {}, 2)
  t.is(again.following.shipper!.archived, 5)
  const theirs = await readAll(openBucketJournal({ objects: bucket.client() }))
  t.deepEqual(theirs, (await readAll(own)).slice(0, theirs.length))
  await again.journal.close()
})

test('R011-51 large values that a store took while it ran without its archive have no objects', async (t) => {
  const adopting = (place: 'small' | 'records'): Change => {
    const bytes = new Uint8Array(place === 'small' ? 1 : 0)
    const adopt = [{ location: '0'.repeat(20), size: 1, outboardBytes: 0, bytes, place }]
    const none = { conditions: [], writes: [], increments: [], entry: undefined, release: [] }
    return { type: 'transaction', ...none, adopt }
  }
  const { bucket, own, following, writer } = await follow()
  // Those of its own opening were uploaded before.
  isAway(bucket)
  await writer.append([adopting('records')])
  void following.close()
  bucket.onRequest = () => 'whole'
  const again = await join(bucket, own, {}, 2)
  await again.following.close()
  const { writer: alone } = await openWriter(own, 3)
  await alone.append([adopting('small')])
  const third = await join(bucket, own, {}, 4)
  await third.following.close()
  const { writer: last } = await openWriter(own, 5)
  await last.append([adopting('records')])
  await t.throwsAsync(join(bucket, own, {}, 6), {
    code: 'integrity',
    message:
      /ends before entry \d+, from which on this store ran without it, and took large values/,
  })
})

test('R011-66 a store that closes while its bucket is away gives up what waits', async (t) => {
  const { bucket, own, writer, following } = await follow({ acknowledges: true })
  isAway(bucket)
  const waits = writer.append([marked(1)])
  await until(async () => (await own.extent()).last === 2)
  const began = elapsed()
  following.closing()
  const fault = await t.throwsAsync<AppendError>(waits, { instanceOf: AppendError })
  t.is(fault.outcome, 'ended')
  await following.close()
  t.true(elapsed() - began < 3 * ARCHIVE_CONFIRM_MS)
  bucket.onRequest = () => 'whole'
  const again = await join(bucket, own, {}, 2)
  t.is(again.following.shipper!.archived, 3)
  await again.journal.close()
})

test('R011-66 the wait of a close counts from when the node was told that it will end', async (t) => {
  const { bucket, writer, following } = await follow()
  isAway(bucket)
  await writer.append([marked(1)])
  following.closing()
  await sleep(ARCHIVE_CONFIRM_MS)
  const began = elapsed()
  following.closing()
  await following.close()
  t.true(elapsed() - began < ARCHIVE_CONFIRM_MS / 2)
})

test('R011-66 what is appended late in an end is waited for, where the bucket answers', async (t) => {
  const { bucket, own, writer, following } = await follow({ acknowledges: true })
  following.closing()
  await sleep(2 * ARCHIVE_CONFIRM_MS)
  await writer.append([marked(1)])
  await writer.say('farewell')
  await following.close()
  const theirs = await openBucketJournal({ objects: bucket.client() }).extent()
  t.is(theirs.last, (await own.extent()).last)
})

test('R011-66 a close waits until the farewell is there; R011-56 after a take-over it does not wait', async (t) => {
  const { bucket, own, journal, writer } = await follow()
  await writer.append([marked(1)])
  await writer.say('farewell')
  await journal.close()
  const theirs = openBucketJournal({ objects: bucket.client() })
  t.is((await theirs.extent()).last, 3)

  const copy = createMemoryJournal()
  for (const [i, entry] of (await readAll(theirs)).entries()) await copy.append(i, entry)
  const old = await join(bucket, copy, {}, 2)
  const { writer: other } = await openWriter(theirs, 3)
  await other.append([marked(7)])
  const fault = await t.throwsAsync(
    old.writer.append([marked(1)]).then((position) => old.following.archived(position)),
    { code: 'unwritable' },
  )
  t.regex(fault.message, /in epoch 3 of writer 03030303/)
  const refused = await t.throwsAsync(old.writer.append([marked(2)]), { instanceOf: AppendError })
  t.is(refused.code, 'unwritable')
  t.is((await old.following.lost).code, 'unwritable')
  const began = elapsed()
  await old.journal.close()
  t.true(elapsed() - began < ARCHIVE_CONFIRM_MS)
  t.is((await own.extent().catch(() => undefined))?.last, undefined)
})

test('R011-65 a start with the bucket away is refused, with a hint', async (t) => {
  const bucket = new MemoryBucket()
  const own = createMemoryJournal()
  bucket.onRequest = ({ verb }) => (verb === 'put' ? 'lost' : 'whole')
  const fault = await t.throwsAsync(join(bucket, own), { code: 'unreachable' })
  t.truthy(fault instanceof DstoreError && fault.hint)
})

test('a defect in shipping ends the node as a fence does: no append waits without end', async (t) => {
  let isBroken = false
  const onArchived = (): void => {
    if (isBroken) throw new Error('broken')
  }
  const { following, writer } = await follow({ acknowledges: true, onArchived })
  isBroken = true
  await t.throwsAsync(writer.append([marked(1)]), { instanceOf: AppendError, message: /broken/ })
  t.regex((await following.lost).message, /broken/)
  t.is(following.mayServe(), false)
  await following.drain()
})
