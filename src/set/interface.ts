/**
 * A set: Globals that share one journal in an engine, one bucket and one identity
 * (specs/012-set.md). One is active; the others stand by and follow.
 */
import type { RequestCounts } from '../bucket/object-store.ts'
import type { DstoreError } from '../errors.ts'
import type { StoreArchive } from '../store/disk/archive.ts'
import type { Row } from '../store/store.ts'
import type { MemberNote } from './notes/member-note.ts'

export type { MemberNote, MemberState } from './notes/member-note.ts'

export interface MemberStatus {
  /** Of this member, now. */
  readonly own: MemberNote
  /** The others, as they last said, and since when by the clocks of this member. */
  readonly others: readonly (MemberNote & { readonly agoMs: number })[]
  /** Without secrets. */
  readonly engine: string
  /** `s3://BUCKET/PREFIX`. */
  readonly bucket: string
  /** Of the last entry that this member knows. */
  readonly epoch: number
  /** When this member learned of that epoch, by its wall clock; undefined where it was older. */
  readonly epochAt: number | undefined
  /** The end of the journal as this member last read it from the engine; undefined before. */
  readonly end: number | undefined
  /** How often this process became active, and how often it was paused. */
  readonly takeOvers: number
  readonly pauses: number
  /** Since the engine last answered. */
  readonly engineSilentMs: number
  readonly requests: RequestCounts
  readonly snapshot: { readonly position: number; readonly ageMs: number } | undefined
  /** Why the bucket does not answer now, and since when. */
  readonly bucketFault: { readonly fault: DstoreError; readonly agoMs: number } | undefined
  readonly lastFault: { readonly fault: DstoreError; readonly agoMs: number } | undefined
}

/** One member of a set in one process. */
export interface SetMember {
  /**
   * Follows until this member has begun an epoch: then it is the only one that may become active,
   * unless it is silent. May be called again after the store that was opened with the result is
   * closed. Errors: the signal's reason; `integrity` where the journal lacks what this member has;
   * `not-permitted`.
   */
  stand(signal: AbortSignal): Promise<Elected>
  status(): MemberStatus
  /**
   * Rows of `meta` whose ids begin so, as this member has applied them; undefined while it has no
   * records open, or is active.
   */
  rows(prefix: Uint8Array, limit: number): readonly Row[] | undefined
  /** Addresses of all members, its own first. */
  addresses(): readonly string[]
  /** Where Locals reach this member once it is active. */
  setAddresses(addresses: readonly string[]): void
  /** Reads what the others say now, as far as the bucket answers soon. Never rejects. */
  freshen(): Promise<void>
  /** Ends what `stand` does, and closes journal and bucket. The store must be closed before. */
  close(): Promise<void>
}

/**
 * What the store of the active member is opened with, in place of an archive. `join` gives the
 * engine's journal: the store has none of its own.
 */
export interface Elected extends StoreArchive {
  readonly epoch: number

  /** May anything be answered at this moment (R012-10)? Asked where each answer is handed over. */
  mayServe(): boolean

  /** Resolves when `mayServe` is true; rejects once this member is fenced or closed. */
  serving(): Promise<void>

  /** Resolves after the acknowledgement of an append that begins from now on (R012-13). */
  confirmed(): Promise<void>

  /** Resolves once another member has begun an epoch: this one must end. Never rejects. */
  readonly lost: Promise<DstoreError>

  /** Called each time that answers have waited for `SET_SESSIONS_MS`: sessions are to be ended. */
  onSilent: (() => void) | undefined
}
