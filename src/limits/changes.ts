/** Limits of the index, its sessions and its log. */
import { GROUP_BYTES } from './conventions.ts'
import { KIB, MIB } from './sizes.ts'

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
/** How long a request waits for another member of a set to take over: longer than it takes. */
export const FAILOVER_PATIENCE_MS: number = 15_000
/** The longest pause between two attempts to reach a set within that time. */
export const FAILOVER_REDIAL_MS: number = 250
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
/** The latest time on record, wall clock in milliseconds: what is later than any date is then. */
export const LATEST_MS: number = 8.64e15
/** Silent Locals that the answer to a put names. */
export const SILENT_LOCALS: number = 256
/** A name, in bytes of UTF-8. */
export const NAME_BYTES: number = 512
/** Names of one key in an answer. */
export const NAMES_PER_ANSWER: number = 512
/** Names that one change unbinds. */
export const NAMES_PER_CHANGE: number = 256
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
