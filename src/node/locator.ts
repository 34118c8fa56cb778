/** Questions about single keys: whoever asks the same at the same time joins, and all take in one answer. */
import { DstoreError, asDstoreError } from '../errors.ts'
import { hash } from '../hash/hasher.ts'
import { Key } from '../hash/key.ts'
import type { Fact } from '../index/message.ts'
import { CALL_TIMEOUT_MS } from '../limits.ts'
import { deadline, untilAborted } from './deadline.ts'
import type { GlobalLink } from './global-link.ts'
import type { CallOptions } from './node.ts'

/** A question about one key, and who waits for the answer. */
interface Asking {
  readonly takers: ((fact: Fact, keep: boolean) => void)[]
  readonly answered: Promise<void>
}

export class Locator {
  readonly #link: GlobalLink
  /** Questions to Global that are under way, by key. */
  readonly #locating = new Map<string, Asking>()

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
    const text = key.toString()
    let asking = this.#locating.get(text)
    if (asking === undefined) {
      const takers: Asking['takers'] = []
      const request = { type: 'locate', digests: [key.digest], inline: true } as const
      const answered = this.#link
        .ask(request, {}, ({ facts }, keep) => {
          if (facts[0] === undefined) throw new DstoreError('not-found', `no such key: ${text}`)
          const fact = checked(key, facts[0])
          for (const taker of takers) taker(fact, keep)
        })
        .finally(() => this.#locating.delete(text))
      this.#locating.set(text, (asking = { takers, answered }))
    }
    const { takers, answered } = asking
    const taken = new Promise<T>((resolve, reject) => {
      takers.push((fact, keep) => {
        try {
          resolve(take(fact, keep))
        } catch (error) {
          reject(asDstoreError(error))
        }
      })
    })
    const ms = options.timeoutMs ?? CALL_TIMEOUT_MS
    const limit = deadline(ms, 'Global did not answer', options.signal)
    try {
      return await untilAborted(
        answered.then(() => taken),
        limit.signal,
      )
    } finally {
      limit.clear()
    }
  }
}

/** A fact with the value that came along, which must be what it says; else `integrity`. */
export function checked(key: Key, fact: Fact): Fact {
  if (fact.value !== undefined && !key.equals(new Key(hash(fact.value).digest))) {
    throw new DstoreError('integrity', `Global answered with bytes that are not ${key.toString()}`)
  }
  return fact
}
