/** The members that a Local has been told of (specs/006-membership.md, "At Locals"): whom it serves, and nobody else. */

export class KnownMembers {
  readonly #peers = new Set<string>()
  readonly #onGone: (peer: string) => void

  /** `onGone`: a peer is no longer a member; its connections are cut when this returns. */
  constructor(onGone: (peer: string) => void) {
    this.#onGone = onGone
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

  /** These are all. */
  replace(peers: readonly string[]): void {
    const now = new Set(peers)
    for (const peer of this.#peers) if (!now.has(peer)) this.#drop(peer)
    for (const peer of now) this.#peers.add(peer)
  }

  /** In the order of changes. */
  apply(memberships: readonly { readonly peer: string; readonly admitted: boolean }[]): void {
    for (const { peer, admitted } of memberships) {
      if (admitted) this.#peers.add(peer)
      else this.#drop(peer)
    }
  }

  #drop(peer: string): void {
    this.#peers.delete(peer)
    this.#onGone(peer)
  }
}
