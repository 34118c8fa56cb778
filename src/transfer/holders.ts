/**
 * Which Locals hold a large value, as Global remembers it (specs/003-transfer.md, R003-29): hints
 * in bounded memory that expire. Also the request by which a Local joins them.
 */
import { toHex } from '../bytes.ts'
import { HOLDERS, HOLDINGS_PER_LOCAL, HOLDING_MS } from '../limits.ts'
import type { TransferChannel } from './transfer-channel.ts'

interface Holder {
  readonly address: string
  readonly until: number
}

/** By value and by Local, the least recent join first. */
export class Holders {
  readonly #values = new Map<string, Map<string, Holder>>()
  readonly #byPeer = new Map<string, Set<string>>()

  /** Records that a Local serves a value at this address; without one, that it no longer does. */
  join(peer: string, digest: Uint8Array, address: string | undefined, now: number): void {
    const value = toHex(digest)
    this.#remove(peer, value)
    // A peer may announce only itself.
    if (address === undefined || !address.endsWith(`/p2p/${peer}`)) return
    const holders = this.#values.get(value) ?? new Map<string, Holder>()
    this.#values.set(value, holders)
    holders.set(peer, { address, until: now + HOLDING_MS })
    if (holders.size > HOLDERS) this.#remove(holders.keys().next().value!, value)
    const held = this.#byPeer.get(peer) ?? new Set()
    this.#byPeer.set(peer, held.add(value))
    if (held.size > HOLDINGS_PER_LOCAL) this.#remove(peer, held.values().next().value!)
  }

  /** The addresses of the recent holders that are connected, other than the asker's. */
  addressesOf(
    digest: Uint8Array,
    asker: string,
    isConnected: (peer: string) => boolean,
    now: number,
  ): string[] {
    return [...this.#recent(digest, now)]
      .filter(([peer]) => peer !== asker && isConnected(peer))
      .map(([, address]) => address)
  }

  /** The peer ids of the recent holders. */
  peersOf(digest: Uint8Array, now: number): string[] {
    return [...this.#recent(digest, now)].map(([peer]) => peer)
  }

  /** Forgets a Local that has disconnected. */
  leave(peer: string): void {
    for (const value of this.#byPeer.get(peer) ?? []) this.#remove(peer, value)
  }

  /** Yields the unexpired holders, and forgets the expired ones. */
  *#recent(digest: Uint8Array, now: number): Generator<[peer: string, address: string]> {
    const value = toHex(digest)
    for (const [peer, { address, until }] of this.#values.get(value) ?? []) {
      if (until > now) yield [peer, address]
      else this.#remove(peer, value)
    }
  }

  #remove(peer: string, value: string): void {
    const holders = this.#values.get(value)
    holders?.delete(peer)
    if (holders?.size === 0) this.#values.delete(value)
    const held = this.#byPeer.get(peer)
    held?.delete(value)
    if (held?.size === 0) this.#byPeer.delete(peer)
  }
}

/**
 * Tells Global that this node serves a value at `address`, or without one that it does not. Returns
 * the addresses of other holders.
 */
export async function joinSwarm(
  transfer: TransferChannel,
  digest: Uint8Array,
  address: string | undefined,
): Promise<readonly string[]> {
  await transfer.send({ type: 'join', digest, address })
  return (await transfer.expect('holders')).addresses
}
