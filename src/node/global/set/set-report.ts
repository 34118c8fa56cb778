/** What `status` tells of a set. Times are ISO 8601. */
import type { ErrorCode } from '../../../errors.ts'
import type { MemberState } from '../../../set/notes/member-note.ts'

export interface SetMemberReport {
  readonly id: string
  /** That of its machine, unless it was given another. */
  readonly name: string
  readonly version: string
  readonly state: MemberState
  /** When it came into that state, by its own clock; earlier versions do not say. */
  readonly since?: string
  /** The last entry of the journal that it has applied, when it said so. */
  readonly position: number
  /** Entries that the journal had and it had not read, when it said so; missing: not known. */
  readonly lag?: number
  /** Of the last entry that it knew. */
  readonly epoch?: number
  /** Where Locals reach it while it is active. */
  readonly addresses: readonly string[]
  /** When it said so, by its own clock. */
  readonly at: string
  /**
   * How long ago it said so, by the clocks of the member that was asked. Missing for that one, and
   * where it is of an earlier version.
   */
  readonly agoMs?: number
  /** Is it this one? */
  readonly isOwn: boolean
}

export interface SetReport {
  /** Of this member. */
  readonly state: MemberState
  /** Without user and password. */
  readonly engine: string
  /** `s3://BUCKET/PREFIX` */
  readonly bucket: string
  readonly epoch: number
  /** When this member read the first entry of that epoch; missing where it was there before. */
  readonly epochAt?: string
  /** The last entry of the journal, as this member last read it; missing before. */
  readonly end?: number
  /** How often this process became active, and how often its answers had to wait. */
  readonly takeOvers: number
  readonly pauses: number
  /** How long the engine has not answered this member. */
  readonly engineSilentMs: number
  /** This member first. */
  readonly members: readonly SetMemberReport[]
  /** Since the start, as the bucket bills them. */
  readonly requests: {
    /** PUT, POST and LIST. */
    readonly writes: number
    /** GET and HEAD. */
    readonly reads: number
    readonly deletes: number
    readonly failed: number
  }
  readonly snapshot?: { readonly position: number; readonly at: string }
  /** Why the bucket does not answer this member; missing while it does. */
  readonly bucketError?: string
  readonly bucketErrorCode?: ErrorCode
  readonly bucketErrorSince?: string
  /** The last fault of the engine. */
  readonly error?: string
  readonly errorCode?: ErrorCode
  readonly errorAt?: string
}
