/** What the rest of dstore asks of a BLAKE3 implementation (specs/002-verified-values.md). */

/** A value being hashed as its bytes pass. Memory does not grow with the value but for the outboard. */
export interface Hasher {
  /** Take the next bytes. They are not kept: the caller may reuse the array. */
  update(bytes: Uint8Array): void
  /** The digest and tree of everything taken. Ends the hasher. */
  finish(): Hashed
}

/** What hashing a value gives: its digest and, for a value of more than one chunk group, its tree. */
export interface Hashed {
  /** BLAKE3 of the whole value, 32 bytes. */
  readonly digest: Uint8Array
  /** Length of the value in bytes. */
  readonly size: number
  /** Inner nodes in pre-order, 64 bytes each; empty for a value of one group (specs/002). */
  readonly outboard: Uint8Array
}
