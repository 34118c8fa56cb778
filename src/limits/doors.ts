/** Limits of doors. */
import { GIB, KIB, MIB } from './sizes.ts'

// 010: doors

/** How long the replaced value of a build cache's name is kept, if nothing else holds it. */
export const CACHE_KEEP_MS: number = 60_000

/** The head of an artifact of Turborepo: facts about it, in a line before its bytes. */
export const TURBO_HEAD_BYTES: number = 4096

/** One fact about an artifact of Turborepo, such as its signature. */
export const TURBO_FACT_BYTES: number = 640

/** Artifacts of Turborepo that one request asks about. */
export const TURBO_QUERY_HASHES: number = 512
/** The body of a PROPFIND, which is read and dropped. */
export const PROPFIND_BYTES: number = 64 * KIB

/** An output of this size is answered to the go command as a file of the daemon, if it has files. */
export const GOCACHE_HELD_BYTES: number = MIB

/** How many such files one go command holds; others are copied. */
export const GOCACHE_HELD_FILES: number = 64

/** What the folder of `gocache` takes at most, unless a flag says otherwise. */
export const GOCACHE_FOLDER_BYTES: number = 10 * GIB
