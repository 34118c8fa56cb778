/** The records that a member keeps, as it opens, loads and discards them. */
import type { Follower } from '../store/disk/follower/follower.ts'

export interface ReplicaPlace {
  /** Opens what is there, or an empty one. */
  open(): Promise<Follower>
  /** Discards what is there, and loads the newest snapshot of the bucket. */
  load(signal: AbortSignal): Promise<void>
  /** Where copies of the records are while they are uploaded. */
  readonly workDirectory: string
}
