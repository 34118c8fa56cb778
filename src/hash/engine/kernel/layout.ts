/** Offsets in the kernel's memory, in bytes. */
import { CHUNK_BYTES, DIGEST_BYTES, HASH_WINDOW_BYTES } from '../../../limits.ts'

/** One result, or the pair that it is made of. */
export const PAIR: number = 0

/**
 * The chaining values of a window, joined in place. Idle lanes of `four` read and write past them.
 */
export const VALUES: number = 0x1000
const VALUES_BYTES = (HASH_WINDOW_BYTES / CHUNK_BYTES) * DIGEST_BYTES

/** The window: the input. Idle lanes of `four` read up to 3 chunks past it. */
export const WINDOW: number = VALUES + VALUES_BYTES + 0x1000

export const MEMORY_PAGES: number = Math.ceil((WINDOW + HASH_WINDOW_BYTES + 0x1000) / 0x1_0000)
