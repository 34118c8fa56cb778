/**
 * Every bound that a spec states, and those that several folders share. They stand under the
 * document that they belong to, in its order; `npm run tables` copies them into
 * `specs/000-conventions.md`. The last word of a name is its unit: `_BYTES`, `_MS` (milliseconds),
 * or the things it counts. A constant that only one file uses, and no spec names, stands in that
 * file.
 */

export const KIB: number = 1024
export const MIB: number = 1024 * KIB
export const GIB: number = 1024 * MIB

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
/** The smallest file that several threads hash. A smaller one is done before threads start. */
export const PARALLEL_HASH_BYTES: number = 64 * MIB
/** Threads that hash one file. */
export const HASH_THREADS: number = 8
/** How long an idle thread that hashes or verifies is kept for the next job. */
export const HASH_THREAD_IDLE_MS: number = 10_000

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

// 004: index

/** A message of the index protocol: a batch of inline values and their envelope. */
export const INDEX_MESSAGE_BYTES: number = MIB
/** Keys, values or facts in one index message. */
export const BATCH_ITEMS: number = 1024
/** The largest value inside an index message: one chunk group, which needs no tree. */
export const INLINE_VALUE_BYTES: number = GROUP_BYTES
/** Inline values in one answer to a locate, together. */
export const INLINE_ANSWER_BYTES: number = 512 * KIB
/** Lookups of one key, or puts of a small value, that one message joins: their values all fit. */
export const JOINED_REQUESTS: number = INLINE_ANSWER_BYTES / INLINE_VALUE_BYTES
/** Unanswered requests of one Local at Global. */
export const REQUESTS_IN_FLIGHT: number = 4096
/** Memory at Global for one Local's unanswered requests and unread answers. */
export const INDEX_UNTAKEN_BYTES: number = 4 * MIB
/** How long a stream is idle before a ping is sent on it. */
export const PING_INTERVAL_MS: number = 1000
/** How long the other side may be silent before Global or a Local closes the session. */
export const SILENCE_MS: number = 10_000
/** The interval at which libp2p and TCP check that a connection is alive. */
export const PROBE_EVERY_MS: number = 15_000
/** The delay before a Local's first attempt to dial Global again. Later ones back off. */
export const REDIAL_FIRST_MS: number = 200
/** How long a request waits for a broken link to be restored before it fails with `unreachable`. */
export const REDIAL_PATIENCE_MS: number = 2000
/** The interval at which a Local begins to dial one address of its Global after another. */
export const RACE_MS: number = 250
/** How long a hello waits for a welcome where another address is left to try. */
export const WELCOME_MS: number = 3000
/** Dials of a Local to its Global in progress. Below CONNECTIONS_PER_PEER. */
export const RACED_DIALS: number = 6
/** How long a Local trusts what it holds without hearing from Global. Below REMOVAL_TIMEOUT_MS. */
export const DOUBT_MS: number = 3000
/** How long a removal waits for acknowledgements by default, without leases. */
export const REMOVAL_TIMEOUT_MS: number = 5000
/** The shortest lease that Global grants. An idle Local renews it several times before its end. */
export const LEAST_LEASE_MS: number = 3000
/** The longest lease that Global grants. A removal may have to wait for its end. */
export const LONGEST_LEASE_MS: number = 7 * 86_400_000
/** What Global adds to a lease, as a share of it, because clocks differ in speed. */
export const LEASE_MARGIN_PERCENT: number = 1
/** What Global adds to a lease for the time between answering and sending. */
export const LEASE_MARGIN_MS: number = 1000
/** How long a Local may be disconnected before Global forgets it and it revalidates everything. */
export const FORGET_AFTER_MS: number = 86_400_000
/** Locals in Global's register, connected or not. */
export const REGISTERED_LOCALS: number = 4096
/** A name, in bytes of UTF-8. */
export const NAME_BYTES: number = 512
/** Names bound to one key. Together they fit into its record. */
export const NAMES_PER_KEY: number = 512
/** Removals and names in one message of the feed. */
export const FEED_BYTES: number = 512 * KIB
/** Changes that the log retains. */
export const LOG_CHANGES: number = 1_000_000
/** The age of the oldest change that the log retains: 7 days. */
export const LOG_AGE_MS: number = 7 * 86_400_000
/** How long wall time agrees with elapsed time before anything is deleted by it: 10 minutes. */
export const WALL_SETTLED_MS: number = 600_000
/** How far wall time may be off the newest time that was trusted: a day. */
export const WALL_LEAP_MS: number = 86_400_000
/** How long one request for changes waits for the next change. */
export const WATCH_WAIT_MS: number = 20_000

// 005: storage

/** The id of a record. */
export const RECORD_ID_BYTES: number = KIB
/** A record, or an entry of the log. */
export const RECORD_VALUE_BYTES: number = MIB
/** The largest value, outboard included, that the disk store keeps in its database. */
export const SMALL_VALUE_BYTES: number = 16 * KIB
/** The pace of a verification of the whole store. It leaves disk and processor to others. */
export const VERIFY_BYTES_PER_SECOND: number = 256 * MIB
/** Interrupted uploads kept for resumption, and suspended streams. The oldest go first. */
export const UNFINISHED_BYTES: number = 64 * GIB
/** How long an interrupted upload is kept for resumption: a day. */
export const UNFINISHED_MS: number = 86_400_000

// 006: membership

/** A node's public key, of the kind Ed25519. */
export const PUBLIC_KEY_BYTES: number = 32
/** A peer id in a message. */
export const PEER_ID_CHARS: number = 128
/** The secret of a ticket. */
export const TICKET_SECRET_BYTES: number = 32
/** Addresses of Global in one ticket. */
export const TICKET_ADDRESSES: number = 8
/** IP addresses of one host name that a Local dials. */
export const HOST_ADDRESSES: number = 8
/** An address in a ticket. */
export const TICKET_ADDRESS_CHARS: number = 200
/** A ticket as text. */
export const TICKET_CHARS: number = 4096
/** Peers that one ticket admits. */
export const TICKET_USES: number = 1000
/** The shortest validity of a ticket. */
export const LEAST_TICKET_MS: number = 1000
/** The default validity of a ticket: a day. */
export const TICKET_MS: number = 86_400_000
/** The longest validity of a ticket: 30 days. */
export const LONGEST_TICKET_MS: number = 30 * 86_400_000
/** How long Global remembers an expired ticket, so that its bearer learns why: 7 days. */
export const TICKET_KEPT_MS: number = 7 * 86_400_000
/** Tickets that Global remembers. */
export const TICKETS: number = 1024
/** Members of a Global, and the expelled ones that its log still lists. */
export const MEMBERS: number = 4096
/** Connections of a node in all. */
export const CONNECTIONS: number = 2000
/** Connections of one peer. Beyond, the oldest is closed. */
export const CONNECTIONS_PER_PEER: number = 8
/** Connections whose handshake is not finished. */
export const CONNECTIONS_PENDING: number = 256
/** Such connections from one IPv4 address or one IPv6 /64 network. */
export const CONNECTIONS_PENDING_PER_HOST: number = 64
/** New connections from one IP address per second. Many Locals may share one machine. */
export const CONNECTIONS_PER_HOST_PER_SECOND: number = 100
/** The handshake of an incoming connection. */
export const HANDSHAKE_MS: number = 5000
/** Streams of one protocol that a peer has open on one connection. */
export const STREAMS_PER_PROTOCOL: number = 64
/** Streams that a peer has open on one connection, over all protocols. */
export const STREAMS_PER_CONNECTION: number = 256
/** Connections of strangers (peers that are not members yet) in all. */
export const STRANGERS: number = 64
/** Connections of strangers from one IPv4 address or one IPv6 /64 network. */
export const STRANGERS_PER_HOST: number = 16
/** How long a stranger may stay connected. */
export const ADMISSION_MS: number = 5000
/** The first message of an index stream. A larger one is refused before admission. */
export const HELLO_BYTES: number = 8 * KIB
/** The window in which failed admissions are counted. */
export const ADMISSION_WINDOW_MS: number = 60_000
/** Failed admissions from one host in a window before its strangers are refused unheard. */
export const FAILED_ADMISSIONS_PER_HOST: number = 60
/** Failed admissions from all hosts in a window before every stranger is refused unheard. */
export const FAILED_ADMISSIONS: number = 600
/** Hosts whose failed admissions are counted. */
export const ADMISSION_HOSTS: number = 1024
/** The interval at which the same refusal of the same peer is logged. */
export const REFUSAL_TOLD_MS: number = 60_000
/** Refusals whose last log entry is remembered. */
export const REFUSALS_TOLD: number = 1024
/** The interval at which a Local dials a Global that refused it. Only a person can change that. */
export const REFUSED_REDIAL_MS: number = 15_000

// 007: daemon and command line

/** The path of a Unix socket. Every system accepts this length. */
export const SOCKET_PATH_BYTES: number = 100
/** The configuration file of a state directory. */
export const CONFIG_FILE_BYTES: number = 64 * KIB
/** A daemon's log file before it is rotated. */
export const LOG_FILE_BYTES: number = 8 * MIB
/** How long a daemon started in the background may take until it serves. */
export const START_MS: number = 30_000
/** How long a stopping daemon waits for calls in progress. */
export const SHUTDOWN_MS: number = 5_000
/** The interval at which an idle daemon checks that its state directory is still in place. */
export const STATE_CHECK_MS: number = 2000
/** Connections to the daemon's socket, and as many over TCP. */
export const HTTP_CONNECTIONS: number = 512
/** Calls of one client that wait for a response at a time. */
export const CLIENT_CALLS: number = 64
/** Values, listings, uploads and other long calls of one client at a time. */
export const CLIENT_STREAMS: number = 128
/** The header lines of one HTTP request, together. */
export const HTTP_HEADER_BYTES: number = 16 * KIB
/** A JSON body of a request. */
export const HTTP_JSON_BYTES: number = 64 * KIB
/** How long the headers, or a JSON body, may take to arrive. */
export const HTTP_REQUEST_MS: number = 30_000
/** A JSON document or line of an answer. A status that lists every Local fits. */
export const HTTP_ANSWER_BYTES: number = 2 * MIB
/** The values of one batch, together. */
export const HTTP_BATCH_BYTES: number = MIB
/** All batches on their way to the daemon or into the store. */
export const HTTP_BATCHES_BYTES: number = 4 * MIB
/** The share of `IN_FLIGHT_BYTES` for callers on the node's machine. Batches have their own. */
export const CALLERS_IN_FLIGHT_BYTES: number =
  IN_FLIGHT_BYTES - PEERS_IN_FLIGHT_BYTES - HTTP_BATCHES_BYTES

/** The interval at which a call that waits for peers or changes signals that it is alive. */
export const HTTP_BEAT_MS: number = 2000
/** How long a connection to the daemon may be idle between requests. */
export const HTTP_IDLE_MS: number = 60_000
/** How long a TCP connection with a call in progress may be silent in both directions. */
export const HTTP_SILENCE_MS: number = 120_000
/** Random bytes of a generated API token, which is written in hexadecimal. */
export const HTTP_TOKEN_BYTES: number = 32
/** The interval at which refused TCP requests are logged. */
export const HTTP_REFUSALS_LOG_MS: number = 60_000
/** The shortest interval between progress events of one call. */
export const PROGRESS_MS: number = 100
/** The longest time-out that a caller may set: a day. */
export const LONGEST_TIMEOUT_MS: number = 86_400_000
/** A file of names in an archive, and the names that an import holds until their values arrive. */
export const ARCHIVE_NAMES_BYTES: number = 16 * MIB
/** The part of an archive that shares a file of names: a cut loses the names of no more. */
export const ARCHIVE_NAMES_EVERY_BYTES: number = 128 * KIB
/** A statement at the prompt, with its value, in UTF-16 code units. */
export const STATEMENT_CHARS: number = MIB
