/**
 * Who holds which large value, as Global remembers it (specs/003-transfer.md, "Company"): hints, in bounded memory,
 * forgotten after a while. Both ends of the exchange.
 */
import { toHex } from '../bytes.ts'
import { HOLDERS, HOLDINGS_PER_LOCAL, HOLDING_MS } from '../limits.ts'
import type { TransferChannel } from './transfer-channel.ts'

interface Holder {
  readonly address: string
  readonly until: number
}

/** By value and by Local, the one that joined longest ago first. */
export class Holders {
  readonly #values = new Map<string, Map<string, Holder>>()
  readonly #byPeer = new Map<string, Set<string>>()

  /** A Local serves a value at this address, or does not any more. */
  join(peer: string, digest: Uint8Array, address: string | undefined, now: number): void {
    const value = toHex(digest)
    this.#remove(peer, value)
    // Nobody speaks for another.
    if (address === undefined || !address.endsWith(`/p2p/${peer}`)) return
    const holders = this.#values.get(value) ?? new Map<string, Holder>()
    this.#values.set(value, holders)
    holders.set(peer, { address, until: now + HOLDING_MS })
    if (holders.size > HOLDERS) this.#remove(holders.keys().next().value!, value)
    const held = this.#byPeer.get(peer) ?? new Set()
    this.#byPeer.set(peer, held.add(value))
    if (held.size > HOLDINGS_PER_LOCAL) this.#remove(peer, held.values().next().value!)
  }

  /** Where the other Locals are that joined lately and are there. */
  of(digest: Uint8Array, asker: string, isThere: (peer: string) => boolean, now: number): string[] {
    return [...this.#lately(digest, now)]
      .filter(([peer]) => peer !== asker && isThere(peer))
      .map(([, address]) => address)
  }

  /** Peer ids of the Locals that joined lately. */
  holders(digest: Uint8Array, now: number): string[] {
    return [...this.#lately(digest, now)].map(([peer]) => peer)
  }

  /** A Local is gone for good. */
  leave(peer: string): void {
    for (const value of this.#byPeer.get(peer) ?? []) this.#remove(peer, value)
  }

  /** Those who joined lately, with their addresses; whoever did not is forgotten. */
  *#lately(digest: Uint8Array, now: number): Generator<[peer: string, address: string]> {
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

/** Tell Global that this node holds a value, or is about to; the addresses of the others that do. */
export async function joinCompany(
  transfer: TransferChannel,
  digest: Uint8Array,
  address: string | undefined,
): Promise<readonly string[]> {
  await transfer.send({ type: 'join', digest, address })
  return (await transfer.expect('company')).addresses
}
