/** Limits of doors. */

// 010: doors

/** How long the replaced value of a build cache's name is kept, if nothing else holds it. */
export const CACHE_KEEP_MS: number = 60_000

/** The longest text of a CID at a gateway: a digest of 128 bytes in base2. */
export const CID_CHARACTERS: number = 1 + 8 * (2 + 1 + 2 + 128)
/** The most bytes that a CID of the hash function identity carries. */
export const IDENTITY_BYTES: number = 128
/** The longest file name that a request gives a block, in characters. */
export const FILENAME_CHARACTERS: number = 255
/** How long an immutable block may be cached, in seconds: 336 days. */
export const BLOCK_AGE_S: number = 29_030_400
/** When a client of a gateway that cannot answer should try again, in seconds. */
export const RETRY_AFTER_S: number = 5
