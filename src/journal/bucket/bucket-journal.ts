/**
 * A journal in a bucket (specs/011-archive.md, "The archive's journal"). An object has the entries
 * of one append, and its key is the position of the first: so the key of the next object is known,
 * and of several writers that put it on the condition that there is none, one wins.
 *
 * Where objects were trimmed the condition holds again, for a stale writer. So after each PUT the
 * writer looks whether the object before its own is still there; trims delete that one first.
 */
import type { ObjectStore } from '../../bucket/object-store.ts'
import { equal } from '../../bytes.ts'
import { pause } from '../../deadline.ts'
import { DstoreError } from '../../errors.ts'
import {
  type Extent,
  type Followed,
  type Journal,
  beyondEnd,
  checkPosition,
  closedError,
} from '../journal.ts'
import { JournalObjects } from './journal-objects.ts'
import { type ObjectHead, NO_OBJECT, checkEntries, encodeObject } from './object.ts'
import { readAhead } from './read-ahead.ts'
import { ALL_BUCKET_JOURNAL_RULES, type BucketJournalRules } from './rules.ts'

export interface BucketJournalOptions {
  readonly objects: ObjectStore
  /**
   * Where a journal begins that is not there yet: after this position, up to which a store has its
   * entries elsewhere. Default: 0.
   */
  readonly start?: { readonly position: number }
  /** How long a follower at the end waits before it looks again. Default: a second. */
  readonly pollMs?: number
  /** Waits so long, or until the signal is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
  /** For the simulation. */
  readonly rules?: BucketJournalRules
  /** Ends the requests under way, for which closing waits otherwise. */
  readonly signal?: AbortSignal
}

/** A journal that can append several entries at once. */
export interface BucketJournal extends Journal {
  /**
   * As `append`, for entries that follow each other: all of them, in one object, or none. Where an
   * earlier call that was in doubt has put only the first ones of them, the outcome is in doubt.
   */
  appendAll(after: number, entries: readonly Uint8Array[]): Promise<'ok' | 'taken'>
}

/** Opens the journal under `j/`. Writes nothing: the first append makes it. */
export function openBucketJournal(options: BucketJournalOptions): BucketJournal {
  return new ObjectJournal(options)
}

const POLL_MS = 1000
/** A follower at the end lists the objects after so many looks, lest what it awaits was trimmed. */
const LOOKS = 16
/** How often something is looked for again that others moved meanwhile. */
const TRIES = 8

class ObjectJournal implements BucketJournal {
  readonly #objects: JournalObjects
  readonly #place: string
  readonly #rules: BucketJournalRules
  readonly #pollMs: number
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly #closing = new AbortController()
  /** Appends under way. */
  readonly #appends = new Set<Promise<unknown>>()
  readonly #waiting = new Set<AbortController>()
  /** The end before the first append. */
  readonly #start: ObjectHead
  /** The last object that was the last one of a list, or was appended here. */
  #end: ObjectHead | undefined
  /** Entries up to this position were trimmed here. */
  #trimmed = 0

  constructor(options: BucketJournalOptions) {
    const { objects, start, pollMs = POLL_MS, sleep = pause, rules, signal } = options
    const position = start?.position ?? 0
    checkPosition('start', position)
    this.#objects = new JournalObjects(objects, signal)
    this.#place = objects.place
    this.#rules = rules ?? ALL_BUCKET_JOURNAL_RULES
    this.#pollMs = pollMs
    this.#sleep = sleep
    this.#start = { first: 0, last: position, previous: NO_OBJECT, check: NO_OBJECT }
  }

  append(after: number, entry: Uint8Array): Promise<'ok' | 'taken'> {
    return this.appendAll(after, [entry])
  }

  async appendAll(after: number, entries: readonly Uint8Array[]): Promise<'ok' | 'taken'> {
    checkPosition('after', after)
    checkEntries(entries)
    this.#checkOpen()
    const append = this.#append(after, entries)
    this.#appends.add(append)
    try {
      return await append
    } finally {
      this.#appends.delete(append)
    }
  }

  async extent(): Promise<Extent> {
    this.#checkOpen()
    const { first: lastObject, last } = await this.#refresh()
    if (lastObject === 0) return { first: last + 1, last }
    const first = (await this.#objects.firstLive()) ?? lastObject
    return { first: Math.max(first, this.#trimmed + 1), last }
  }

  async at(position: number): Promise<Uint8Array | 'gone' | undefined> {
    checkPosition('position', position, 1)
    this.#checkOpen()
    if (position <= this.#trimmed) return 'gone'
    for (let i = 0; i < TRIES; i++) {
      const object = await this.#objects.read(position)
      if (object !== undefined) {
        return (await this.#isLive(object)) ? object.entries[0] : 'gone'
      }
      const { before, isFollowed } = await this.#objects.around(position)
      if (before === undefined) return isFollowed ? 'gone' : await this.#beyond(position)
      const around = await this.#objects.read(before.first)
      if (around === undefined || !(await this.#isLive(around))) {
        // Trimmed since it was listed; or what a stale writer has put there, before or since.
        if (isFollowed) return 'gone'
        continue
      }
      if (around.last >= position) return around.entries[position - around.first]
      return isFollowed ? 'gone' : undefined
    }
    throw this.#restless()
  }

  follow(after: number, signal: AbortSignal): AsyncIterable<Followed> {
    checkPosition('after', after)
    return this.#follow(after, signal)
  }

  async trim(upto: number): Promise<void> {
    checkPosition('upto', upto)
    this.#checkOpen()
    const { last } = await this.#refresh()
    let before: number | undefined
    const trimmed: number[] = []
    for await (const { first } of this.#objects.listed(1)) {
      if (before !== undefined) {
        if (first > upto + 1) break
        // One after another: what is deleted must leave no object before it.
        if (this.#rules.trimsInOrder) await this.#objects.remove(before)
        trimmed.push(before)
      }
      before = first
    }
    if (!this.#rules.trimsInOrder) {
      for (const first of trimmed.toReversed()) await this.#objects.remove(first)
    }
    this.#trimmed = Math.max(this.#trimmed, Math.min(upto, last - 1))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#wake()
    await Promise.allSettled(this.#appends)
  }

  async *#follow(after: number, signal: AbortSignal): AsyncGenerator<Followed, void, undefined> {
    let position = after
    for (;;) {
      this.#checkOpen()
      if (signal.aborted) return
      for await (const followed of this.#read(position)) {
        if (signal.aborted) return
        this.#checkOpen()
        yield followed
        if (followed === 'gone') return
        position += followed.length
      }
      await this.#more(position, signal)
    }
  }

  #read(after: number): AsyncIterable<Followed> {
    const isLive = (object: ObjectHead): Promise<boolean> => this.#isLive(object)
    return readAhead(this.#objects, after, { isLive, start: this.#start.last })
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw closedError()
  }

  async #append(after: number, entries: readonly Uint8Array[]): Promise<'ok' | 'taken'> {
    let end = this.#end
    if (end === undefined || after > end.last) end = await this.#refresh()
    if (after < end.last) return this.#before(after, entries)
    if (after > end.last) throw beyondEnd(after, end.last)
    const object = encodeObject(after + 1, end.check, entries)
    let put: ObjectHead = object
    if ((await this.#objects.put(object)) === 'exists') {
      const found = await this.#own(after + 1, entries)
      if (found === undefined) {
        const message = `${this.#place}: entry ${after + 1} was there, and is not any more`
        throw new DstoreError('unreachable', message)
      }
      if (found === 'taken') return 'taken'
      put = found
    }
    if (!(await this.#isPart(put, end))) {
      // Readers see by themselves that it is no part of the journal, if this is in vain.
      await this.#objects.remove(put.first).catch(() => undefined)
      return 'taken'
    }
    this.#advance(put)
    return 'ok'
  }

  /** There is or was an entry: that of an earlier try of the same append, or another one. */
  async #before(after: number, entries: readonly Uint8Array[]): Promise<'ok' | 'taken'> {
    const found = await this.#own(after + 1, entries)
    // What an earlier try has put begins with the first of them.
    if (found === undefined || found === 'taken') return 'taken'
    return (await this.#isLive(found)) ? 'ok' : 'taken'
  }

  /** The object there, if an earlier try of the same append has put it; undefined if none is. */
  async #own(
    first: number,
    entries: readonly Uint8Array[],
  ): Promise<ObjectHead | 'taken' | undefined> {
    const found = await this.#objects.read(first)
    if (found === undefined) return undefined
    const isOther = found.entries.some(
      (entry, i) => i < entries.length && !equal(entry, entries[i]!),
    )
    if (isOther) return 'taken'
    if (found.entries.length >= entries.length) return found
    const message = `${this.#place}: entry ${first} was put by an earlier append, of fewer entries`
    throw new DstoreError('unreachable', message)
  }

  /** Is an object that was put after `end` part of the journal? */
  async #isPart(put: ObjectHead, end: ObjectHead): Promise<boolean> {
    if (!this.#rules.looksBack) return true
    if (end.first > 0) {
      const before = await this.#objects.head(end.first)
      const isSame = before !== undefined && equal(before.check, end.check)
      if (isSame || (before !== undefined && !this.#rules.comparesBefore)) return true
      if (!this.#rules.keepsFollowed) return false
    }
    // The one before may have been trimmed because others went on after this one.
    return this.#objects.isLive(put, end.first > 0 ? put.first : 1)
  }

  /** Asked after the object was read: what was listed before may have been another one. */
  async #isLive(object: ObjectHead): Promise<boolean> {
    return !this.#rules.verifiesReads || this.#objects.isLive(object)
  }

  /** The end of the journal as it is now. */
  async #refresh(): Promise<ObjectHead> {
    for (let i = 0; i < TRIES; i++) {
      const known = this.#end
      const last = await this.#objects.last(known?.first ?? 1)
      if (last === undefined && known === undefined) return this.#start
      if (last === undefined) {
        const message = `${this.#place}: the journal has lost its end, entry ${known!.last}`
        throw new DstoreError('integrity', message)
      }
      if (last.first === known?.first) return known
      const object = await this.#objects.read(last.first)
      // Else it was trimmed since it was listed: there are later ones.
      if (object !== undefined && (await this.#isLive(object))) return this.#advance(object)
    }
    throw this.#restless()
  }

  /** Returns the end, which never goes back. */
  #advance({ first, last, previous, check }: ObjectHead): ObjectHead {
    if (this.#end === undefined || last > this.#end.last) {
      this.#end = { first, last, previous, check }
      this.#wake()
    }
    return this.#end
  }

  /** What is at a position that no object has, nor any later one. */
  async #beyond(position: number): Promise<'gone' | undefined> {
    const { last } = await this.#refresh()
    return position <= last ? 'gone' : undefined
  }

  /** Waits until there may be more after this position. */
  async #more(position: number, signal: AbortSignal): Promise<void> {
    for (let looks = 1; !signal.aborted && !this.#closing.signal.aborted; looks++) {
      if ((this.#end?.last ?? 0) > position) return
      const woken = new AbortController()
      const wake = (): void => woken.abort()
      signal.addEventListener('abort', wake)
      this.#waiting.add(woken)
      try {
        await this.#sleep(this.#pollMs, woken.signal)
      } finally {
        signal.removeEventListener('abort', wake)
        this.#waiting.delete(woken)
      }
      if (woken.signal.aborted || looks % LOOKS === 0) return
      if (await this.#objects.has(position + 1)) return
    }
  }

  /** The end moved, or the journal was closed. */
  #wake(): void {
    for (const woken of this.#waiting) woken.abort()
  }

  #restless(): DstoreError {
    const message = `${this.#place}: the journal is trimmed faster than it can be read`
    return new DstoreError('unreachable', message)
  }
}
