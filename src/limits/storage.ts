/** Limits of stores and of files. */
import { GIB, KIB, MIB } from './sizes.ts'

// 005: storage

/** The id of a record. */
export const RECORD_ID_BYTES: number = KIB
/** A record, or an entry of the log. */
export const RECORD_VALUE_BYTES: number = MIB
/** The largest value, outboard included, that the disk store keeps in its database. */
export const SMALL_VALUE_BYTES: number = 16 * KIB
/** Buffers of values being written, beyond one for each: all of the process. */
export const WRITE_AHEAD_BYTES: number = 16 * MIB
/** The pace of a verification of the whole store. It leaves disk and processor to others. */
export const VERIFY_BYTES_PER_SECOND: number = 256 * MIB
/** Copies that a node hands out in place of files of its store, at a time. */
export const PATH_COPIES_BYTES: number = 16 * GIB
/** Interrupted uploads kept for resumption, and suspended streams. The oldest go first. */
export const UNFINISHED_BYTES: number = 64 * GIB
/** How long an interrupted upload is kept for resumption: a day. */
export const UNFINISHED_MS: number = 86_400_000
/** Changes in memory that the database does not have yet. The last eighth is for what frees. */
export const OVERLAY_BYTES: number = 16 * MIB
/** Changes that are written into the database in one transaction, unless one entry has more. */
export const OVERLAY_GENERATION_BYTES: number = MIB
/** How long changes wait for others before they are written into the database. */
export const OVERLAY_FLUSH_MS = 100
