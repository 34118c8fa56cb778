/**
 * The members that a Local knows from Global, and may serve (specs/006-membership.md, "At Locals").
 */

export class KnownMembers {
  readonly #peers = new Set<string>()
  readonly #onRemoved: (peer: string) => void

  /**
   * `onRemoved`: called with each peer that is no longer a member; it must drop its connections.
   */
  constructor(onRemoved: (peer: string) => void) {
    this.#onRemoved = onRemoved
  }

  get size(): number {
    return this.#peers.size
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#peers.values()
  }

  has(peer: string): boolean {
    return this.#peers.has(peer)
  }

  /** Replaces the set of members. */
  replace(peers: readonly string[]): void {
    const next = new Set(peers)
    for (const peer of this.#peers) if (!next.has(peer)) this.#drop(peer)
    for (const peer of next) this.#peers.add(peer)
  }

  /** Applies changes in order. */
  apply(memberships: readonly { readonly peer: string; readonly admitted: boolean }[]): void {
    for (const { peer, admitted } of memberships) {
      if (admitted) this.#peers.add(peer)
      else this.#drop(peer)
    }
  }

  #drop(peer: string): void {
    this.#peers.delete(peer)
    this.#onRemoved(peer)
  }
}
