/** Questions about single keys: whoever asks the same at the same time joins, and all take in one answer. */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { hash } from '../../hash/hasher.ts'
import { Key } from '../../hash/key.ts'
import type { Fact } from '../../index/message.ts'
import { CALL_TIMEOUT_MS } from '../../limits.ts'
import { inTime } from '../../deadline.ts'
import type { GlobalLink } from './global-link.ts'
import type { CallOptions } from '../node.ts'

/** Who waits for the answer to a question about one key. */
interface Asker {
  readonly take: (fact: Fact, keep: boolean) => void
  readonly reject: (error: DstoreError) => void
}

export class Locator {
  readonly #link: GlobalLink
  /** Questions to Global that are under way, by key. */
  readonly #asking = new Map<string, Set<Asker>>()

  constructor(link: GlobalLink) {
    this.#link = link
  }

  /**
   * Ask Global about a key, and take in what it says at its place in the order of messages: whoever asks the same at
   * the same time joins.
   */
  async locate<T>(
    key: Key,
    options: CallOptions,
    take: (fact: Fact, keep: boolean) => T,
  ): Promise<T> {
    const { timeoutMs: ms = CALL_TIMEOUT_MS, signal } = options
    return inTime<T>({ ms, what: 'Global did not answer', signal }, (resolve, reject) => {
      const asker: Asker = { take: (fact, keep) => resolve(() => take(fact, keep)), reject }
      const askers = this.#asking.get(key.toHex()) ?? this.#ask(key)
      askers.add(asker)
      return () => askers.delete(asker)
    })
  }

  /** Begin to ask: the answer is for those who are in the set when it comes, and nobody joins after. */
  #ask(key: Key): Set<Asker> {
    const known = key.toHex()
    const askers = new Set<Asker>()
    const close = (): void => {
      if (this.#asking.get(known) === askers) this.#asking.delete(known)
    }
    this.#asking.set(known, askers)
    const request = { type: 'locate', digests: [key.digest], inline: true } as const
    this.#link
      .ask(request, {}, ({ facts: [found] }, keep) => {
        close()
        if (found === undefined)
          throw new DstoreError('not-found', `no such key: ${key.toString()}`)
        const fact = checked(key, found)
        for (const { take } of askers) take(fact, keep)
      })
      .catch((error: unknown) => {
        close()
        for (const { reject } of askers) reject(asDstoreError(error))
      })
    return askers
  }
}

/** A fact with the value that came along, which must be what it says; else `integrity`. */
export function checked(key: Key, fact: Fact): Fact {
  if (fact.value !== undefined && !key.equals(new Key(hash(fact.value).digest))) {
    throw new DstoreError('integrity', `Global answered with bytes that are not ${key.toString()}`)
  }
  return fact
}
