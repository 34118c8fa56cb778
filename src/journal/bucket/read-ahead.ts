/** Reads the entries that a journal in a bucket has now, several objects ahead. */
import { equal } from '../../bytes.ts'
import { JOURNAL_BATCH_BYTES, MIB } from '../../limits.ts'
import type { Followed } from '../journal.ts'
import type { JournalObjects, Listed } from './journal-objects.ts'
import type { JournalObject } from './object.ts'

/** Objects that are fetched at the same time, and their bytes, unless one has more. */
const AHEAD = 8
const AHEAD_BYTES = 16 * MIB

export interface ReadAheadOptions {
  /** Is this object, which was read before, part of the journal? */
  readonly isLive: (object: JournalObject) => Promise<boolean>
  /** Where the journal begins if it has no object. */
  readonly start: number
}

/**
 * The entries after a position, in batches, or `gone`; ends where the journal ends.
 *
 * An object counts once the next one is known to follow it, or that there is none: else it may be
 * what a stale writer has put where others were trimmed.
 */
export async function* readAhead(
  objects: JournalObjects,
  after: number,
  { isLive, start }: ReadAheadOptions,
): AsyncGenerator<Followed, void, undefined> {
  const batches = new Batches(after)
  let held: JournalObject | undefined
  let isEmpty = true
  for await (const object of fetched(objects, listedFrom(objects, after + 1))) {
    isEmpty = false
    const isNext =
      held === undefined
        ? object === undefined || object.first <= after + 1
        : object !== undefined &&
          object.first === held.last + 1 &&
          equal(object.previous, held.check)
    // Deleted since it was listed, or not what follows: the one before is no part either.
    if (object === undefined || !isNext) return yield* gone(batches)
    if (held !== undefined) yield* batches.add(held)
    held = object
  }
  if (held !== undefined) {
    if (!(await isLive(held))) return yield* gone(batches)
    yield* batches.add(held)
  } else if (isEmpty && after < start) yield 'gone'
  yield* batches.rest()
}

/** What was read before is right; then nothing more comes. */
async function* gone(batches: Batches): AsyncGenerator<Followed, void, undefined> {
  yield* batches.rest()
  yield 'gone'
}

/** The object that has this position, or begins latest before it, and all later ones. */
async function* listedFrom(
  objects: JournalObjects,
  position: number,
): AsyncGenerator<Listed, void, undefined> {
  let before: Listed | undefined
  let hasBegun = false
  for await (const listed of objects.listed(position)) {
    if (!hasBegun && listed.first > position) {
      before = (await objects.around(position)).before
      if (before !== undefined) yield before
    }
    hasBegun = true
    yield listed
  }
  if (hasBegun) return
  before = (await objects.around(position)).before
  if (before !== undefined) yield before
}

/** The same objects, of which some are fetched ahead; undefined for those that are missing. */
async function* fetched(
  objects: JournalObjects,
  listed: AsyncGenerator<Listed, void, undefined>,
): AsyncGenerator<JournalObject | undefined, void, undefined> {
  const ahead: { size: number; object: Promise<JournalObject | undefined> }[] = []
  let bytes = 0
  let hasMore = true
  for (;;) {
    while (hasMore && ahead.length < AHEAD && (ahead.length === 0 || bytes < AHEAD_BYTES)) {
      const next = await listed.next()
      hasMore = next.done !== true
      if (next.done === true) break
      const { first, size } = next.value
      const object = objects.read(first)
      // Its failure is thrown when its turn comes, if it does.
      object.catch(() => undefined)
      ahead.push({ size, object })
      bytes += size
    }
    const next = ahead.shift()
    if (next === undefined) return
    bytes -= next.size
    yield await next.object
  }
}

/** Packs entries of several objects into batches. */
class Batches {
  #position: number
  #batch: Uint8Array[] = []
  #bytes = 0

  /** Entries up to this position are left out. */
  constructor(after: number) {
    this.#position = after
  }

  *add({ first, entries }: JournalObject): Generator<Followed, void, undefined> {
    for (const [i, entry] of entries.entries()) {
      if (first + i <= this.#position) continue
      this.#position = first + i
      if (this.#bytes + entry.byteLength > JOURNAL_BATCH_BYTES) yield* this.rest()
      this.#batch.push(entry)
      this.#bytes += entry.byteLength
    }
  }

  *rest(): Generator<Followed, void, undefined> {
    const batch = this.#batch
    this.#batch = []
    this.#bytes = 0
    if (batch.length > 0) yield batch
  }
}
