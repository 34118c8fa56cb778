/** Every bound, in one place, named with its unit (specs/000-conventions.md, "Limits"). */

export const KIB: number = 1024
export const MIB: number = 1024 * KIB
export const GIB: number = 1024 * MIB

/** A leaf of the BLAKE3 tree. */
export const CHUNK_BYTES: number = 1024

/** A run of chunks that is hashed as one subtree: the unit of proof, of transfer and of what is kept. */
export const GROUP_BYTES: number = 16 * KIB

/** The largest value that travels inside an index message: one chunk group, which needs no tree. */
export const INLINE_VALUE_BYTES: number = GROUP_BYTES

/** The largest value that can be named: what a tree of 2^53 bytes can count without losing a digit. */
export const VALUE_BYTES: number = Number.MAX_SAFE_INTEGER

/** The bytes that one read, one write and one frame of bulk data carry at most. */
export const PIECE_BYTES: number = MIB

/** A segment of a cached value: cache memory is taken and given back in these. */
export const SEGMENT_BYTES: number = MIB

/** The longest id of a record. */
export const RECORD_ID_BYTES: number = KIB

/** The largest record, and the largest entry of the log. */
export const RECORD_VALUE_BYTES: number = MIB
