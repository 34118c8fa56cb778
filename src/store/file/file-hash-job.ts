/** What the hashing threads are told, and what they say. */

/** A file to hash. Several threads get the same order, and share the work by claiming pieces of `PIECE_BYTES`. */
export interface HashJob {
  /** An open file of this process, read by position. */
  readonly fd: number
  readonly size: number
  readonly groupBytes: number
  /** Two 64-bit integers: `CLAIMS` and `STOP`. */
  readonly shared: SharedArrayBuffer
}

/** Index of the next piece that nobody has claimed. */
export const CLAIMS: number = 0
/** Not 0: the order is called off. */
export const STOP: number = 1
export const SHARED_BYTES: number = 16

/** A piece, hashed as a subtree. */
export interface HashedPiece {
  readonly kind: 'piece'
  readonly index: number
  readonly cv: Uint8Array
  readonly outboard: Uint8Array
}

/** Any number of pieces, then one word on how it ended. After that the thread touches the file no more. */
export type HashReport =
  | HashedPiece
  | { readonly kind: 'done' }
  | { readonly kind: 'shrank' }
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly message: string }
