/** Limits of archives in a bucket. */
import { MIB } from './sizes.ts'

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
/** Parts of one upload, as S3 allows. */
export const ARCHIVE_PARTS = 10_000
/** An upload of unknown size has larger parts from this number on. */
export const ARCHIVE_LARGE_PART_FROM = 1_000
/** The size of those parts. Less of them is under way at once. */
export const ARCHIVE_LARGE_PART_BYTES: number = 64 * MIB
/** One request of a read of an object. */
export const ARCHIVE_READ_BYTES: number = MIB
/** Such requests that a reader has under way beyond the one it waits for. */
export const ARCHIVE_READS_AHEAD = 2
/** An object that is read without a range. */
export const ARCHIVE_WHOLE_BYTES: number = 64 * MIB
/** The text of an answer of the bucket, such as a list of 1,000 keys. */
export const ARCHIVE_ANSWER_BYTES: number = 4 * MIB
/** Objects in a page of a list, and keys in one request to delete. */
export const ARCHIVE_PAGE_OBJECTS = 1_000
/** Time from one sweep of the bucket to the next. */
export const ARCHIVE_SWEEP_MS: number = 86_400_000
