/**
 * The rules by which a node follows its journal with the bucket's, each with a switch
 * (specs/011-archive.md). Only the simulation turns one off, to show that it finds the fault that
 * the rule prevents.
 */
export interface FollowingRules {
  /** A try without an answer, or that finds an object, is read back before anything is said. */
  readonly readsBack: boolean
  /** Only the same bytes are this node's own entry, not what has the same place. */
  readonly comparesBytes: boolean
  /** A node that found another's entry at its place has ended. */
  readonly endsWhenFenced: boolean
  /** An entry is acknowledged only if the bucket has one that was sent a short time ago. */
  readonly looksAtClock: boolean
  /** That time begins when the entry is sent, not when its answer comes. */
  readonly countsFromSending: boolean
  /** Nothing more is appended while the bucket lacks too much, or for too long. */
  readonly boundsLag: boolean
  /** Where that is asked for, an entry is acknowledged only when the bucket has it. */
  readonly waitsToAcknowledge: boolean
  /** An entry goes to the bucket only when the store's own journal has it. */
  readonly ownFirst: boolean
  /** The store's own journal keeps the entry at which the bucket's ends, and all later ones. */
  readonly holdsTrims: boolean
  /** At start both journals are compared, and nothing is replayed where they part. */
  readonly comparesAtStart: boolean
  /** A node that takes over begins an epoch, then waits until the other has stopped. */
  readonly waitsForOther: boolean
}

export const ALL_FOLLOWING_RULES: FollowingRules = {
  readsBack: true,
  comparesBytes: true,
  endsWhenFenced: true,
  looksAtClock: true,
  countsFromSending: true,
  boundsLag: true,
  waitsToAcknowledge: true,
  ownFirst: true,
  holdsTrims: true,
  comparesAtStart: true,
  waitsForOther: true,
}
