/**
 * Requests that change the same rows are served one after another (specs/004-index.md, R004-131):
 * those that move one tag, and those that give one key a name. Each of many that were decided at
 * the same moment would conflict with all before it, and be decided again as often.
 */
import { toHex } from '../../../bytes.ts'
import type { Digest, Naming } from '../../message.ts'
import type { Finish } from '../plan-runner.ts'

/** A request that may bind a name. */
export interface NamingRequest {
  readonly type: string
  readonly name?: string | undefined
  readonly naming?: Naming | undefined
}

export class Turns {
  /** What waits, by the tag or the key; the first of each is not in its list. */
  readonly #waiting = new Map<string, (() => void)[]>()

  /** `begin` gets the callback that ends its turn. */
  atTag(request: NamingRequest, finish: Finish, begin: (finish: Finish) => void): void {
    const { type, name, naming } = request
    const moves = type === 'rebind' || naming?.tag === true
    if (name === undefined || !moves) begin(finish)
    else this.#at(`tag ${name}`, finish, begin)
  }

  /**
   * A request that waits for a turn at a key may have taken room below a rule: so this turn comes
   * last, and no request waits for room in it.
   */
  atKey(digest: Digest, finish: Finish, begin: (finish: Finish) => void): void {
    this.#at(`key ${toHex(digest)}`, finish, begin)
  }

  #at(subject: string, finish: Finish, begin: (finish: Finish) => void): void {
    const start = (): void =>
      begin((body) => {
        finish(body)
        this.#next(subject)
      })
    const waiting = this.#waiting.get(subject)
    if (waiting !== undefined) return void waiting.push(start)
    this.#waiting.set(subject, [])
    start()
  }

  #next(subject: string): void {
    const start = this.#waiting.get(subject)?.shift()
    if (start === undefined) this.#waiting.delete(subject)
    else start()
  }
}
