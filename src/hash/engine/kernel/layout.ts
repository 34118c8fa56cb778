/** Where things are in the kernel's memory, in bytes. */
import { CHUNK_BYTES, DIGEST_BYTES, HASH_WINDOW_BYTES } from '../../../limits.ts'

/** One result, or a pair of which one is made. */
export const PAIR: number = 0

/** The chaining values of a window, worked up in place. Idle lanes of `four` read and write behind them. */
export const VALUES: number = 0x1000
const VALUES_BYTES = (HASH_WINDOW_BYTES / CHUNK_BYTES) * DIGEST_BYTES

/** The window: what is hashed. Idle lanes of `four` read up to 3 chunks behind it. */
export const WINDOW: number = VALUES + VALUES_BYTES + 0x1000

export const MEMORY_PAGES: number = Math.ceil((WINDOW + HASH_WINDOW_BYTES + 0x1000) / 0x1_0000)
