/**
 * Stands by: follows the journal, and says when no member was heard for so long that this one may
 * take over (specs/012-set.md, "Rules: standing by").
 */
import type { Sleep } from '../archive/interface.ts'
import { makeSet, readSet } from '../archive/set.ts'
import type { ObjectStore } from '../bucket/object-store.ts'
import { equal } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import type { ChainPosition } from '../journal/chain.ts'
import { decodeEntry } from '../journal/decode.ts'
import { entryDigest } from '../journal/digest.ts'
import type { Entry } from '../journal/entry.ts'
import type { Journal } from '../journal/journal.ts'
import { SET_LOOK_MS } from '../limits.ts'
import type { Log } from '../log.ts'
import { checkFollows } from '../store/disk/commit/replay.ts'
import type { Follower } from '../store/disk/follower/follower.ts'
import { mismatchOf } from '../store/disk/follower/mismatch.ts'
import { Followed, type FollowedEnd } from './followed.ts'
import { Patience } from './patience.ts'
import type { ReplicaPlace } from './replica-place.ts'
import type { SetRules } from './rules.ts'
import {
  type Furthest,
  behind,
  checkEntries,
  checkReaches,
  furthestIn,
  isLost,
  lostJournal,
  noSet,
} from './same-set.ts'

export interface StandingParts {
  readonly journal: Journal
  readonly replica: ReplicaPlace
  readonly objects: ObjectStore
  /** A clock that never runs ahead. */
  readonly elapsed: () => number
  readonly sleep: Sleep
  readonly random: (length: number) => Uint8Array
  readonly log: Log
  readonly rules: SetRules
  /** The last epoch in which this process was active; 0 if it was not. */
  readonly ownEpoch: number
  /** How long others have to take over after its own farewell. */
  readonly yieldMs: number
  /** The member that has applied most, as far as others have told this one. */
  readonly furthest: () => Furthest | undefined
  /** What goes on while the records are open, until the signal. */
  readonly beside: (
    source: Pick<Follower, 'copyRecords' | 'rowsDigest' | 'rows'>,
    signal: AbortSignal,
  ) => Promise<void>
  /** Journal, bucket and records are of one set. May be called again. */
  readonly onAccepted: () => void
  readonly onState: (state: 'joining' | 'standby') => void
  readonly onRead: (read: StandingRead) => void
  readonly onApplied: (entries: readonly Uint8Array[]) => void
  readonly onFailed: (error: unknown) => void
}

export interface StandingRead {
  /** The engine has just said that the journal ends there. */
  readonly end?: number
  /** Entries up to there that were not read yet. */
  readonly lag?: number
  readonly epoch: number | undefined
  /** The last entry that was applied. */
  readonly position?: number
}

/** Time from one try to open to the next. */
const AWAY_MS = 1_000
/** How often it loads its records again before it gives up. */
const REBUILDS = 5

const isAway = (error: unknown): boolean =>
  error instanceof DstoreError && (error.code === 'unreachable' || error.code === 'timeout')

/** The replica has another history than the journal, or lacks what was trimmed. */
class Rebuild extends Error {}

export class Standing {
  readonly #parts: StandingParts
  readonly #stopping = new AbortController()
  /** The id of the set, in hex, once the bucket has told it. */
  #set: string | undefined
  #wanted: Rebuild | undefined
  #running: Promise<unknown> = Promise.resolve()

  constructor(parts: StandingParts) {
    this.#parts = parts
  }

  /** The records are to be loaded again. */
  rebuild(why: string): void {
    this.#wanted = new Rebuild(why)
  }

  get set(): string | undefined {
    return this.#set
  }

  /** The end after which this member may begin; the records are closed. */
  run(signal: AbortSignal): Promise<FollowedEnd> {
    const running = this.#run(AbortSignal.any([signal, this.#stopping.signal]))
    this.#running = running.catch(() => undefined)
    return running
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new DstoreError('unreachable', 'the member of the set is closed'))
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<FollowedEnd> {
    const { replica, log, sleep, onState, onFailed } = this.#parts
    let rebuilt = 0
    let isLoading = false
    onState('joining')
    for (;;) {
      signal.throwIfAborted()
      try {
        if (isLoading) await replica.load(signal)
        isLoading = false
        return await this.#follow(signal)
      } catch (error) {
        if (isAway(error) && !signal.aborted) {
          // The engine or the bucket is away: it will be back.
          onFailed(error)
          await sleep(AWAY_MS, signal)
          continue
        }
        if (!(error instanceof Rebuild)) throw error
        // Each time it may have been overtaken by a trim, but not always.
        if (++rebuilt > REBUILDS) throw new DstoreError('integrity', error.message)
        log.warn(`loading the records of this member again: ${error.message}`)
        onState('joining')
        isLoading = true
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<FollowedEnd> {
    const { replica } = this.#parts
    const follower = await replica.open()
    const ended = new AbortController()
    const ends = AbortSignal.any([signal, ended.signal])
    let besides: Promise<void> = Promise.resolve()
    try {
      const last = await this.#checked(follower.position)
      besides = this.#parts.beside(follower, ends)
      return await this.#untilSilent(follower, last, signal)
    } finally {
      ended.abort()
      await besides
      await follower.close()
    }
  }

  /** A replica that is to be built again is not refused. */
  async #checked(start: ChainPosition): Promise<Entry | undefined> {
    try {
      const last = await this.#check(start)
      this.#parts.onAccepted()
      return last
    } catch (error) {
      if (error instanceof Rebuild) this.#parts.onAccepted()
      throw error
    }
  }

  /** Does the replica continue the journal? Its last entry, unless that was trimmed. */
  async #check(start: ChainPosition): Promise<Entry | undefined> {
    const { journal, objects, random } = this.#parts
    const { position } = start
    // Looked at before the end: a snapshot is of entries that the journal had by then.
    const isUsed = await isLost(journal, objects)
    const furthest = await furthestIn(objects)
    const { first, last } = await journal.extent()
    if (position === 0 && last === 0 && isUsed) throw lostJournal(objects)
    if (last < position) throw behind(position, last)
    checkReaches(last, furthest)
    // A set that has entries is not made again where its objects are gone.
    this.#set ??= last === 0 ? await makeSet(objects, random) : await readSet(objects)
    if (this.#set === undefined) throw noSet(objects)
    await checkEntries(journal, last, objects, this.#set)
    if (first > position + 1) throw new Rebuild(`entries up to ${first - 1} were trimmed`)
    try {
      const found = await checkFollows(journal, last, start)
      return found && decodeEntry(found)
    } catch (error) {
      const mismatch = mismatchOf(error)
      if (mismatch === 'behind') throw behind(position, last)
      if (mismatch === undefined) throw error
      throw new Rebuild(`its entry ${position} is not that of the journal`)
    }
  }

  async #untilSilent(
    follower: Follower,
    last: Entry | undefined,
    signal: AbortSignal,
  ): Promise<FollowedEnd> {
    const { journal, rules, onState, onRead, onApplied } = this.#parts
    const begin = (): Followed => {
      const isThere = last?.head.position === follower.position.position
      return new Followed(follower.position, rules, isThere ? last : undefined)
    }
    let followed = begin()
    const patience = new Patience(rules)
    const reading = new AbortController()
    const ends = AbortSignal.any([signal, reading.signal])
    let resting = new AbortController()
    let fault: unknown
    const read = async (): Promise<void> => {
      while (!ends.aborted) {
        followed = begin()
        const again = new AbortController()
        restart = () => again.abort()
        const until = AbortSignal.any([ends, again.signal])
        for await (const batch of journal.follow(follower.position.position, until)) {
          if (batch === 'gone') throw new Rebuild('what follows its last entry was trimmed')
          const isHolding = followed.isHolding
          let ready: readonly Uint8Array[]
          try {
            ready = followed.read(batch)
          } catch (error) {
            // What was read before may have vanished, and something else is in its place.
            if (isHolding) break
            throw new Rebuild((error as Error).message)
          }
          if (ready.length > 0) {
            await follower.apply(ready)
            onApplied(ready)
          }
          onRead({ epoch: followed.head?.epoch, position: follower.position.position })
          // Nothing is to be waited for: the next look may find that this member takes over.
          if (followed.end.kind === 'farewell') resting.abort()
        }
      }
    }
    let restart: () => void = () => undefined
    const follows = read().catch((error: unknown) => (fault = error))
    try {
      for (;;) {
        resting = new AbortController()
        const wait = await this.#look(
          () => followed,
          follower.position.position,
          patience,
          () => restart(),
        )
        signal.throwIfAborted()
        const wanted = this.#wanted
        this.#wanted = undefined
        if ((fault ??= wanted) !== undefined) throw fault
        if (wait === 'over') {
          const end = await this.#confirm(followed)
          if (end !== undefined) return end
          restart()
          patience.reset()
        }
        if (wait === 'caught-up') onState('standby')
        await this.#parts.sleep(SET_LOOK_MS, AbortSignal.any([ends, resting.signal]))
      }
    } finally {
      reading.abort()
      await follows
    }
  }

  /**
   * The end that it read, if the engine still has that entry there: what was not confirmed may have
   * vanished, and another entry have its place (R012-9). Undefined if not, or without an answer.
   */
  async #confirm({ end, isHolding }: Followed): Promise<FollowedEnd | undefined> {
    if (end.position === 0) return end
    let found: Uint8Array | 'gone' | undefined
    try {
      found = await this.#parts.journal.at(end.position)
    } catch (error) {
      this.#parts.onFailed(error)
      return undefined
    }
    if (!(found instanceof Uint8Array)) return undefined
    // One that only opened its replica has read no entry yet.
    if (equal(entryDigest(found), end.digest)) return { ...end, head: decodeEntry(found).head }
    if (isHolding) return undefined
    throw new Rebuild(`its entry ${end.position} is not that of the journal`)
  }

  async #look(
    followed: () => Followed,
    applied: number,
    patience: Patience,
    restart: () => void,
  ): Promise<'over' | 'caught-up' | 'behind'> {
    const { journal, elapsed, rules, ownEpoch, onRead, onFailed } = this.#parts
    const askedAt = elapsed()
    const furthest = this.#parts.furthest()
    let last: number
    try {
      last = (await journal.extent()).last
    } catch (error) {
      patience.failed()
      onFailed(error)
      return 'behind'
    }
    // Before it asked, that was known to be acknowledged.
    if (last < applied) throw behind(applied, last)
    checkReaches(last, furthest)
    const { end } = followed()
    // What it read has vanished: an engine that changed its leader lost what it had not confirmed.
    if (last < end.position) restart()
    const isCaughtUp = last === end.position
    onRead({ end: last, lag: Math.max(0, last - end.position), epoch: end.head?.epoch })
    patience.looked({ askedAt, answeredAt: elapsed(), end: last, isCaughtUp })
    if (!isCaughtUp) return 'behind'
    if (last === 0 || !rules.isPatient) return 'over'
    if (end.kind === 'farewell') {
      const isOwn = ownEpoch > 0 && end.head?.epoch === ownEpoch
      return !isOwn || patience.silentMs >= this.#parts.yieldMs ? 'over' : 'caught-up'
    }
    return patience.isOver ? 'over' : 'caught-up'
  }
}
