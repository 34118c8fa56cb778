/**
 * Decides what goes from a store's own journal to the bucket's, when, and what may be acknowledged
 * meanwhile: a state machine without I/O (specs/011-archive.md, "Following and lag"). `Shipping`
 * takes its steps, one at a time.
 */
import { equal } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import {
  ARCHIVE_CONFIRM_MS,
  ARCHIVE_GATHER_MS,
  ARCHIVE_HEARTBEAT_MS,
  ARCHIVE_LAG_BYTES,
  ARCHIVE_LAG_MS,
  ARCHIVE_OBJECT_BYTES,
  JOURNAL_OBJECT_ENTRIES,
} from '../../limits.ts'
import type { Lag, ShipperAnswer, ShipperStart, ShipperStep } from './steps.ts'
import { takenOver } from './taken-over.ts'
import { ALL_FOLLOWING_RULES, type FollowingRules } from './rules.ts'

/** Entries that go up in one object. */
interface Group {
  /** The position before its first one. */
  after: number
  count: number
  bytes: number
  /** When the first one was appended. */
  readonly since: number
  /** Undefined where they are read again from the store's own journal. */
  entries: Uint8Array[] | undefined
}

/** A group that was sent, and whose outcome is not known. */
interface Sent {
  readonly entries: readonly Uint8Array[]
  readonly firstAt: number
  lastAt: number
  /** Is it to be read back before anything else? */
  isUnsure: boolean
}

/** Bytes of entries that are kept in memory; others are read again. */
const HELD_BYTES = 2 * ARCHIVE_OBJECT_BYTES
/** How long to wait after a failure: twice as long each time, up to the last. */
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5000

export class Shipper {
  readonly #start: ShipperStart
  readonly #rules: FollowingRules
  readonly #lagBytes: number
  readonly #groups: Group[] = []
  #own: number
  #archived: number
  #bytes = 0
  #heldBytes = 0
  /** When the last entry that the bucket has was sent. */
  #provedAt = -Infinity
  /** When it was last found to have more. */
  #reachedAt = -Infinity
  /** A caller waits for the entries up to here. */
  #wanted = 0
  #sent: Sent | undefined
  #isAnswered = true
  #failures = 0
  #saidAt = -Infinity
  #waitUntil = -Infinity
  #fault: { readonly fault: DstoreError; readonly at: number } | undefined
  /** Since when the bucket lacks too many bytes. */
  #fullSince: number | undefined
  #isOpen = false
  #isClosing = false
  #fence: DstoreError | undefined

  constructor(start: ShipperStart, rules: FollowingRules = ALL_FOLLOWING_RULES) {
    this.#start = start
    this.#rules = rules
    this.#lagBytes = start.lagBytes ?? ARCHIVE_LAG_BYTES
    this.#own = start.archived
    this.#archived = start.archived
  }

  /** The last entry of the store's own journal. */
  get own(): number {
    return this.#own
  }

  /** The last entry that is known to be in the bucket. */
  get archived(): number {
    return this.#archived
  }

  /** Why nothing more is appended: another node has taken over. */
  get fence(): DstoreError | undefined {
    return this.#fence
  }

  /** Of the last try, if that failed. */
  get isFailing(): boolean {
    return this.#failures > 0
  }

  get lastFault(): { readonly fault: DstoreError; readonly at: number } | undefined {
    return this.#fault
  }

  lag(now: number): Lag {
    const [oldest] = this.#groups
    const ms = oldest === undefined ? 0 : Math.max(0, now - oldest.since)
    return { entries: this.#own - this.#archived, bytes: this.#bytes, ms }
  }

  /** How long the bucket has taken nothing of what it lacks. */
  stuckMs(now: number): number {
    const [oldest] = this.#groups
    return oldest === undefined ? 0 : Math.max(0, now - Math.max(oldest.since, this.#reachedAt))
  }

  /** The store is open: from now on, what is appended is acknowledged. */
  open(): void {
    this.#isOpen = true
  }

  /** Nothing more is shipped, and nothing acknowledged. */
  end(fault: DstoreError): void {
    this.#fence ??= fault
  }

  /** Nothing more comes: all goes up at once. */
  close(): void {
    this.#isClosing = true
  }

  /** May another entry be appended to the store's own journal? */
  admits(now: number): boolean {
    return !this.#isOpen || !this.#rules.boundsLag || this.#fullAt(now) === undefined
  }

  /** Why changes are refused instead of waiting, if they are. */
  refuses(now: number): boolean {
    if (!this.#isOpen || this.#failures === 0) return false
    const [oldest] = this.#groups
    const since = this.#start.acknowledges ? oldest?.since : this.#fullAt(now)
    return since !== undefined && now - since >= ARCHIVE_CONFIRM_MS
  }

  /** May this entry, which the store's own journal has, be acknowledged? */
  mayAcknowledge(position: number, now: number): boolean {
    if (position <= this.#archived || !this.#isOpen) return true
    if (this.#start.acknowledges && this.#rules.waitsToAcknowledge) return false
    return !this.#rules.looksAtClock || this.mayServe(now)
  }

  /** Is it certain that no other node serves by now? */
  mayServe(now: number): boolean {
    return this.#fence === undefined && now - this.#provedAt < ARCHIVE_LAG_MS
  }

  /** The store's own journal has this entry, the next one. `entry`: to be kept in memory. */
  note(position: number, bytes: number, now: number, entry?: Uint8Array): void {
    if (position !== this.#own + 1) throw new RangeError(`entry ${position} is not the next one`)
    this.#own = position
    this.#bytes += bytes
    if (this.#bytes >= this.#lagBytes) this.#fullSince ??= now
    const group = this.#groupFor(bytes, now)
    group.count++
    group.bytes += bytes
    const isHeld = entry !== undefined && this.#heldBytes + bytes <= HELD_BYTES
    if (isHeld && group.entries !== undefined) {
      group.entries.push(entry)
      this.#heldBytes += bytes
    } else this.#release(group)
  }

  /** A caller waits until this entry is in the bucket. */
  want(position: number): void {
    this.#wanted = Math.max(this.#wanted, position)
  }

  next(now: number): ShipperStep {
    if (this.#fence !== undefined) return { type: 'ended' }
    if (!this.#isAnswered) throw new TypeError('a step is not answered')
    if (now < this.#waitUntil) return { type: 'rest', ms: this.#waitUntil - now }
    const [group] = this.#groups
    if (group === undefined) return this.#idle(now)
    const { after, count, entries } = group
    if (this.#sent?.isUnsure === true) return this.#asking({ type: 'read', after, count })
    const dueMs = this.#isDue(group) ? 0 : group.since + ARCHIVE_GATHER_MS - now
    if (dueMs > 0) return { type: 'rest', ms: dueMs }
    if (entries === undefined) return this.#asking({ type: 'load', after, count })
    if (this.#sent === undefined) {
      this.#sent = { entries: [...entries], firstAt: now, lastAt: now, isUnsure: false }
    }
    this.#sent.lastAt = now
    return this.#asking({ type: 'append', after, entries: this.#sent.entries })
  }

  answer(answer: ShipperAnswer, now: number): void {
    this.#isAnswered = true
    const archived = this.#archived
    this.#take(answer, now)
    if (this.#archived > archived) this.#reachedAt = now
  }

  #take(answer: ShipperAnswer, now: number): void {
    switch (answer.type) {
      case 'ok': {
        const { entries, lastAt } = this.#sent!
        return this.#reached(entries.length, this.#rules.countsFromSending ? lastAt : now)
      }
      case 'taken':
        if (this.#rules.readsBack) this.#sent!.isUnsure = true
        else this.#fenceBy(undefined)
        return
      case 'said':
        this.#saidAt = now
        return
      case 'failed':
        return this.#failed(answer.fault, now)
      case 'loaded':
        return this.#loaded(answer.entries)
      case 'found':
        return this.#found(answer.found)
    }
  }

  #asking<Step extends ShipperStep>(step: Step): Step {
    this.#isAnswered = false
    return step
  }

  /** Since when too much is missing; undefined if it is not so. */
  #fullAt(now: number): number | undefined {
    const [oldest] = this.#groups
    const tooOldAt = oldest === undefined ? Infinity : oldest.since + ARCHIVE_LAG_MS
    const since = Math.min(tooOldAt, this.#fullSince ?? Infinity)
    return since <= now ? since : undefined
  }

  /** The last group, or a new one where that is sent, or full with this entry. */
  #groupFor(bytes: number, now: number): Group {
    const last = this.#groups.at(-1)
    const isSent = this.#sent !== undefined && this.#groups.length === 1
    const isRoom = last !== undefined && last.bytes + bytes <= ARCHIVE_OBJECT_BYTES
    if (isRoom && !isSent && last.count < JOURNAL_OBJECT_ENTRIES) return last
    const group = { after: this.#own - 1, count: 0, bytes: 0, since: now, entries: [] }
    this.#groups.push(group)
    return group
  }

  /** Forgets what is held of a group: it is read again. */
  #release(group: Group): void {
    for (const { byteLength } of group.entries ?? []) this.#heldBytes -= byteLength
    group.entries = undefined
  }

  #isDue({ after, bytes }: Group): boolean {
    const isFull = this.#groups.length > 1 || bytes >= ARCHIVE_OBJECT_BYTES
    const isWanted = this.#start.acknowledges || this.#wanted > after || !this.#isOpen
    return isFull || isWanted || this.#isClosing || this.#sent !== undefined
  }

  #idle(now: number): ShipperStep {
    if (!this.#isOpen || this.#isClosing) return { type: 'rest', ms: Infinity }
    const ms = Math.max(this.#provedAt, this.#saidAt) + ARCHIVE_HEARTBEAT_MS - now
    return ms > 0 ? { type: 'rest', ms } : this.#asking({ type: 'heartbeat' })
  }

  #loaded(entries: readonly Uint8Array[]): void {
    const group = this.#groups[0]!
    if (entries.length !== group.count) {
      throw new DstoreError('integrity', `the journal lost entries after ${group.after}`)
    }
    group.entries = [...entries]
    for (const { byteLength } of entries) this.#heldBytes += byteLength
  }

  #failed(fault: DstoreError, now: number): void {
    this.#fault = { fault, at: now }
    const ms = Math.min(FIRST_WAIT_MS * 2 ** this.#failures++, LONGEST_WAIT_MS)
    this.#waitUntil = now + ms
    if (this.#sent !== undefined && this.#rules.readsBack) this.#sent.isUnsure = true
  }

  #found(found: readonly Uint8Array[] | 'gone'): void {
    // Only the node that goes on trims: this one is it no more.
    if (found === 'gone') return this.#fenceBy(undefined)
    const { entries, firstAt } = this.#sent!
    const isOwn = (entry: Uint8Array, i: number): boolean =>
      !this.#rules.comparesBytes || equal(entry, found[i]!)
    const common = Math.min(entries.length, found.length)
    const parts = entries.slice(0, common).findIndex((entry, i) => !isOwn(entry, i))
    const count = parts < 0 ? common : parts
    if (count === 0 && parts < 0) {
      // Not there yet: it is sent again.
      this.#sent!.isUnsure = false
      return
    }
    // An earlier process may have sent the first ones.
    const isFirst = this.#archived === this.#start.archived
    if (count > 0) this.#reached(count, isFirst ? this.#start.at : firstAt)
    if (parts >= 0) this.#fenceBy(found[parts])
  }

  /** The bucket has so many entries of the first group, the last of which was sent then. */
  #reached(count: number, provedAt: number): void {
    const group = this.#groups[0]!
    const bytes = this.#sent!.entries.slice(0, count).reduce(
      (sum, { byteLength }) => sum + byteLength,
      0,
    )
    this.#archived += count
    this.#bytes -= bytes
    this.#heldBytes -= bytes
    if (this.#bytes < this.#lagBytes) this.#fullSince = undefined
    this.#provedAt = Math.max(this.#provedAt, provedAt)
    this.#failures = 0
    this.#waitUntil = -Infinity
    this.#sent = undefined
    if (count === group.count) {
      this.#groups.shift()
      return
    }
    group.after += count
    group.count -= count
    group.bytes -= bytes
    group.entries!.splice(0, count)
  }

  #fenceBy(entry: Uint8Array | undefined): void {
    if (!this.#rules.endsWhenFenced) {
      this.#reached(this.#sent!.entries.length, this.#sent!.lastAt)
      return
    }
    this.#fence = takenOver(this.#start.place, this.#archived, entry)
  }
}
