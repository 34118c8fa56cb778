/** Limits of doors. */
import { KIB } from './sizes.ts'

// 010: doors

/** How long the replaced value of a build cache's name is kept, if nothing else holds it. */
export const CACHE_KEEP_MS: number = 60_000
/** The body of a PROPFIND, which is read and dropped. */
export const PROPFIND_BYTES: number = 64 * KIB
