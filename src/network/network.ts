/** The protocols that nodes speak, and what the roles need of a network to speak them. */
import type { Channel } from '../wire/channel.ts'

export const INDEX_PROTOCOL = '/dstore/index/1'
export const TRANSFER_PROTOCOL = '/dstore/transfer/1'

/** What a role uses of the network (`network.ts` is the real one). */
export interface Network {
  readonly peerId: string
  /** Take connections from now on, and dial; harmless where it does. */
  start(): Promise<void>
  addresses(): readonly string[]
  dial(address: string, protocol: string, options?: { signal?: AbortSignal }): Promise<Channel>
  open(peer: string, protocol: string, options?: { signal?: AbortSignal }): Promise<Channel>
  /** Of a channel that is idle: may no better one be had to its peer? Always so, where this is not said. */
  isWorthKeeping?(channel: Channel): boolean
  handle(protocol: string, take: (channel: Channel) => void): Promise<void>
  /** Cut every connection to a peer, with all its channels. */
  disconnect(peer: string): void
  close(): Promise<void>
}
