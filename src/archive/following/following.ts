/**
 * Makes the bucket's journal follow the store's own one, from the comparison at start to the last
 * entry (specs/011-archive.md, "Following and lag").
 */
import { DstoreError } from '../../errors.ts'
import { ARCHIVE_LAG_MS, ARCHIVE_MARGIN_MS } from '../../limits.ts'
import type { Log } from '../../log.ts'
import { decodeEntry } from '../../journal/decode.ts'
import type { EntryHead } from '../../journal/entry.ts'
import type { Journal } from '../../journal/journal.ts'
import type { Sleep } from '../interface.ts'
import { ArchivedJournal } from './archived-journal.ts'
import type { BucketJournal } from './bucket-journal.ts'
import { compareJournals } from './joining.ts'
import { ALL_FOLLOWING_RULES, type FollowingRules } from './rules.ts'
import { type Lag, Shipper } from './shipper.ts'
import { Shipping } from './shipping.ts'

export interface FollowingParts {
  /** `s3://BUCKET/PREFIX`. */
  readonly place: string
  /** Opens the bucket's journal, which begins after this position if it has no entry. */
  readonly openBucket: (start: number) => BucketJournal
  readonly acknowledges: boolean
  readonly elapsed: () => number
  readonly sleep: Sleep
  readonly log: Log
  /** The bucket's journal has these entries. */
  readonly onArchived?: (entries: readonly Uint8Array[]) => void
  readonly lagBytes?: number
  readonly rules?: FollowingRules
}

/** A node that goes on for another one, which may still run. */
export interface TakingOver {
  /** When the other was fenced; undefined if it is so only since this node's own `begin`. */
  readonly fencedAt: number | undefined
  readonly saidFarewell: boolean
}

export interface OpenedStore {
  /** Appends an entry without changes. */
  readonly say: (kind: 'heartbeat') => Promise<unknown>
  readonly takingOver?: TakingOver
}

/** What `join` made. */
interface Joined {
  readonly bucket: BucketJournal
  readonly shipper: Shipper
  readonly shipping: Shipping
  readonly journal: ArchivedJournal
}

export class Following {
  readonly #parts: FollowingParts
  readonly #rules: FollowingRules
  #joined: Joined | undefined
  #store: OpenedStore | undefined
  #isOpen = false
  #lose!: (fault: DstoreError) => void

  /** Resolves when another node has taken over. */
  readonly lost: Promise<DstoreError> = new Promise((resolve) => (this.#lose = resolve))

  constructor(parts: FollowingParts) {
    this.#parts = parts
    this.#rules = parts.rules ?? ALL_FOLLOWING_RULES
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Undefined before `join` has resolved. */
  get shipper(): Shipper | undefined {
    return this.#joined?.shipper
  }

  get bucket(): BucketJournal {
    return this.#joinedParts().bucket
  }

  get refusal(): DstoreError | undefined {
    return this.#joined?.journal.refusal
  }

  lag(): Lag {
    const { elapsed } = this.#parts
    return this.#joined?.shipper.lag(elapsed()) ?? { entries: 0, bytes: 0, ms: 0 }
  }

  mayServe(): boolean {
    return this.#isOpen && this.#joinedParts().shipper.mayServe(this.#parts.elapsed())
  }

  /** Returns the journal to append to. */
  async join(own: Journal): Promise<ArchivedJournal> {
    const { place, openBucket, acknowledges, elapsed, sleep, log, lagBytes } = this.#parts
    const { last } = await own.extent()
    const bucket = openBucket(last)
    const at = elapsed()
    const rules = this.#rules
    const archived = rules.comparesAtStart
      ? await compareJournals(own, bucket, place)
      : (await bucket.extent()).last
    const start = { place, archived: archived ?? last, at, acknowledges }
    const shipper = new Shipper({ ...start, ...(lagBytes !== undefined && { lagBytes }) }, rules)
    const sayHeartbeat = (): void => {
      this.#store?.say('heartbeat').catch(() => undefined)
    }
    const { onArchived } = this.#parts
    const onStep = (entries: readonly Uint8Array[]): void => {
      this.#onStep()
      if (entries.length > 0) onArchived?.(entries)
    }
    const shipping = new Shipping({ shipper, own, bucket, elapsed, sleep, sayHeartbeat, onStep })
    const onTrimFailed = (fault: unknown): void =>
      log.warn(`trimming the journal failed: ${String(fault)}`)
    const parts = { own, bucket, shipper, shipping, place, elapsed, rules, onTrimFailed }
    const journal = new ArchivedJournal(parts)
    this.#joined = { bucket, shipper, shipping, journal }
    await this.#noteTail(own, last)
    return journal
  }

  /**
   * Ships what the bucket lacks, the store's `begin` at its end; waits, after a take-over, until the
   * other node has stopped; then changes are acknowledged.
   */
  async opened(store: OpenedStore): Promise<void> {
    const { journal, shipper, shipping } = this.#joinedParts()
    this.#store = store
    shipping.start()
    try {
      await this.#begin(store, journal)
    } catch (error) {
      await shipping.stop()
      throw error
    }
    this.#isOpen = true
    shipper.open()
    shipping.wake()
  }

  async #begin(store: OpenedStore, journal: ArchivedJournal): Promise<void> {
    await journal.shipped()
    if (store.takingOver !== undefined && (await this.#waitForOther(store.takingOver))) {
      // A third node may have taken over meanwhile.
      await store.say('heartbeat')
      await journal.shipped()
    }
  }

  archived(position: number): Promise<void> {
    return this.#joinedParts().journal.archived(position)
  }

  /** Resolves when the bucket has what was appended so far, however long that takes. */
  async settled(): Promise<void> {
    const { journal, shipper } = this.#joinedParts()
    const { own } = shipper
    for (;;) {
      try {
        return await journal.archived(own)
      } catch (error) {
        if (shipper.fence !== undefined || journal.isDrained) throw error
      }
    }
  }

  /** Waits, as long as the bucket takes anything, until it has all; then nothing more is sent. */
  async drain(): Promise<void> {
    await this.#joined?.journal.drain()
  }

  async close(): Promise<void> {
    await this.drain()
    await this.#joined?.bucket.close()
  }

  #joinedParts(): Joined {
    if (this.#joined === undefined) throw new TypeError('the archive has not joined a store')
    return this.#joined
  }

  /** What the own journal has and the bucket's lacks. It is read again when it is shipped. */
  async #noteTail(own: Journal, last: number): Promise<void> {
    const { shipper } = this.#joinedParts()
    const { elapsed } = this.#parts
    if (shipper.own >= last) return
    const reading = new AbortController()
    for await (const batch of own.follow(shipper.own, reading.signal)) {
      if (batch === 'gone') throw new DstoreError('integrity', 'the journal lost its last entries')
      for (const { byteLength } of batch) shipper.note(shipper.own + 1, byteLength, elapsed())
      if (shipper.own >= last) reading.abort()
    }
  }

  /** Was there anything to wait for? */
  async #waitForOther({ fencedAt, saidFarewell }: TakingOver): Promise<boolean> {
    if (saidFarewell || !this.#rules.waitsForOther) return false
    const { elapsed, sleep, log } = this.#parts
    const until = (fencedAt ?? elapsed()) + ARCHIVE_LAG_MS + ARCHIVE_MARGIN_MS
    const ms = until - elapsed()
    if (ms <= 0) return false
    log.info('waiting until the node that had the archive acknowledges nothing more', { ms })
    for (let left = ms; left > 0; left = until - elapsed()) await sleep(left)
    return true
  }

  #onStep(): void {
    const { shipper, journal } = this.#joinedParts()
    if (shipper.fence !== undefined) this.#lose(shipper.fence)
    journal.onArchived()
  }
}

/** The head of a journal's last entry; undefined if it has none. */
export async function lastHead(journal: Journal): Promise<EntryHead | undefined> {
  for (;;) {
    const { first, last } = await journal.extent()
    if (first > last) return undefined
    const entry = await journal.at(last)
    // Others go on, and trim.
    if (entry === undefined || entry === 'gone') continue
    return decodeEntry(entry).head
  }
}
