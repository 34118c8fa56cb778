/**
 * Entries that a standby has read, and which of them it may apply: a state machine without I/O
 * (specs/012-set.md, R012-7, R012-8).
 */
import { BEFORE_FIRST, Chain, type ChainPosition } from '../journal/chain.ts'
import type { JournalEnd } from '../journal/beginning.ts'
import type { Entry, EntryBody, EntryHead } from '../journal/entry.ts'
import { ALL_SET_RULES, type SetRules } from './rules.ts'

/** The last entry that was read. */
export interface FollowedEnd extends JournalEnd {
  readonly kind: EntryBody['kind'] | undefined
}

interface Held {
  readonly position: number
  readonly bytes: Uint8Array
}

export class Followed {
  readonly #rules: SetRules
  readonly #chain: Chain
  #kind: EntryBody['kind'] | undefined
  /** What is there and may still vanish: an engine that changes its leader may lose it. */
  #held: Held[] = []
  #acknowledged = 0

  /** The entry that the replica ends with, if it is known. */
  readonly #last: Entry | undefined

  /** `start`: what the replica has; `last`: its last entry. */
  constructor(start: ChainPosition = BEFORE_FIRST, rules: SetRules = ALL_SET_RULES, last?: Entry) {
    this.#chain = new Chain(start)
    this.#last = last
    this.#rules = rules
  }

  get end(): FollowedEnd {
    const { position, digest } = this.#chain
    return { position, digest, head: this.head, kind: this.#kind ?? this.#last?.body.kind }
  }

  get head(): EntryHead | undefined {
    return this.#chain.head ?? this.#last?.head
  }

  /** Bytes that wait to be acknowledged. */
  get heldBytes(): number {
    return this.#held.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
  }

  /** Has it read anything that may still vanish? */
  get isHolding(): boolean {
    return this.#held.length > 0
  }

  /**
   * Takes the entries that follow, and returns those that are known to be acknowledged. Throws
   * `integrity` where one does not follow the one before.
   */
  read(entries: readonly Uint8Array[]): Uint8Array[] {
    for (const bytes of entries) {
      const { head, body } = this.#chain.accept(bytes)
      this.#kind = body.kind
      this.#held.push({ position: head.position, bytes })
      this.#acknowledged = Math.max(this.#acknowledged, head.acknowledged)
    }
    const known = this.#rules.appliesAcknowledged ? this.#acknowledged : Infinity
    let count = 0
    while (count < this.#held.length && this.#held[count]!.position <= known) count++
    return this.#held.splice(0, count).map(({ bytes }) => bytes)
  }
}
