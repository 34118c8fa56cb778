/** Limits of members, tickets, addresses and strangers. */
import { KIB } from './sizes.ts'

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
/** Tokens of one node. */
export const TOKENS: number = 1024
/** The characters of a token's or a member's label. */
export const LABEL_CHARS: number = 63
/** The longest time after which a token expires: ten years. */
export const LONGEST_TOKEN_MS: number = 315_360_000_000
/** Keys that the puts of trees in progress with prefixed tokens have sent, for all together. */
export const TOKEN_HOLD_KEYS: number = 262_144
