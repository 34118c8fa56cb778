/**
 * A store's own journal, followed by the bucket's: what is appended here is acknowledged as the
 * archive's rules say (specs/011-archive.md, "Following and lag").
 */
import { DstoreError } from '../../errors.ts'
import { ARCHIVE_CONFIRM_MS, ARCHIVE_LAG_MS } from '../../limits.ts'
import { AppendError, type Extent, type Followed, type Journal } from '../../journal/journal.ts'
import type { BucketJournal } from './bucket-journal.ts'
import { ALL_FOLLOWING_RULES, type FollowingRules } from './rules.ts'
import type { Shipper } from './shipper.ts'
import type { Shipping } from './shipping.ts'

export interface ArchivedJournalParts {
  readonly own: Journal
  readonly bucket: BucketJournal
  readonly shipper: Shipper
  readonly shipping: Shipping
  /** In messages. */
  readonly place: string
  readonly elapsed: () => number
  readonly rules?: FollowingRules
  readonly onTrimFailed: (fault: unknown) => void
}

export class ArchivedJournal implements Journal {
  readonly #parts: ArchivedJournalParts
  readonly #rules: FollowingRules
  /** Noting, one entry after another. */
  #noting: Promise<void> = Promise.resolve()
  #wantedTrim = 0
  #trimmed = 0
  #closingSince: number | undefined
  #draining: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(parts: ArchivedJournalParts) {
    this.#parts = parts
    this.#rules = parts.rules ?? ALL_FOLLOWING_RULES
  }

  async append(after: number, entry: Uint8Array): Promise<'ok' | 'taken'> {
    const { own, shipper, shipping, elapsed } = this.#parts
    await this.#admitted()
    if (!this.#rules.ownFirst && after === shipper.own) {
      shipper.note(after + 1, entry.byteLength, elapsed(), entry)
      shipping.wake()
    }
    const outcome = await own.append(after, entry)
    if (outcome === 'taken') return outcome
    await this.#noted(after + 1, entry)
    await this.#acknowledged(after + 1)
    return outcome
  }

  extent(): Promise<Extent> {
    return this.#parts.own.extent()
  }

  /** A writer in doubt reads here: what may not be acknowledged yet is not answered either. */
  async at(position: number): Promise<Uint8Array | 'gone' | undefined> {
    const entry = await this.#parts.own.at(position)
    if (entry === undefined || entry === 'gone') return entry
    await this.#noted(position, entry)
    await this.#acknowledged(position)
    return entry
  }

  /** A store that was restored has in its own journal what came after: the bucket has the rest. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<Followed, void, undefined> {
    const { own, bucket } = this.#parts
    let position = after
    const { first } = await own.extent()
    if (position + 1 < first) {
      for await (const batch of bucket.follow(position, signal)) {
        if (batch === 'gone') return yield batch
        const part = batch.slice(0, first - 1 - position)
        yield part
        position += part.length
        if (position + 1 >= first) break
      }
    }
    if (!signal.aborted) yield* own.follow(position, signal)
  }

  /** Held back to what the bucket has, without its last entry: a start compares that one. */
  async trim(upto: number): Promise<void> {
    this.#wantedTrim = Math.max(this.#wantedTrim, upto)
    await this.#trim()
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  /** Appends that wait in vain are given up from now on. */
  closing(): void {
    const { shipping, elapsed } = this.#parts
    this.#closingSince ??= elapsed()
    shipping.stir()
  }

  /** Nothing more is sent: what the bucket lacks goes up at the next opening. */
  get isDrained(): boolean {
    return this.#draining !== undefined
  }

  /** Waits, as long as the bucket takes anything, until it has all; then nothing more is sent. */
  drain(): Promise<void> {
    return (this.#draining ??= this.#drain())
  }

  /** The bucket has more: what was held back goes. */
  onArchived(): void {
    if (this.#wantedTrim <= this.#trimmed || this.#closing !== undefined) return
    this.#trim().catch(this.#parts.onTrimFailed)
  }

  /** Waits for the bucket to have this entry. */
  async archived(position: number): Promise<void> {
    const { shipper, shipping, elapsed } = this.#parts
    shipper.want(position)
    shipping.wake()
    const since = elapsed()
    while (position > shipper.archived) {
      if (shipper.fence !== undefined) throw shipper.fence
      const left = ARCHIVE_CONFIRM_MS - (elapsed() - since)
      if (left <= 0 || (this.isDrained && !shipping.isRunning))
        throw this.#unreachable('not confirmed')
      await shipping.changed(left)
    }
  }

  /** Waits until the bucket has all that is here now, as long as it takes anything at all. */
  async shipped(patienceMs: number = ARCHIVE_LAG_MS): Promise<void> {
    const { shipper, shipping, elapsed } = this.#parts
    const { own } = shipper
    let [archived, since] = [shipper.archived, elapsed()]
    while (shipper.archived < own) {
      if (shipper.fence !== undefined) throw shipper.fence
      if (shipper.archived > archived) [archived, since] = [shipper.archived, elapsed()]
      const left = patienceMs - (elapsed() - since)
      if (left <= 0) throw this.#unreachable('not begun')
      await shipping.changed(left)
    }
  }

  /** Why changes are refused at this moment, if they are. */
  get refusal(): DstoreError | undefined {
    const { shipper, elapsed } = this.#parts
    if (shipper.fence !== undefined) return shipper.fence
    return shipper.refuses(elapsed()) ? this.#unreachable('refused') : undefined
  }

  /** Waits while the bucket lacks too much: nothing is appended yet. */
  async #admitted(): Promise<void> {
    const { shipper, shipping, elapsed } = this.#parts
    for (;;) {
      if (shipper.fence !== undefined) throw new AppendError('ended', shipper.fence)
      if (shipper.admits(elapsed())) return
      const { refusal } = this
      if (refusal !== undefined) throw new AppendError('not-appended', refusal)
      shipper.want(shipper.own)
      shipping.wake()
      await shipping.changed(this.#patience('not-appended'))
    }
  }

  /** How long to wait for a change. Throws where the store closes, and the bucket is away. */
  #patience(outcome: 'ended' | 'not-appended'): number {
    const left = this.#left()
    if (left > 0) return left
    throw new AppendError(outcome, this.#unreachable('given up'))
  }

  /** How long the bucket may still take nothing: while the store closes, that time runs. */
  #left(): number {
    const { shipper, elapsed } = this.#parts
    if (this.#closingSince === undefined) return ARCHIVE_CONFIRM_MS
    const now = elapsed()
    return ARCHIVE_CONFIRM_MS - Math.min(now - this.#closingSince, shipper.stuckMs(now))
  }

  /** The store's own journal has this entry: so it is the bucket's next. */
  #noted(position: number, entry: Uint8Array): Promise<void> {
    const { own, shipper, shipping, elapsed } = this.#parts
    const note = async (): Promise<void> => {
      // Appends whose answer was doubtful were not noted.
      while (shipper.own < position) {
        const next = shipper.own + 1
        const bytes = next === position ? entry : await own.at(next)
        if (bytes === undefined || bytes === 'gone') throw lost(next)
        shipper.note(next, bytes.byteLength, elapsed(), bytes)
      }
      shipping.wake()
    }
    if (shipper.own >= position) return Promise.resolve()
    const noted = this.#noting.then(note)
    // What can't be read now may be read later: the next one tries again.
    this.#noting = noted.catch(() => undefined)
    return noted
  }

  /** The entry is here, and stays: only the next opening could tell more. */
  async #acknowledged(position: number): Promise<void> {
    const { shipper, shipping, elapsed } = this.#parts
    for (;;) {
      if (shipper.fence !== undefined) throw new AppendError('ended', shipper.fence)
      if (shipper.mayAcknowledge(position, elapsed())) return
      shipper.want(position)
      shipping.wake()
      await shipping.changed(this.#patience('ended'))
    }
  }

  async #trim(): Promise<void> {
    const { own, shipper } = this.#parts
    const most = this.#rules.holdsTrims ? shipper.archived - 1 : Infinity
    const upto = Math.min(this.#wantedTrim, most)
    if (upto <= this.#trimmed) return
    this.#trimmed = upto
    await own.trim(upto)
  }

  async #close(): Promise<void> {
    await this.drain()
    await this.#trim().catch(this.#parts.onTrimFailed)
    await this.#parts.own.close()
  }

  async #drain(): Promise<void> {
    const { shipper, shipping } = this.#parts
    shipper.close()
    shipping.wake()
    const patience = this.#left()
    try {
      if (shipping.isRunning) await this.shipped(patience)
      await shipping.stop()
    } catch {
      // A step under way may have no answer for long.
      shipping.abandon()
    }
  }

  #unreachable(what: string): DstoreError {
    const { place, shipper } = this.#parts
    const { fault } = shipper.lastFault ?? {}
    const why = fault === undefined ? '' : `: ${fault.message}`
    const message = `${what}: the archive in ${place} has not taken what came before${why}`
    return new DstoreError('unreachable', message, {
      ...(fault !== undefined && { cause: fault }),
      hint: 'it goes on by itself when the bucket answers; see dstore status',
    })
  }
}

const lost = (position: number): DstoreError =>
  new DstoreError('integrity', `the journal lost entry ${position}`)
