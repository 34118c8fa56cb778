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

/** The bytes that one read, one write and one frame of bulk data carry at most. */
export const PIECE_BYTES: number = MIB

/** A segment of a cached value: cache memory is taken and given back in these. */
export const SEGMENT_BYTES: number = MIB

/** The longest id of a record. */
export const RECORD_ID_BYTES: number = KIB

/** The largest record, and the largest entry of the log. */
export const RECORD_VALUE_BYTES: number = MIB

/** The largest value, outboard included, that the disk store keeps among its records and not in a file. */
export const SMALL_VALUE_BYTES: number = 16 * KIB

/** Transactions that the disk store commits with one sync. */
export const COMMIT_JOBS: number = 1024

/** What transactions that share a sync may write together; a larger one goes alone. */
export const COMMIT_BYTES: number = 16 * MIB

/** Free space that the disk store leaves on its filesystem: removals need some of it. */
export const DISK_RESERVE_BYTES: number = 16 * MIB

/** Entries of the log that one transaction forgets. */
export const TRIM_ENTRIES: number = 4096

/** Files whose length is asked for at the same time when the disk store opens. */
export const OPENING_STATS: number = 64

/** A message of the index protocol: a batch of inline values and a little around them. */
export const INDEX_MESSAGE_BYTES: number = MIB

/** Keys, values or facts that one index message may carry. */
export const BATCH_ITEMS: number = 1024

/** A message of the transfer protocol, without the raw bytes that follow a piece. */
export const TRANSFER_MESSAGE_BYTES: number = 16 * KIB

/** Ranges that one fetch may ask for. */
export const FETCH_RANGES: number = 256

/** A line for a person (a reason, a hint) that comes from a peer. */
export const TEXT_CHARS: number = 1024

/** Holders that one fact may name. */
export const HOLDERS: number = 64

/** Requests that one Local may have unanswered at Global. */
export const REQUESTS_IN_FLIGHT: number = 4096

/** How long a stream may be idle before a ping is sent on it. */
export const PING_INTERVAL_MS: number = 1000

/** Global lets go of a Local that has been silent for so long, and a Local of its Global. */
export const SILENCE_MS: number = 10_000

/** How long a request waits for a broken link to be dialled anew before it fails with `unreachable`. */
export const REDIAL_PATIENCE_MS: number = 2000

/** Time without progress after which a call that waits for a peer fails with `timeout`. */
export const CALL_TIMEOUT_MS: number = 30_000

/** The digits of a frame's length: a varint of at most this many bytes, so a frame is below 256 MiB. */
export const FRAME_LENGTH_BYTES: number = 4

/** Frames handed over but not yet taken by the channel, before `send` makes its caller wait. */
export const FRAME_QUEUE_BYTES: number = MIB

/** Frames that are sent together are joined into writes of about this size; larger ones go uncopied. */
export const FRAME_JOIN_BYTES: number = 64 * KIB

/** Bytes that arrived on one channel and wait for its reader, before the peer is held back. */
export const CHANNEL_BUFFER_BYTES: number = 256 * KIB
