/** Limits of journals. */
import { KIB, MIB } from './sizes.ts'

// 009: journal

/** One entry of a journal, its head included. */
export const JOURNAL_ENTRY_BYTES: number = 32 * MIB
/** Changes of one entry. */
export const JOURNAL_CHANGES: number = 16_384
/** Conditions, writes, increments and locations of all changes of one entry together. */
export const JOURNAL_PARTS: number = 262_144
/** The largest epoch: a location has four bytes for it. */
export const JOURNAL_EPOCHS: number = 4_294_967_295
/** Entries that a follower is given at a time, beyond the first. */
export const JOURNAL_BATCH_BYTES: number = MIB
/** A segment of the journal in files, unless one entry needs more; the first ones are smaller. */
export const JOURNAL_SEGMENT_BYTES: number = 16 * MIB
/** The first segment of a journal in files. Each that is filled makes the next twice as large. */
export const JOURNAL_FIRST_SEGMENT_BYTES: number = 256 * KIB
/** What one write to a segment begins and ends on, so that none touches an earlier entry. */
export const JOURNAL_BLOCK_BYTES: number = 4 * KIB
/** An entry in a message of NATS. A larger one is an object of the bucket. */
export const JOURNAL_INLINE_BYTES: number = 512 * KIB
/** How long the bucket may take for such an object: less than the lease of a set lasts. */
export const JOURNAL_OBJECT_MS = 1_500
/** Transactions that are committed in one call, unless one alone has more: they fit a message. */
export const COMMIT_BYTES: number = JOURNAL_INLINE_BYTES - 4 * KIB
