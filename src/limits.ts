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

/** The digits of a frame's length: a varint of at most this many bytes, so a frame is below 256 MiB. */
export const FRAME_LENGTH_BYTES: number = 4

/** Frames handed over but not yet taken by the channel, before `send` makes its caller wait. */
export const FRAME_QUEUE_BYTES: number = MIB

/** Frames that are sent together are joined into writes of about this size; larger ones go uncopied. */
export const FRAME_JOIN_BYTES: number = 64 * KIB

/** Bytes that arrived on one channel and wait for its reader, before the peer is held back. */
export const CHANNEL_BUFFER_BYTES: number = 256 * KIB

/**
 * The largest single write to a libp2p stream: sixteen whole Noise messages less a Yamux header. Every write is one
 * Yamux frame, and the receiver answers every frame with a window update: small writes cost half the speed.
 */
export const STREAM_WRITE_BYTES: number = 16 * 65_519 - 12

/**
 * What a peer may send on one stream before it was read: first (both ends must hold it to be the same), and at most.
 * A wider one is no faster on loopback, and every stalled stream may hold two; over 50 ms it carries 40 MiB/s.
 */
export const STREAM_FIRST_WINDOW_BYTES: number = 256 * KIB
export const STREAM_WINDOW_BYTES: number = 2 * MIB

/** What waits unread inside one stream before it is reset; a peer that keeps to its window never gets there. */
export const STREAM_BUFFER_BYTES: number = 2 * STREAM_WINDOW_BYTES

/** Streams of one protocol that a peer may have open on one connection, and streams of all protocols together. */
export const STREAMS_PER_PROTOCOL: number = 64
export const STREAMS_PER_CONNECTION: number = 256

/** Connections of a node in all, and those among them whose handshake is not over. */
export const CONNECTIONS: number = 2000
export const CONNECTIONS_PENDING: number = 256

/** New connections from one IP address in one second: many Locals may share one machine. */
export const CONNECTIONS_PER_HOST_PER_SECOND: number = 100

/** A dial with its handshake, a handshake that a peer began, the choice of a protocol on a stream, in milliseconds. */
export const DIAL_MS: number = 10_000
export const HANDSHAKE_MS: number = 5000
export const NEGOTIATION_MS: number = 5000

/** How often a connection is tried, and how long an answer may take at least, in milliseconds. */
export const PROBE_EVERY_MS: number = 15_000
export const PROBE_ANSWER_MS: number = 20_000

/** The wait before Global is dialled again: first, at most; and how long a connection must stand to begin anew. In ms. */
export const REDIAL_FIRST_MS: number = 200
export const REDIAL_LONGEST_MS: number = 10_000
export const REDIAL_STEADY_MS: number = 5000
