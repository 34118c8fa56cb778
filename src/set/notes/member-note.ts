/** What a member of a set says about itself. */

/**
 * `joining`: loads what it lacks. `standby`: follows. `beginning`: has begun an epoch, and opens
 * its store. `active`: answers. `paused`: was active, and waits for the engine to confirm that it
 * still is. `fenced`: another member has begun a later epoch.
 */
export const MEMBER_STATES = [
  'joining',
  'standby',
  'beginning',
  'active',
  'paused',
  'fenced',
] as const

export type MemberState = (typeof MEMBER_STATES)[number]

/** Does a member say that it is active, in this epoch or a later one? */
export const saysActive = (
  { state, epoch }: Pick<MemberNote, 'state' | 'epoch'>,
  now: number,
): boolean => (state === 'active' || state === 'paused') && (epoch ?? now) >= now

/** What a member says about itself to the others: an object `m/ID` in the bucket. */
export interface MemberNote {
  /** 16 hex digits; of the state directory. */
  readonly id: string
  /** Of the machine, by default. */
  readonly name: string
  readonly version: string
  readonly state: MemberState
  /** When it came into this state, by its own clock. Versions before this one do not say. */
  readonly since?: number
  /** The last entry that it has applied. */
  readonly position: number
  /** Entries that the journal had and it had not read; the last ones are read before applied. */
  readonly lag?: number
  /** Of the last entry that it knows: one that was active in an earlier epoch is so no more. */
  readonly epoch?: number
  /** Where Locals reach it while it is active, without the peer id. */
  readonly addresses: readonly string[]
  /** Positions of snapshots of others that agree with its records. */
  readonly verified?: readonly number[]
  /** Positions of snapshots of others that had other rows, and that it deleted. */
  readonly parted?: readonly number[]
  /** 16 hex digits, random, of the process. Versions before this one do not say. */
  readonly process?: string
  /** The process whose note this one found at its start, if that said one. */
  readonly before?: string
  /** Wall time of the note, by its own clock. */
  readonly at: number
}
