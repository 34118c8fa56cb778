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

/** A BLAKE3 digest or chaining value. */
export const DIGEST_BYTES: number = 32

/** The longest spelling of a key: its 36 bytes in base2, after the prefix (specs/001-key.md). */
export const KEY_TEXT_CHARACTERS: number = 1 + 36 * 8

/** The most that one call into the hash engine takes; also the largest chunk group. */
export const HASH_WINDOW_BYTES: number = 256 * KIB

/** A file from this size on is hashed by several threads; a smaller one is done before they have started. */
export const PARALLEL_HASH_BYTES: number = 64 * MIB

/** A piece of so many bytes, come without a pause, is proved by another thread. */
export const PROOF_THREAD_BYTES: number = MIB / 2

/** Pieces of one transfer that have come and are not proved yet, at most. */
export const PIECES_AHEAD: number = 8

/** How many threads hash one file at most. */
export const HASH_THREADS: number = 8

/** How long an idle thread that hashes or proves is kept, in milliseconds. */
export const HASH_THREAD_IDLE_MS: number = 10_000

/** The bytes that one read, one write and one frame of bulk data carry at most. */
export const PIECE_BYTES: number = MIB

/** What proves one piece: the pairs above its groups, and the length of the value. */
export const PROOF_BYTES: number = 8 * KIB

/** A segment of a cached value: cache memory is taken and given back in these, and a piece lands in one. */
export const SEGMENT_BYTES: number = PIECE_BYTES
/** The longest id of a record. */
export const RECORD_ID_BYTES: number = KIB

/** The largest record, and the largest entry of the log. */
export const RECORD_VALUE_BYTES: number = MIB

/** The largest value, outboard included, that the disk store keeps among its records and not in a file. */
export const SMALL_VALUE_BYTES: number = 16 * KIB
/** How much of what a peer was given last is looked at again after its transfer broke off. */
export const RECHECK_BYTES: number = 16 * MIB

/** What a verification of everything reads in a second. */
export const VERIFY_BYTES_PER_SECOND: number = 256 * MIB

/** Unfinished values that wait to be gone on with, all together; the oldest are let go of first. */
export const UNFINISHED_BYTES: number = 64 * GIB

/** How long an unfinished value waits, in milliseconds: a day. */
export const UNFINISHED_MS: number = 86_400_000

/** How long Global may take to read what it kept of a value, before it goes on with it. */
export const RESUME_SECONDS_PER_GIB: number = 20

/** A value below this size is not worth being gone on with. */
export const RESUMABLE_BYTES: number = MIB
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

/** What the requests of one Local whose answers it has not taken, and those answers, take of memory at Global. */
export const INDEX_UNTAKEN_BYTES: number = 4 * MIB

/** How long a stream may be idle before a ping is sent on it. */
export const PING_INTERVAL_MS: number = 1000

/** Global lets go of a Local that has been silent for so long, and a Local of its Global. */
export const SILENCE_MS: number = 10_000

/** How long a request waits for a broken link to be dialled anew before it fails with `unreachable`. */
export const REDIAL_PATIENCE_MS: number = 2000

/**
 * How long a transfer that broke off waits for Global to be back before it fails with `unreachable`: as long as it may take
 * to start one again, and to dial it.
 */
export const BROKEN_TRANSFER_MS: number = 15_000

/** Time without progress after which a call that waits for a peer fails with `timeout`. */
export const CALL_TIMEOUT_MS: number = 30_000

/** The digits of a frame's length: a varint of at most this many bytes, so a frame is below 256 MiB. */
export const FRAME_LENGTH_BYTES: number = 4

/** Frames handed over but not yet taken by the channel, before `send` makes its caller wait. */
export const FRAME_QUEUE_BYTES: number = MIB
/** Bytes that arrived on one channel and wait for its reader, before the peer is held back. */
export const CHANNEL_BUFFER_BYTES: number = 256 * KIB

/** Whoever waits for memory to be filled gets what there is after nothing has come for so long, in milliseconds. */
export const FILL_PATIENCE_MS: number = 2

/** Inline values that one answer to a locate may carry, all together. */
export const INLINE_ANSWER_BYTES: number = 512 * KIB

/** Questions about a single key, or puts of a small value, that go in one message: all the values fit into it, or its answer. */
export const JOINED_REQUESTS: number = INLINE_ANSWER_BYTES / INLINE_VALUE_BYTES
/** Transfer channels to one peer that are kept open while nothing is transferred. */
export const IDLE_TRANSFER_CHANNELS: number = 4

/** What one fetch asks for at once: callers that want different parts of a value take turns at this length. */
export const FETCH_RUN_BYTES: number = 64 * MIB

/** From this size on what is sent is not copied first, to go out together with what goes before it. */
export const DIRECT_BYTES: number = 64 * KIB
/** Streams of one protocol that a peer may have open on one connection. */
export const STREAMS_PER_PROTOCOL: number = 64

/** Streams of all protocols together that a peer may have open on one connection. */
export const STREAMS_PER_CONNECTION: number = 256

/** Connections of a node in all. */
export const CONNECTIONS: number = 2000

/** Connections of a node whose handshake is not over. */
export const CONNECTIONS_PENDING: number = 256

/** Of these, connections from one IPv4 address, or one IPv6 network of 64 bits. */
export const CONNECTIONS_PENDING_PER_HOST: number = 64

/** New connections from one IP address in one second: many Locals may share one machine. */
export const CONNECTIONS_PER_HOST_PER_SECOND: number = 100

/** A dial with its handshake, in milliseconds. */
export const DIAL_MS: number = 10_000

/** A handshake that a peer began, in milliseconds. */
export const HANDSHAKE_MS: number = 5000

/** The choice of a protocol on a stream, in milliseconds. */
export const NEGOTIATION_MS: number = 5000

/** How often a connection is tried, in milliseconds. */
export const PROBE_EVERY_MS: number = 15_000

/** How long the answer to such a try may take at least, in milliseconds. */
export const PROBE_ANSWER_MS: number = 20_000
/** How long a Local waits before it dials its Global again: the first time. */
export const REDIAL_FIRST_MS: number = 200
/** The longest path that every system takes as the address of a Unix socket. */
export const SOCKET_PATH_BYTES: number = 100
/** All header lines of one HTTP request together. */
export const HTTP_HEADER_BYTES: number = 16 * KIB

/** A JSON body of the daemon's API. */
export const HTTP_JSON_BYTES: number = 64 * KIB

/** A statement of the prompt, its value included, in UTF-16 code units. */
export const STATEMENT_CHARS: number = MIB
/** Values that one request of the daemon's API stores as a batch, all together. */
export const HTTP_BATCH_BYTES: number = MIB

/** The longest JSON document, or line, that the daemon answers with: its status with every Local that may be. */
export const HTTP_ANSWER_BYTES: number = 2 * MIB

/** A file of names in an archive; also the names that wait at an import until their values come. */
export const ARCHIVE_NAMES_BYTES: number = 16 * MIB

/** Batches that are being sent to the daemon or stored, all together. */
export const HTTP_BATCHES_BYTES: number = 4 * MIB

/** How often a call that waits for peers, or for changes, shows that it goes on. */
export const HTTP_BEAT_MS: number = 2000

/** Connections to the daemon's socket at one time, and as many over TCP. */
export const HTTP_CONNECTIONS: number = 512

/** How long the headers, or a JSON body, may take to arrive. */
export const HTTP_REQUEST_MS: number = 30_000
/** How long a connection to the daemon's socket may lie idle between two requests. */
export const HTTP_IDLE_MS: number = 60_000

/** How long a connection over TCP may be silent both ways while a call is in progress on it. */
export const HTTP_SILENCE_MS: number = 120_000

/** The token of the API over TCP that a daemon makes: so many random bytes, in hexadecimal. */
export const HTTP_TOKEN_BYTES: number = 32

/** Requests over TCP that were turned away are logged at most this often. */
export const HTTP_REFUSALS_LOG_MS: number = 60_000

/** Progress events of one call are at least this far apart. */
export const PROGRESS_MS: number = 100

/** The longest time-out that a caller may name: a day. */
export const LONGEST_TIMEOUT_MS: number = 86_400_000

/** What calls in progress get to finish in when a daemon stops. */
export const SHUTDOWN_MS: number = 5_000

/** How long a daemon in the background may take until it serves. */
export const START_MS: number = 30_000

/** A daemon's log in a file is turned over when it would grow beyond this. */
export const LOG_FILE_BYTES: number = 8 * MIB

/** The configuration file of a state directory. */
export const CONFIG_FILE_BYTES: number = 64 * KIB

/** How long the key of a lane waits to be used, in milliseconds. */
export const LANE_KEY_MS: number = 10_000

/** Keys of lanes that were handed to one peer and not used yet. */
export const LANE_KEYS_PER_PEER: number = 16

/** Lanes that one peer has open to this node at one time. */
export const LANES_PER_PEER: number = 32

/** Lanes that a node accepts in all. */
export const LANES: number = 2000

/** Connections to the port of lanes whose handshake is not over. */
export const LANES_PENDING: number = 128

/** The handshake of a lane, from the connection of the socket on, in milliseconds. */
export const LANE_HANDSHAKE_MS: number = 5000

/** The longest record on a lane: what one write is cut into. */
export const LANE_RECORD_BYTES: number = 2 * MIB

/**
 * Memory in which the bytes of lanes come and go is taken in slabs of this size, which are used again. A lane that was
 * dialled holds one; while it sends, a lane holds two more.
 */
export const LANE_SLAB_BYTES: number = 256 * KIB
/** After a lane to a peer failed, transfers go over the stream for this long, in milliseconds. */
export const LANE_RETRY_MS: number = 60_000
/** A name, in bytes of UTF-8. */
export const NAME_BYTES: number = 512

/** Names that one key may have: all of them fit into its record. */
export const NAMES_PER_KEY: number = 512

/** Locals that Global keeps in its register, connected or not. */
export const REGISTERED_LOCALS: number = 4096

/** A Local that has not heard of Global for longer doubts what it holds; below the default time-out of a removal. */
export const DOUBT_MS: number = 3000

/** How long a removal waits for acknowledgements, where nobody says otherwise and there are no leases. */
export const REMOVAL_TIMEOUT_MS: number = 5000

/** The shortest lease that Global grants: an idle Local renews it several times before it runs out. */
export const LEAST_LEASE_MS: number = 3000

/** The longest lease that Global grants: a removal may have to wait for its end. */
export const LONGEST_LEASE_MS: number = 7 * 86_400_000

/** What Global adds to a lease before it counts it as run out: this much of it, for clocks that differ in speed. */
export const LEASE_MARGIN_PERCENT: number = 1

/** And this much besides, for what lies between answering and sending. */
export const LEASE_MARGIN_MS: number = 1000

/** A Local out of touch for longer is forgotten: nothing is owed by it, and it must ask about everything it holds. */
export const FORGET_AFTER_MS: number = 86_400_000
/** Removals and names that one message of the feed carries at most, in bytes. */
export const FEED_BYTES: number = 512 * KIB

/** Changes that the log retains. */
export const LOG_CHANGES: number = 1_000_000

/** How old a change may be that the log still retains, in milliseconds: 7 days. */
/** The age of the oldest change that the log retains, in milliseconds. */
export const LOG_AGE_MS: number = 7 * 86_400_000
/** The longest that one request for changes waits for some. */
export const WATCH_WAIT_MS: number = 20_000
/** Bytes of values that a node has in flight, all together: read and not yet taken, or come and not yet stored. */
export const IN_FLIGHT_BYTES: number = 64 * MIB

/** Of these, what is for its peers. */
export const PEERS_IN_FLIGHT_BYTES: number = 32 * MIB

/** Of these, what is for the callers of its own machine, beside batches: neither waits for the other. */
export const CALLERS_IN_FLIGHT_BYTES: number =
  IN_FLIGHT_BYTES - PEERS_IN_FLIGHT_BYTES - HTTP_BATCHES_BYTES

/** How much of a transfer goes by before its share of what is in flight goes to others who wait: to begin again costs. */
export const SHARE_KEPT_BYTES: number = 16 * MIB

/** What one read of a stored value has in memory at most: a piece that is proved, one that is sent, and the next. */
export const READ_SHARE_BYTES: number = 3 * MIB

/** While somebody waits for whom nothing is in flight, a peer gets so long to take one piece, in milliseconds. */
export const CROWDED_PATIENCE_MS: number = 5000

/** Bytes of values that a node has read for one peer and it has not taken. */
export const PEER_IN_FLIGHT_BYTES: number = 8 * MIB

/** How long a transfer channel outlives the failure that was sent on it. */
export const FAREWELL_MS: number = 1000

/** What one source is asked for at a time, at least. */
export const PART_BYTES: number = MIB

/** The largest part that one source is asked for at a time. */
export const MOST_PART_BYTES: number = 16 * MIB

/** How many parts a value is cut into, while they are smaller than the largest. */
export const PARTS: number = 1024

/** A run is asked for when so many parts of the one before are still to come, so that one follows the other without a gap. */
export const PARTS_AHEAD: number = 4

/** Parts that one source is asked for at once: one comes while the next is asked for. */
export const SOURCE_TASKS: number = 2

/** A source that gives nothing for so long loses its work to others. */
export const SOURCE_STALL_MS: number = 4000

/** How long a Local waits for others to bring in their parts before it fetches those from Global itself. */
export const SOURCE_PATIENCE_MS: number = 300

/** How often a holder that has nothing to give is asked what it holds by now. */
export const ASK_EVERY_MS: number = 100

/** The longest multiaddr or peer id in a transfer message. */
export const ADDRESS_CHARS: number = 200

/** Values that Global remembers one Local to hold. */
export const HOLDINGS_PER_LOCAL: number = 1024

/** For how long Global remembers that a Local holds a value; the Local says it anew in time. */
export const HOLDING_MS: number = 600_000

/** Values below this size are fetched from Global alone: to look for others would take longer. */
export const COMPANY_BYTES: number = 2 * MIB

/** How many Locals one value is fetched from at once. */
export const SOURCES: number = 8

/** Addresses of other Locals that a Local remembers. */
export const KNOWN_ADDRESSES: number = 1024

/** How long a Local leaves a peer alone that could not be reached, or broke off. */
export const SHUN_MS: number = 10_000

/** How often a node that fetches a value asks who else does, at most; at first it asks more often. */
export const COMPANY_EVERY_MS: number = 1000

/** The public key of a node, an Ed25519 key. */
export const PUBLIC_KEY_BYTES: number = 32

/** The secret of a ticket. */
export const TICKET_SECRET_BYTES: number = 32

/** Addresses of Global that a ticket may hold. */
export const TICKET_ADDRESSES: number = 8

/** The longest address in a ticket. */
export const TICKET_ADDRESS_CHARS: number = 200

/** The longest ticket. */
export const TICKET_CHARS: number = 4096

/** Peers that one ticket may make members. */
export const TICKET_USES: number = 1000

/** The shortest time for which a ticket is good. */
export const LEAST_TICKET_MS: number = 1000

/** How long a ticket is good where nobody says otherwise: a day. */
export const TICKET_MS: number = 86_400_000

/** The longest time for which a ticket is good: 30 days. */
export const LONGEST_TICKET_MS: number = 30 * 86_400_000

/** For how long a ticket that ran out is remembered, so that who shows it is told so: 7 days. */
export const TICKET_KEPT_MS: number = 7 * 86_400_000

/** Tickets that Global remembers. */
export const TICKETS: number = 1024

/** Members of a Global, with those that were expelled and that its log still tells of. */
export const MEMBERS: number = 4096

/** A peer id in a message. */
export const PEER_ID_CHARS: number = 128

/** Connections of one peer; of more the oldest is cut. */
export const CONNECTIONS_PER_PEER: number = 8

/** Connections of peers that are no members yet, in all. */
export const STRANGERS: number = 64

/** Connections of such peers from one IPv4 address, or from one IPv6 network of 64 bits. */
export const STRANGERS_PER_HOST: number = 16

/** How long a peer that is no member may be connected, in milliseconds. */
export const ADMISSION_MS: number = 5000

/** The first message on an index stream: nothing more is taken in before its sender is welcome. */
export const HELLO_BYTES: number = 8 * KIB

/** The span in which failed admissions are counted, in milliseconds. */
export const ADMISSION_WINDOW_MS: number = 60_000

/** Failed admissions from one host, counted as above, after which its strangers are refused unheard. */
export const FAILED_ADMISSIONS_PER_HOST: number = 60

/** Failed admissions from all hosts, after which all strangers are refused unheard. */
export const FAILED_ADMISSIONS: number = 600

/** Hosts whose failed admissions are remembered. */
export const ADMISSION_HOSTS: number = 1024

/** The same refusal of the same peer is told once in this time, in milliseconds. */
export const REFUSAL_TOLD_MS: number = 60_000

/** Refusals of which it is remembered when they were told. */
export const REFUSALS_TOLD: number = 1024

/** How long a Local waits before it dials a Global again that says that it is no member, in milliseconds. */
export const REFUSED_REDIAL_MS: number = 15_000
