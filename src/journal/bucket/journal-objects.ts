/** The objects of a journal: reads, lists and deletes them, and tells which ones belong to it. */
import type { ObjectStore, PutOutcome } from '../../bucket/object-store.ts'
import { equal } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { JOURNAL_OBJECT_ENTRIES } from '../../limits.ts'
import {
  type EncodedObject,
  type JournalObject,
  type ObjectHead,
  JOURNAL_PREFIX,
  LARGEST_OBJECT_BYTES,
  OBJECT_HEAD_BYTES,
  decodeHead,
  decodeObject,
  keyOf,
  positionOf,
} from './object.ts'

/** An object in a list: the position of its first entry, and its size. */
export interface Listed {
  readonly first: number
  readonly size: number
}

/** How far a search for the end of a long list skips at first, in positions. */
const SKIP = 4096

export class JournalObjects {
  readonly #objects: ObjectStore
  readonly #signal: AbortSignal

  /** `signal`: ends the requests under way. */
  constructor(objects: ObjectStore, signal: AbortSignal = new AbortController().signal) {
    this.#objects = objects
    this.#signal = signal
  }

  put({ first, bytes }: EncodedObject): Promise<PutOutcome> {
    return this.#objects.put(keyOf(first), bytes, { ifAbsent: true, signal: this.#signal })
  }

  /** Undefined if there is none; throws `integrity` where it is not whole. */
  async read(first: number): Promise<JournalObject | undefined> {
    // One byte more than may be there tells what is too large without reading it.
    const range = { start: 0, end: LARGEST_OBJECT_BYTES + 1 }
    const bytes = await this.#objects.get(keyOf(first), { range, signal: this.#signal })
    return bytes && decodeObject(first, bytes)
  }

  async head(first: number): Promise<ObjectHead | undefined> {
    const range = { start: 0, end: OBJECT_HEAD_BYTES }
    const bytes = await this.#objects.get(keyOf(first), { range, signal: this.#signal })
    return bytes && decodeHead(first, bytes)
  }

  async has(first: number): Promise<boolean> {
    return (await this.#objects.size(keyOf(first), this.#signal)) !== undefined
  }

  remove(first: number): Promise<void> {
    return this.#objects.remove([keyOf(first)], this.#signal)
  }

  /** Objects whose first position is at least this, in ascending order; other keys are ignored. */
  async *listed(from: number): AsyncGenerator<Listed, void, undefined> {
    for (let next = from; ;) {
      const { listed, more } = await this.#page(next)
      yield* listed
      if (!more) return
      next = listed.at(-1)!.first + 1
    }
  }

  /** The last object from this position on. Of a long list it reads a few pages only. */
  async last(from: number): Promise<Listed | undefined> {
    let page = await this.#page(from)
    let last = page.listed.at(-1)
    // No object is there or later.
    let end = Infinity
    for (let step = SKIP; page.more; step *= 2) {
      if (end - last!.first <= 1) return last
      const skipped = end === Infinity ? step : Math.floor((end - last!.first) / 2)
      const next = last!.first + skipped
      page = await this.#page(next)
      if (page.listed.length > 0) last = page.listed.at(-1)
      else {
        end = next
        page = { listed: [], more: true }
      }
    }
    return last
  }

  /**
   * The object whose entries begin at or before this position, and whether one follows it. The
   * first is undefined if none begins so early, or so late that it may have this position.
   */
  async around(position: number): Promise<{ before: Listed | undefined; isFollowed: boolean }> {
    let before: Listed | undefined
    for await (const listed of this.listed(earliestWith(position))) {
      if (listed.first > position) return { before, isFollowed: true }
      before = listed
    }
    return { before, isFollowed: false }
  }

  /**
   * Does this object belong to the journal, rather than being what a stale writer put where others
   * were trimmed? It does if it is the last one, or if the next one was made to follow it. A
   * journal never loses its last object, and what follows another one states that one's check.
   */
  async isLive(head: ObjectHead, from: number = head.first): Promise<boolean> {
    let found: Listed | undefined
    for await (const listed of this.listed(from)) {
      if (found === undefined) {
        if (listed.first !== head.first) return false
        found = listed
        continue
      }
      if (listed.first !== head.last + 1) return false
      const next = await this.head(listed.first)
      return next !== undefined && equal(next.previous, head.check)
    }
    return found !== undefined
  }

  /** The first position of the journal whose objects begin with these, unless trimmed meanwhile. */
  async firstLive(): Promise<number | undefined> {
    let before: Listed | undefined
    for await (const listed of this.listed(1)) {
      if (before !== undefined) {
        const head = await this.head(before.first)
        const next = head?.last === listed.first - 1 ? await this.head(listed.first) : undefined
        if (next !== undefined && equal(next.previous, head!.check)) break
      }
      before = listed
    }
    return before?.first
  }

  /** At least one object from this position on, and whether more follow; none if there is none. */
  async #page(from: number): Promise<{ listed: Listed[]; more: boolean }> {
    const listed: Listed[] = []
    let after = keyOf(Math.max(0, from - 1))
    for (;;) {
      const { objects, more } = await this.#objects.list(JOURNAL_PREFIX, after, this.#signal)
      for (const { key, size } of objects) {
        if (key <= after) throw this.#fault(`lists ${key} after ${after}`)
        after = key
        const first = positionOf(key)
        if (first !== undefined) listed.push({ first, size })
      }
      if (!more || listed.length > 0) return { listed, more }
      if (objects.length === 0) throw this.#fault('says that more follows an empty page')
    }
  }

  #fault(why: string): DstoreError {
    return new DstoreError('integrity', `${this.#objects.place}: the bucket ${why}`)
  }
}

/** No object that begins before this position has an entry at `position`. */
const earliestWith = (position: number): number =>
  Math.max(1, position - JOURNAL_OBJECT_ENTRIES + 1)
