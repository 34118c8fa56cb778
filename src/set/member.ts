/** One member of a set in one process: stands by, and takes over (specs/012-set.md). */
import type { Sleep } from '../archive/interface.ts'
import type { ObjectStore } from '../bucket/object-store.ts'
import { fromHex } from '../bytes.ts'
import { DstoreError, asDstoreError } from '../errors.ts'
import type { Journal } from '../journal/journal.ts'
import { SET_NOTE_MS } from '../limits.ts'
import type { Log } from '../log.ts'
import type { Follower } from '../store/disk/follower/follower.ts'
import type { Row } from '../store/store.ts'
import { Active } from './active.ts'
import { Election } from './election.ts'
import type { FollowedEnd } from './followed.ts'
import type { Elected, MemberNote, MemberState, MemberStatus, SetMember } from './interface.ts'
import { Lease } from './lease.ts'
import { Noting } from './notes/notes.ts'
import type { ReplicaPlace } from './replica-place.ts'
import { ALL_SET_RULES, type SetRules } from './rules.ts'
import { furthestOf, missingSet } from './same-set.ts'
import { SetSnapshots } from './snapshots.ts'
import { Standing } from './standing.ts'
import { TimedJournal } from './timed-journal.ts'

export interface SetMemberOptions {
  /** That of the engine, without secrets, for messages. */
  readonly engine: string
  /** Open; the member closes it. */
  readonly journal: Journal
  /** Open; the member closes it. */
  readonly objects: ObjectStore
  /** The records that this member keeps. */
  readonly replica: ReplicaPlace
  /** 16 hex digits, of the state directory. */
  readonly id: string
  readonly name: string
  readonly version: string
  readonly clocks: MemberClocks
  readonly sleep: Sleep
  readonly random: (length: number) => Uint8Array
  readonly log: Log
  readonly rules?: SetRules
}

export interface MemberClocks {
  /** Never runs ahead of real time. */
  readonly grantor: () => number
  /** Never lags behind it. */
  readonly holder: () => number
  readonly wall: () => number
}

/** The end after which a member may begin, and the id of the set. */
type MemberEnd = FollowedEnd & { readonly set: Uint8Array }

/** After a step-down, how long others have to take over before this member does. */
const YIELD_MS = 30_000

export function createSetMember(options: SetMemberOptions): SetMember {
  return new Member(options)
}

class Member implements SetMember {
  readonly #options: SetMemberOptions
  readonly #rules: SetRules
  readonly #snapshots: SetSnapshots
  readonly #closing = new AbortController()
  readonly #noting: Noting
  #state: MemberState = 'joining'
  /** When it came into that, by the wall clock. */
  #since: number
  #standing: Standing | undefined
  #active: Active | undefined
  #position = 0
  #epoch = 0
  #epochAt: number | undefined
  /** The records, while it stands by. */
  #records: Pick<Follower, 'rows'> | undefined
  /** Is this member of the set whose bucket and engine it has? */
  #isAccepted = false
  /** Once in a process: where that did not help, people must look. */
  #hasRebuilt = false
  #addresses: readonly string[] = []
  #end: number | undefined
  #lag: number | undefined
  #heardAt: number
  #fault: { readonly fault: DstoreError; readonly at: number } | undefined
  /** The last epoch in which this member was active. */
  #ownEpoch = 0
  #takeOvers = 0
  #pauses = 0
  #closed: Promise<void> | undefined

  constructor(options: SetMemberOptions) {
    this.#options = options
    this.#rules = options.rules ?? ALL_SET_RULES
    this.#heardAt = options.clocks.grantor()
    this.#since = options.clocks.wall()
    this.#snapshots = new SetSnapshots({
      ...options,
      elapsed: options.clocks.grantor,
      wall: options.clocks.wall,
      hasStandby: () => this.#hasStandby(),
      others: () => this.#noting.others,
      onParted: () => this.#parted(),
      onFailed: (error) => this.#failed(error),
    })
    const { grantor, wall } = options.clocks
    // A member that is refused leaves no note.
    const own = (): MemberNote | undefined => (this.#isAccepted ? this.#ownNote() : undefined)
    const on = { onRead: () => this.#snapshots.noted(), onCopied: this.#copied.bind(this) }
    const vanished = (): Promise<DstoreError | undefined> => missingSet(options.objects)
    const parts = { ...options, wall, elapsed: grantor, own, vanished, ...on }
    this.#noting = new Noting(parts, this.#closing.signal)
  }

  async stand(signal: AbortSignal): Promise<Elected> {
    const ends = AbortSignal.any([signal, this.#closing.signal])
    // The store may have failed to open before it could close what it was given.
    await this.#active?.close()
    this.#active = undefined
    for (;;) {
      ends.throwIfAborted()
      const end = await this.#standBy(ends)
      const elected = await this.#take(end, ends)
      if (elected !== undefined) return elected
    }
  }

  status(): MemberStatus {
    const { engine, objects, clocks } = this.#options
    const { newest } = this.#snapshots
    const fault = this.#fault
    const bucketFault = this.#noting.fault
    return {
      own: this.#ownNote(),
      others: this.#noting.others.map((note) => ({ ...note, agoMs: this.#noting.agoMs(note) })),
      engine,
      bucket: objects.place,
      epoch: this.#epoch,
      epochAt: this.#epochAt,
      takeOvers: this.#takeOvers,
      pauses: this.#pauses,
      end: this.#end,
      engineSilentMs: Math.max(0, clocks.grantor() - this.#heardAt),
      requests: objects.requests,
      snapshot: newest && {
        position: newest.position,
        ageMs: Math.max(0, clocks.wall() - newest.takenAt),
      },
      bucketFault: bucketFault && {
        fault: bucketFault.fault,
        agoMs: clocks.grantor() - bucketFault.since,
      },
      lastFault: fault && { fault: fault.fault, agoMs: clocks.grantor() - fault.at },
    }
  }

  rows(prefix: Uint8Array, limit: number): readonly Row[] | undefined {
    return this.#records?.rows('meta', { prefix, limit })
  }

  addresses(): readonly string[] {
    const others = this.#noting.others
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .flatMap(({ addresses }) => addresses)
    return [...new Set([...this.#addresses, ...others])]
  }

  setAddresses(addresses: readonly string[]): void {
    this.#addresses = addresses
    this.#noting.changed()
  }

  freshen(): Promise<void> {
    return this.#noting.freshen()
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#closing.abort(new DstoreError('unreachable', 'the member of the set is closed'))
    await this.#active?.close()
    await this.#standing?.stop()
    await this.#noting.ended
    await this.#options.journal.close()
    await this.#options.objects.close()
  }

  /** Follows until no member was heard for long; the records are closed when it resolves. */
  async #standBy(signal: AbortSignal): Promise<MemberEnd> {
    const { journal, replica, objects, clocks, sleep, random, log } = this.#options
    const standing = new Standing({
      journal,
      replica,
      objects,
      elapsed: clocks.grantor,
      sleep,
      random,
      log,
      rules: this.#rules,
      ownEpoch: this.#ownEpoch,
      yieldMs: YIELD_MS,
      furthest: () => furthestOf(this.#noting.others),
      beside: async (source, ends) => {
        this.#records = source
        await this.#snapshots.run('standby', source, ends)
        this.#records = undefined
      },
      onAccepted: () => {
        if (this.#isAccepted) return
        this.#isAccepted = true
        this.#noting.changed()
      },
      onState: (state) => this.#become(state),
      onRead: ({ end, lag, epoch, position }) => {
        if (end !== undefined) {
          this.#end = end
          this.#lag = lag
          this.#heard()
        }
        this.#knows(epoch)
        this.#position = position ?? this.#position
      },
      onApplied: (entries) => this.#snapshots.applied(entries),
      onFailed: (error) => this.#failed(error),
    })
    this.#standing = standing
    try {
      const end = await standing.run(signal)
      return { ...end, set: fromHex(standing.set!)! }
    } finally {
      this.#standing = undefined
    }
  }

  /** Undefined where none began: this member stands by. */
  async #take(end: MemberEnd, signal: AbortSignal): Promise<Active | undefined> {
    const { journal, clocks, sleep, random, objects, log, engine } = this.#options
    this.#become('beginning')
    log.info('taking over: no active member was heard', { after: end.position })
    const lease = new Lease(this.#rules)
    const elapsed = clocks.holder
    const own: { active?: Active } = {}
    // Once the store is open, its close says farewell, and waits no longer than that may take.
    const opening = new AbortController()
    const giveUp = (): void => opening.abort(signal.reason)
    const timed = new TimedJournal({
      abandoned: opening.signal,
      journal,
      lease,
      elapsed,
      rules: this.#rules,
      onAcknowledged: (position, entry) => {
        this.#heard()
        this.#end = this.#position = position
        this.#lag = 0
        own.active?.acknowledged()
        this.#snapshots.applied([entry])
      },
      onFailed: (fault) => this.#failed(fault),
      onEnded: (why) => own.active?.fence(why),
    })
    const parts = { journal: timed, lease, elapsed, sleep }
    const election = await Election.begin({ ...parts, random, end, set: end.set, log }, signal)
    if (election === undefined) return undefined
    signal.addEventListener('abort', giveUp)
    if (signal.aborted) giveUp()
    const active = new Active({
      ...parts,
      objects,
      election,
      log,
      place: engine,
      rules: this.#rules,
      beside: (source, ends) => this.#snapshots.run('active', source, ends),
      onState: (state) => {
        signal.removeEventListener('abort', giveUp)
        this.#become(state)
      },
    })
    this.#active = own.active = active
    this.#ownEpoch = active.epoch
    this.#knows(active.epoch)
    return active
  }

  #become(state: MemberState): void {
    if (state === this.#state) return
    if (state === 'paused') this.#pauses++
    if (state === 'active' && this.#state === 'beginning') this.#takeOvers++
    this.#state = state
    this.#since = this.#options.clocks.wall()
    this.#noting.changed()
  }

  /** The journal has entries of this epoch. */
  #knows(epoch: number | undefined): void {
    if (epoch === undefined || epoch <= this.#epoch) return
    // What it finds at its start may have begun at any time.
    if (this.#epoch > 0) this.#epochAt = this.#options.clocks.wall()
    this.#epoch = epoch
  }

  /** The active member has other rows than this one: those that it serves count. */
  #parted(): void {
    if (this.#hasRebuilt || this.#standing === undefined) return
    this.#hasRebuilt = true
    this.#standing.rebuild('its rows are not those of the active member')
  }

  #copied(why: DstoreError): void {
    this.#closing.abort(why)
    this.#active?.fence(why)
  }

  #heard(): void {
    this.#heardAt = this.#options.clocks.grantor()
  }

  #failed(error: unknown): void {
    this.#fault = { fault: asDstoreError(error), at: this.#options.clocks.grantor() }
  }

  #ownNote(): MemberNote {
    const { id, name, version, clocks } = this.#options
    const { verified, parted } = this.#snapshots
    return {
      id,
      name,
      version,
      state: this.#state,
      since: Math.floor(this.#since),
      position: this.#position,
      ...(this.#lag !== undefined && { lag: this.#lag }),
      epoch: this.#epoch,
      addresses: this.#addresses,
      ...(verified.length > 0 && { verified }),
      ...(parted.length > 0 && { parted }),
      at: Math.floor(clocks.wall()),
    }
  }

  /** Does another member stand by, by what it said lately? */
  #hasStandby(): boolean {
    const isFresh = (note: MemberNote): boolean => this.#noting.agoMs(note) < 6 * SET_NOTE_MS
    return this.#noting.others.some((note) => note.state === 'standby' && isFresh(note))
  }
}
