/** The protocols that nodes speak, and what the roles need of a network to speak them. */
import type { DstoreError } from '../errors.ts'
import type { Channel } from '../wire/channel.ts'

export const INDEX_PROTOCOL = '/dstore/index/1'
export const TRANSFER_PROTOCOL = '/dstore/transfer/1'

export interface DialOptions {
  readonly signal?: AbortSignal
}

/** One connection to a peer whose identity Noise has proved. */
export interface DisconnectOptions {
  /** Milliseconds that the connections are left open. Default: none. */
  readonly afterMs?: number
  /** Asked then: should they stay after all? */
  readonly unless?: () => boolean
}

export interface PeerConnection {
  /** Errors: as `Network.open`. */
  open(protocol: string, options?: DialOptions): Promise<Channel>
  /** Drops every other connection that this node made to the peer. */
  closeOthers(): void
  /** Drops it, with its channels. */
  close(reason: DstoreError): void
}

/** What a role uses of the network. */
export interface Network {
  readonly peerId: string

  /** Listens and dials from now on; idempotent. Errors: `malformed-address`, `address-in-use`. */
  start(): Promise<void>

  /**
   * Full multiaddrs, with the peer id, at which others reach this node; none if it does not listen.
   */
  addresses(): readonly string[]

  /** The TCP port on which this node accepts lanes; undefined if it accepts none. */
  readonly lanePort?: number | undefined

  /**
   * Connects, or reuses the connection, and opens a channel. Errors: `malformed-address`,
   * `unreachable`, `timeout`, `cancelled`, `incompatible`, `busy`.
   */
  dial(address: string, protocol: string, options?: DialOptions): Promise<Channel>

  /**
   * Opens a channel to a connected peer. Errors: `unreachable` if there is no connection; else as
   * `dial`.
   */
  open(peer: string, protocol: string, options?: DialOptions): Promise<Channel>

  /**
   * May an idle channel be used again, or would a new one be better? Without this method, it may.
   */
  canReuse?(channel: Channel): boolean

  /**
   * Bulk channels to this connected peer will be wanted: a network that can open them faster if it
   * knows begins to. Never waits.
   */
  prepare?(peer: string): void

  /**
   * Why bulk from this connected peer goes over the stream of its connection, and by no lane;
   * undefined if it need not, or if that is not known yet.
   */
  laneFault?(peer: string): string | undefined

  /** Calls `take` with each channel that a peer opens for a protocol. */
  handle(protocol: string, take: (channel: Channel) => void): Promise<void>

  /** Drops every connection to a peer that is open now, with all its channels. */
  disconnect(peer: string, options?: DisconnectOptions): void

  close(): Promise<void>
}

/** Chooses the address and the connection by which a peer is reached. */
export interface PeerDialer {
  /**
   * Connects to exactly this address, also where the peer is connected over another one. Errors: as
   * `dial`, and `impostor` if another peer answers.
   */
  connect(address: string, options?: DialOptions): Promise<PeerConnection>

  /**
   * The addresses to connect to for one with a host name, asked of the system now; one with an IP
   * address stands for itself. Errors: `malformed-address`, `unreachable`.
   */
  resolve(address: string): Promise<readonly string[]>
}
