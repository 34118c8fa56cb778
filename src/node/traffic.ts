/** Bytes of values that went to each peer and came from it, proofs included. */
import type { PeerTraffic } from './node.ts'

export class Traffic {
  readonly #peers = new Map<string, { in: number; out: number }>()

  received(peer: string, bytes: number): void {
    this.#of(peer).in += bytes
  }

  sent(peer: string, bytes: number): void {
    this.#of(peer).out += bytes
  }

  status(): PeerTraffic[] {
    return [...this.#peers].map(([peer, bytes]) => ({
      peer,
      valueBytesIn: bytes.in,
      valueBytesOut: bytes.out,
    }))
  }

  #of(peer: string): { in: number; out: number } {
    let counts = this.#peers.get(peer)
    if (counts === undefined) this.#peers.set(peer, (counts = { in: 0, out: 0 }))
    return counts
  }
}
