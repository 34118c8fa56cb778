/**
 * Tries whether a bucket keeps the condition that everything depends on: of writers that race for
 * one name, one wins. Servers are known that take the header and let all of them write, and that
 * keep it for whole objects and not for uploads in parts.
 */
import { equal } from '../bytes.ts'
import { fault } from './faults.ts'
import type { ObjectStore, PutOutcome, UnfinishedUpload } from './object-store.ts'

export interface RaceOptions {
  /** Names this race: no two openings have the same. */
  readonly name: string
  readonly signal?: AbortSignal
}

const WRITERS = 8
const WHOLE_RACES = 3

const HINT = 'the archive needs a store that keeps "If-None-Match: *"; ask its vendor for that'

interface Writer {
  readonly body: Uint8Array
  readonly write: () => Promise<PutOutcome>
}

/**
 * Races writers for a few names of their own, and leaves nothing of it. Errors: `incompatible`
 * where a race has not one winner, which names the place and the fault; those of the bucket.
 */
export async function raceBucket(objects: ObjectStore, options: RaceOptions): Promise<void> {
  const { name, signal } = options
  const keys = [...Array(WHOLE_RACES).keys()].map((number) => `race/${name}-${number}`)
  const joined = `race/${name}-parts`
  const uploads: UnfinishedUpload[] = []
  try {
    for (const key of keys) {
      const writers = bodies(key).map((body) => ({
        body,
        write: () => objects.put(key, body, { ifAbsent: true, ...(signal && { signal }) }),
      }))
      await race(objects, key, writers, 'puts', signal)
    }
    const writers = bodies(joined).map(async (body): Promise<Writer> => {
      const upload = { key: joined, id: await objects.beginUpload(joined, signal) }
      uploads.push(upload)
      const part = await objects.uploadPart(upload, 1, body, signal)
      return { body, write: () => objects.completeUpload(upload, [part], signal) }
    })
    await race(objects, joined, await all(writers), 'uploads in parts', signal)
  } finally {
    // The bucket may have gone away meanwhile. The next race has other names.
    await Promise.allSettled([
      objects.remove([...keys, joined]),
      ...uploads.map((upload) => objects.abortUpload(upload)),
    ])
  }
}

const bodies = (key: string): Uint8Array[] =>
  [...Array(WRITERS).keys()].map((writer) => Buffer.from(`${key} by writer ${writer}`))

async function race(
  objects: ObjectStore,
  key: string,
  writers: readonly Writer[],
  what: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const outcomes = await all(writers.map(({ write }) => write()))
  const winners = writers.filter((_, index) => outcomes[index] === 'written')
  const found = await objects.get(key, signal === undefined ? {} : { signal })
  const refuse = (why: string): never => {
    throw fault('incompatible', objects.place, why, undefined, HINT)
  }
  if (winners.length > 1) {
    const of = `${winners.length} of ${WRITERS} ${what} that raced for one name`
    refuse(`the bucket ignores conditions: ${of} have succeeded, and one may`)
  }
  if (found === undefined) return refuse('the bucket does not return what was just written')
  // Without a winner the answer to it was lost, and its second try found its own object.
  const candidates = winners.length === 1 ? winners : writers
  if (!candidates.some(({ body }) => equal(body, found))) {
    refuse(`the bucket ignores conditions: of ${what} that raced, one that was refused has written`)
  }
}

/** Waits for all of them, so that nothing is under way when one has failed. */
async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises)
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
}
