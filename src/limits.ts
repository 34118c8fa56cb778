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

/** A BLAKE3 digest or chaining value. */
export const DIGEST_BYTES: number = 32

/** The longest spelling of a key: its 36 bytes in base2, after the prefix (specs/001-key.md). */
export const KEY_TEXT_CHARACTERS: number = 1 + 36 * 8

/** The most that one call into the hash engine takes; also the largest chunk group. */
export const HASH_WINDOW_BYTES: number = 256 * KIB

/** A file from this size on is hashed by several threads; a smaller one is done before they have started. */
export const PARALLEL_HASH_BYTES: number = 64 * MIB

/** How many threads hash one file at most. */
export const HASH_THREADS: number = 8

/** How long an idle hashing thread is kept, in milliseconds. */
export const HASH_THREAD_IDLE_MS: number = 10_000

/** The bytes that one read, one write and one frame of bulk data carry at most. */
export const PIECE_BYTES: number = MIB

/** A segment of a cached value: cache memory is taken and given back in these. */
export const SEGMENT_BYTES: number = MIB
