/** Limits of archives in a bucket. */
import { KIB, MIB } from './sizes.ts'

// 011: archive

/** Bytes of entries that the bucket may lack before puts wait. */
export const ARCHIVE_LAG_BYTES: number = 64 * MIB
/** How long the bucket may lack an entry before puts wait. */
export const ARCHIVE_LAG_MS: number = 30_000
/** Entries in one object of the journal, unless one entry is larger. */
export const ARCHIVE_OBJECT_BYTES: number = 4 * MIB
/** Entries in one object of the journal. */
export const JOURNAL_OBJECT_ENTRIES = 16_384
/** How long an entry waits for others before it goes up, where puts do not wait for that. */
export const ARCHIVE_GATHER_MS: number = 1_000
/** Without an entry for this long, the node appends a heartbeat. */
export const ARCHIVE_HEARTBEAT_MS: number = 10_000
/** How long removals wait for the bucket. */
export const ARCHIVE_CONFIRM_MS: number = 10_000
/** Bytes of the journal from one snapshot to the next. */
export const ARCHIVE_SNAPSHOT_BYTES: number = 256 * MIB
/** Time from one snapshot to the next, if anything changed. */
export const ARCHIVE_SNAPSHOT_MS: number = 3_600_000
/** Objects of the journal that make a snapshot due after that time, if nothing else changed. */
export const ARCHIVE_SNAPSHOT_OBJECTS = 8_192
/** How long after a snapshot that failed the next one is tried; twice as long each time. */
export const ARCHIVE_SNAPSHOT_RETRY_MS: number = 60_000
/** Snapshots that are kept. */
export const ARCHIVE_SNAPSHOTS = 2
/** The description of a snapshot. */
export const ARCHIVE_DESCRIPTION_BYTES: number = 4 * KIB
/** Of an upload of unknown size. */
export const ARCHIVE_PART_BYTES: number = 8 * MIB
/** Parts of one upload under way. */
export const ARCHIVE_PARTS_AHEAD = 4
/** Time that a take-over waits beyond `ARCHIVE_LAG_MS`, unless the other said farewell. */
export const ARCHIVE_MARGIN_MS: number = 5_000
/** The most bytes of parts that all uploads of values hold in memory, unless one part has more. */
export const ARCHIVE_UPLOAD_BYTES: number = 64 * MIB
/** Requests that read values, at a time. */
export const ARCHIVE_READS = 16
/** Values that a first copy uploads at a time. */
export const ARCHIVE_COPIES = 4
/** Values that are fetched whole, to be kept on this disk, at a time. */
export const ARCHIVE_FETCHES = 4
/** The largest outboard that is fetched whole. Of a larger one, ranges are. */
export const ARCHIVE_OUTBOARD_BYTES: number = 64 * MIB
/** When a copy on this disk that was fetched again is damaged again, the object is. */
export const ARCHIVE_REFETCH_MS: number = 3_600_000
/** One request of a read of an object. */
export const ARCHIVE_READ_BYTES: number = MIB
/** Such requests that a reader has under way beyond the one it waits for. */
export const ARCHIVE_READS_AHEAD = 2
/** An object that is read without a range. */
export const ARCHIVE_WHOLE_BYTES: number = 64 * MIB
/** How long the bucket may neither take nor send anything before calls give up. */
export const ARCHIVE_SILENCE_MS: number = 10_000
/** The text of an answer of the bucket, such as a list of 1,000 keys. */
export const ARCHIVE_ANSWER_BYTES: number = 4 * MIB
/** Objects in a page of a list, and keys in one request to delete. */
export const ARCHIVE_PAGE_OBJECTS = 1_000
/** Time from one sweep of the bucket to the next. */
export const ARCHIVE_SWEEP_MS: number = 86_400_000
