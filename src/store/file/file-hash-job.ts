/** Messages to and from the hashing threads. */

/**
 * A file to hash, and perhaps to copy. Several threads share a job by claiming pieces of
 * `PIECE_BYTES`; each leaves it after `pieces` of them, so that other jobs have their turn.
 */
export interface HashJob {
  /** Descriptor of the open file, read by position. */
  readonly fd: number
  /** Descriptor of the file that is written, by position; undefined if it is only hashed. */
  readonly to: number | undefined
  readonly size: number
  /** Pieces that a thread claims before it leaves the job. */
  readonly pieces: number
  readonly groupBytes: number
  /** Two 64-bit integers: `CLAIMS` and `STOP`. */
  readonly shared: SharedArrayBuffer
}

/** Index of the next unclaimed piece. */
export const CLAIMS: number = 0
/** Not 0: the job is stopped. */
export const STOP: number = 1
export const SHARED_BYTES: number = 16

/** A piece, hashed as a subtree. */
export interface HashedPiece {
  readonly kind: 'piece'
  readonly index: number
  readonly cv: Uint8Array
  readonly outboard: Uint8Array
}

/**
 * Any number of pieces, then one message on the end, after which the thread does nothing more.
 * `paused`: pieces may be left. `code` and `message` are those of the system.
 */
export type HashReport =
  | HashedPiece
  | { readonly kind: 'done' }
  | { readonly kind: 'paused' }
  | { readonly kind: 'shrank' }
  | {
      readonly kind: 'failed'
      readonly doing: 'read' | 'write'
      readonly code: string | undefined
      readonly message: string
    }
