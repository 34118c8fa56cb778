/** Limits of transfers, over streams and lanes. */
import { PIECE_BYTES } from './conventions.ts'
import { KIB, MIB } from './sizes.ts'

// 003: transfer

/** A message of the transfer protocol, without the raw bytes that follow a piece. */
export const TRANSFER_MESSAGE_BYTES: number = 16 * KIB
/** Ranges that one fetch may request. */
export const FETCH_RANGES: number = 256
/** The run of bytes that one fetch requests. Callers of different ranges take turns at it. */
export const FETCH_RUN_BYTES: number = 64 * MIB
/** Bytes of a piece received without a pause that are worth verifying on another thread. */
export const PROOF_THREAD_BYTES: number = MIB / 2
/** Pieces of one transfer that have arrived and are not verified yet. */
export const PIECES_AHEAD: number = 8
/** How long a reader that waits for its memory to fill keeps waiting once nothing more arrives. */
export const FILL_PATIENCE_MS: number = 2
/** The smallest buffer sent without copying. Smaller ones are copied to leave with their header. */
export const DIRECT_BYTES: number = 64 * KIB
/** A segment of cache memory: the unit of allocation, into which one piece is received. */
export const SEGMENT_BYTES: number = PIECE_BYTES
/** Values in files that a Local's cache holds: each needs about a KiB of memory. */
export const CACHED_FILES: number = 32_768
/** Bytes of values that are received and not yet in a file of the cache. */
export const FILES_IN_FLIGHT_BYTES: number = 64 * MIB
/** Bytes of values in flight in a node: read and not sent, or received and not stored. */
export const IN_FLIGHT_BYTES: number = 64 * MIB
/** The share of `IN_FLIGHT_BYTES` for peers. */
export const PEERS_IN_FLIGHT_BYTES: number = 32 * MIB
/** Bytes read for one peer and not sent yet. */
export const PEER_IN_FLIGHT_BYTES: number = 8 * MIB
/** Memory of one read of a stored value: a piece verified, a piece sent, and the next. */
export const READ_SHARE_BYTES: number = 3 * MIB
/** Bytes a transfer moves before it yields its share to waiting ones. Each restart costs time. */
export const SHARE_KEPT_BYTES: number = 16 * MIB
/** How long a peer may take to accept one piece while another peer waits with nothing in flight. */
export const CROWDED_PATIENCE_MS: number = 5000
/** Bytes that a peer may send on a stream before any is read; more only of what was asked for. */
export const STREAM_UNASKED_BYTES: number = 256 * KIB
/** Bytes that were asked for, and that a peer may send on a stream before any is read. */
export const STREAM_WINDOW_BYTES: number = 16 * MIB
/** What all streams of a node together may receive beyond `STREAM_UNASKED_BYTES` each. */
export const WINDOWS_BYTES: number = 64 * MIB
/** The share of `WINDOWS_BYTES` for one peer. */
export const PEER_WINDOWS_BYTES: number = WINDOWS_BYTES / 2
/** What a member may send ahead on its index stream, where the node has room. */
export const SESSION_WINDOW_BYTES: number = 2 * MIB
/** The share of `WINDOWS_BYTES` for the index streams of members. */
export const SESSION_WINDOWS_BYTES: number = WINDOWS_BYTES / 4
/** Unread bytes that were not asked for, on all streams of a connection together. */
export const CONNECTION_UNASKED_BYTES: number = 2 * MIB
/** The longest frame of a stream. It arrives whole before its bytes can be read. */
export const STREAM_FRAME_BYTES: number = 2 * MIB
/** Transfer channels to one peer that stay open while idle. */
export const IDLE_TRANSFER_CHANNELS: number = 4
/** How long a call waits for a peer without progress before it fails with `timeout`. */
export const CALL_TIMEOUT_MS: number = 30_000
/**
 * How long a broken transfer waits for Global to return before it fails with `unreachable`. Global
 * needs about as long to restart and to be dialed.
 */
export const BROKEN_TRANSFER_MS: number = 15_000
/** How long a transfer channel stays open after a failure was sent on it. */
export const FAREWELL_MS: number = 1000
/** The most bytes of all uploads of a Local that Global has not acknowledged. */
export const UPLOAD_WINDOW_BYTES: number = 32 * MIB
/** The id of an upload whose key is not known yet. */
export const UPLOAD_ID_BYTES: number = 16
/** The smallest upload worth resuming. */
export const RESUMABLE_BYTES: number = MIB
/** Seconds that Global may take to re-read a kept GiB of an upload before it resumes. */
export const RESUME_SECONDS_PER_GIB: number = 20
/** The last bytes sent to a peer that are verified again on disk when its transfer breaks. */
export const RECHECK_BYTES: number = 16 * MIB
/** The smallest part of a value that a source is asked for. */
export const PART_BYTES: number = MIB
/** The largest part of a value that a source is asked for. */
export const MOST_PART_BYTES: number = 16 * MIB
/** Parts of one value, until parts reach their largest size. */
export const PARTS: number = 1024
/** Parts left of a run when the next run is requested, so that no gap opens between the two. */
export const PARTS_AHEAD: number = 32
/** Runs requested from one source at a time: one arrives while the next is requested. */
export const SOURCE_TASKS: number = 2
/** How long a source may deliver nothing before its parts are reassigned. */
export const SOURCE_STALL_MS: number = 4000
/** How long a Local waits for other Locals to fetch their parts before it asks Global itself. */
export const SOURCE_PATIENCE_MS: number = 300
/** The interval at which a holder with nothing to give is asked what it holds by now. */
export const ASK_EVERY_MS: number = 100
/** Locals from which one value is fetched at a time. */
export const SOURCES: number = 8
/** The smallest value fetched from other Locals too. Below, finding them takes longer. */
export const SWARM_BYTES: number = 2 * MIB
/** The longest interval at which a Local that fetches a value asks Global who else holds it. */
export const SWARM_EVERY_MS: number = 1000
/** Holders that one answer names. */
export const HOLDERS: number = 64
/** Values of one Local that Global lists it as a holder of. */
export const HOLDINGS_PER_LOCAL: number = 1024
/** How long Global lists a Local as a holder. The Local announces itself again before. */
export const HOLDING_MS: number = 600_000
/** How long a Local avoids a peer that it could not reach, or whose transfer broke. */
export const SHUN_MS: number = 10_000
/** Addresses of other Locals that a Local remembers. */
export const KNOWN_ADDRESSES: number = 1024
/** A multiaddr or a peer id in a transfer message. */
export const ADDRESS_CHARS: number = 200

// 003-lane: transfer over lanes

/** How long the key of a lane is valid before its first use. */
export const LANE_KEY_MS: number = 10_000
/** Unused lane keys issued to one peer. */
export const LANE_KEYS_PER_PEER: number = 16
/** Lanes open from one peer. */
export const LANES_PER_PEER: number = 32
/** Lanes that a node accepts in all. */
export const LANES: number = 2000
/** Connections to the lane port whose handshake is not finished. */
export const LANES_PENDING: number = 128
/** The handshake of a lane, from the socket's connection on. */
export const LANE_HANDSHAKE_MS: number = 5000
/** A record on a lane. A longer write is cut into several. */
export const LANE_RECORD_BYTES: number = 2 * MIB
/** How long a peer that gave no lane is not asked again. Doubles with each further failure. */
export const LANE_RETRY_MS: number = 60_000
/** The longest that a peer that gave no lane is not asked again: an hour. */
export const LANE_RETRY_MOST_MS: number = 3_600_000
