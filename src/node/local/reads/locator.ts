/** Locates single keys at Global. Concurrent requests for one key share one answer. */
import { DstoreError, asDstoreError } from '../../../errors.ts'
import { hash } from '../../../hash/hasher.ts'
import { Key } from '../../../hash/key.ts'
import type { Fact } from '../../../index/message.ts'
import { CALL_TIMEOUT_MS } from '../../../limits.ts'
import { inTime } from '../../../deadline.ts'
import type { GlobalLink } from '../global-link.ts'
import type { CallOptions } from '../../node.ts'

interface Caller {
  readonly take: (fact: Fact, keep: boolean) => void
  readonly reject: (error: DstoreError) => void
}

export class Locator {
  readonly #link: GlobalLink
  /** The callers of each request to Global, by key. */
  readonly #callers = new Map<string, Set<Caller>>()

  constructor(link: GlobalLink) {
    this.#link = link
  }

  /**
   * Asks Global about a key, or joins a request in progress. `take` handles the answer at its place
   * in the order of messages.
   */
  async locate<T>(
    key: Key,
    options: CallOptions,
    take: (fact: Fact, keep: boolean) => T,
  ): Promise<T> {
    const { timeoutMs: ms = CALL_TIMEOUT_MS, signal } = options
    return inTime<T>({ ms, what: 'Global did not answer', signal }, (resolve, reject) => {
      const caller: Caller = { take: (fact, keep) => resolve(() => take(fact, keep)), reject }
      const callers = this.#callers.get(key.toHex()) ?? this.#ask(key)
      callers.add(caller)
      return () => callers.delete(caller)
    })
  }

  /** Starts a request. Its answer goes to the callers in the returned set. */
  #ask(key: Key): Set<Caller> {
    const known = key.toHex()
    const callers = new Set<Caller>()
    const close = (): void => {
      if (this.#callers.get(known) === callers) this.#callers.delete(known)
    }
    this.#callers.set(known, callers)
    const request = { type: 'locate', digests: [key.digest], inline: true } as const
    this.#link
      .ask(request, {}, ({ facts: [found] }, keep) => {
        close()
        if (found === undefined)
          throw new DstoreError('not-found', `no such key: ${key.toString()}`)
        const fact = checked(key, found)
        for (const { take } of callers) take(fact, keep)
      })
      .catch((error: unknown) => {
        close()
        for (const { reject } of callers) reject(asDstoreError(error))
      })
    return callers
  }
}

/** Verifies the value in a fact, if there is one, against the key. Throws `integrity`. */
export function checked(key: Key, fact: Fact): Fact {
  if (fact.value !== undefined && !key.equals(new Key(hash(fact.value).digest))) {
    throw new DstoreError('integrity', `Global answered with bytes that are not ${key.toString()}`)
  }
  return fact
}
