/** Limits of frames, keys and verified values. */
import { KIB, MIB } from './sizes.ts'

// 000: conventions

/** Varint bytes of a frame's length, at most: a frame is smaller than 256 MiB. */
export const FRAME_LENGTH_BYTES: number = 4
/** Frames queued on a channel before `send` makes its caller wait. */
export const FRAME_QUEUE_BYTES: number = MIB
/** Bytes received on one channel and not read yet, before the channel holds the peer back. */
export const CHANNEL_BUFFER_BYTES: number = 256 * KIB
/** A line from a peer that a person will read: a reason or a hint. */
export const TEXT_CHARS: number = 1024

// 001: key

/** A BLAKE3 digest or chaining value. */
export const DIGEST_BYTES: number = 32
/** The longest spelling of a key: the prefix, then 36 bytes in base2. */
export const KEY_TEXT_CHARACTERS: number = 1 + 36 * 8

// 002: verified values

/** A chunk: one leaf of the BLAKE3 tree. */
export const CHUNK_BYTES: number = 1024
/** A chunk group, hashed as one subtree: the unit of proof, of transfer and of partial storage. */
export const GROUP_BYTES: number = 16 * KIB
/** The largest value: the largest integer that a JavaScript number holds exactly. */
export const VALUE_BYTES: number = Number.MAX_SAFE_INTEGER
/** One read, one write or one frame of bulk data. */
export const PIECE_BYTES: number = MIB
/** The proof of one piece: the tree's pairs above its groups, and the length of the value. */
export const PROOF_BYTES: number = 8 * KIB
/** Input of one call to the hash engine, which is also the largest chunk group. */
export const HASH_WINDOW_BYTES: number = 256 * KIB
/** One read and one write of a thread that copies a file. The kernel compacts memory for larger. */
export const COPY_WINDOW_BYTES: number = 128 * KIB
/** The smallest file that threads copy into the store. */
export const PARALLEL_COPY_BYTES: number = 8 * MIB
/** Bytes that threads write before a sync of them begins beside the rest. */
export const EARLY_SYNC_BYTES: number = 64 * MIB
/** The smallest file that several threads hash. A smaller one is done before threads start. */
export const PARALLEL_HASH_BYTES: number = 64 * MIB
/** Threads that hash one file. */
export const HASH_THREADS: number = 8
/** How long an idle thread that hashes or verifies is kept for the next job. */
export const HASH_THREAD_IDLE_MS: number = 10_000
