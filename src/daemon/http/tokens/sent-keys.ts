/**
 * What tokens with a prefix have sent under their holds (R007-334): of the values of a tree, such a
 * token binds those that it sent or sees, and no others. A restart of the daemon forgets it; then
 * the client sends the values again.
 */
import { DstoreError } from '../../../errors.ts'
import type { Key } from '../../../hash/key.ts'
import { HOLD_MS, TOKEN_HOLD_KEYS } from '../../../limits.ts'
import type { HoldId } from '../../../node/node.ts'

interface Sent {
  readonly prefix: string
  readonly keys: Set<string>
  usedAt: number
}

export class SentKeys {
  readonly #holds = new Map<HoldId, Sent>()
  readonly #now: () => number
  readonly #most: number
  #count = 0

  constructor(most: number = TOKEN_HOLD_KEYS, now: () => number = () => performance.now()) {
    this.#most = most
    this.#now = now
  }

  /** A token with this prefix opened the hold. Error: `busy`. */
  open(hold: HoldId, prefix: string): void {
    this.#forgetEnded()
    // A hold without a key takes memory, too.
    this.#take(1)
    this.#holds.set(hold, { prefix, keys: new Set(), usedAt: this.#now() })
  }

  /** What was sent under a hold. Error: `not-found` unless such a token opened it. */
  of(hold: HoldId, prefix: string): ReadonlySet<string> {
    return this.#sent(hold, prefix).keys
  }

  /** The key was sent under the hold, or is in sight. Errors: `not-found`, `busy`. */
  add(hold: HoldId, prefix: string, key: Key): void {
    const { keys } = this.#sent(hold, prefix)
    const id = key.toString()
    if (keys.has(id)) return
    this.#take(1)
    keys.add(id)
  }

  end(hold: HoldId): void {
    const sent = this.#holds.get(hold)
    if (sent === undefined) return
    this.#holds.delete(hold)
    this.#count -= sent.keys.size + 1
  }

  #sent(hold: HoldId, prefix: string): Sent {
    const sent = this.#holds.get(hold)
    if (sent?.prefix !== prefix) {
      throw new DstoreError('not-found', 'this hold has ended, or is of another token', {
        hint: 'open another: POST /v1/holds',
      })
    }
    sent.usedAt = this.#now()
    return sent
  }

  #take(count: number): void {
    if (this.#count + count > this.#most) {
      throw new DstoreError('busy', 'tokens with a prefix are putting too many values in trees')
    }
    this.#count += count
  }

  #forgetEnded(): void {
    const since = this.#now() - HOLD_MS
    for (const [hold, { usedAt }] of this.#holds) if (usedAt < since) this.end(hold)
  }
}
