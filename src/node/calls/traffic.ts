/** Counts the bytes of values exchanged with each peer, proofs included. */
import type { PeerTraffic } from '../node.ts'

interface Counts {
  in: number
  out: number
  lies: number
}

export class Traffic {
  readonly #peers = new Map<string, Counts>()

  received(peer: string, bytes: number): void {
    this.#of(peer).in += bytes
  }

  sent(peer: string, bytes: number): void {
    this.#of(peer).out += bytes
  }

  /** The peer sent bytes that failed verification, or broke the protocol. */
  lied(peer: string): void {
    this.#of(peer).lies++
  }

  /** Bytes of values that this peer was sent. */
  sentTo(peer: string): number {
    return this.#peers.get(peer)?.out ?? 0
  }

  /** Bytes of values from all peers and to them. */
  totals(): { readonly peerIn: number; readonly peerOut: number } {
    let [peerIn, peerOut] = [0, 0]
    for (const counts of this.#peers.values()) {
      peerIn += counts.in
      peerOut += counts.out
    }
    return { peerIn, peerOut }
  }

  status(): PeerTraffic[] {
    return [...this.#peers].map(([peer, bytes]) => ({
      peer,
      valueBytesIn: bytes.in,
      valueBytesOut: bytes.out,
      lies: bytes.lies,
    }))
  }

  #of(peer: string): Counts {
    let counts = this.#peers.get(peer)
    if (counts === undefined) this.#peers.set(peer, (counts = { in: 0, out: 0, lies: 0 }))
    return counts
  }
}
