/** Limits of the daemon, its API and the command line. */
import { GIB, KIB, MIB } from './sizes.ts'
import { IN_FLIGHT_BYTES, PEERS_IN_FLIGHT_BYTES } from './transfer.ts'

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
/** The memory of a Local's cache, unless it is set: in a daemon a share of the machine's memory. */
export const CACHE_PERCENT: number = 25
/** The most that this share is. */
export const CACHE_BYTES: number = 2 * GIB
/** The same in a program, which needs memory, too. */
export const LIBRARY_CACHE_BYTES: number = 256 * MIB
/** The least quota that a node may be given for its store. */
export const LEAST_STORE_BYTES: number = MIB
/** Pins of one node. */
export const PINS = 1000
/** Distinct values that the pins of one node keep, together. */
export const PINNED_VALUES = 100_000
/** What a pin stands for, as it is given, in UTF-8. */
export const PIN_WORD_BYTES: number = 4 * KIB
/** The file of a node's pins. */
export const PINS_FILE_BYTES: number = 16 * MIB
/** How often a pin whose name is not bound is tried again. */
export const PIN_RETRY_MS: number = 30_000
/** The lowest rate that a caller may bound a fetch to, in bytes per second. */
export const LEAST_RATE_BYTES: number = 16 * KIB
/** The longest time-out that a caller may set: a day. */
export const LONGEST_TIMEOUT_MS: number = 86_400_000
/** A file of names in an archive, and the names that an import holds until their values arrive. */
export const ARCHIVE_NAMES_BYTES: number = 16 * MIB
/** The part of an archive that shares a file of names: a cut loses the names of no more. */
export const ARCHIVE_NAMES_EVERY_BYTES: number = 128 * KIB
/** A statement at the prompt, with its value, in UTF-16 code units. */
export const STATEMENT_CHARS: number = MIB
