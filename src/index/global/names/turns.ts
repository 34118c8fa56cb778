/**
 * Requests that move one tag are served one after another (specs/004-index.md, R004-131). Each of
 * many that were decided at the same moment would conflict with all before it, and be decided again
 * as often.
 */
import type { Body, Naming } from '../../message.ts'

type Finish = (body: Body) => void

/** A request that may move a tag. */
export interface MovingRequest {
  readonly type: string
  readonly name?: string | undefined
  readonly naming?: Naming | undefined
}

export class Turns {
  /** What waits, by the name of the tag; the first of each is not in its list. */
  readonly #waiting = new Map<string, (() => void)[]>()

  /** `begin` gets the callback that ends its turn. */
  run(request: MovingRequest, finish: Finish, begin: (finish: Finish) => void): void {
    const { type, name, naming } = request
    if (name === undefined || !(type === 'rebind' || naming?.tag === true)) return begin(finish)
    const start = (): void =>
      begin((body) => {
        finish(body)
        this.#next(name)
      })
    const waiting = this.#waiting.get(name)
    if (waiting !== undefined) return void waiting.push(start)
    this.#waiting.set(name, [])
    start()
  }

  #next(name: string): void {
    const start = this.#waiting.get(name)?.shift()
    if (start === undefined) this.#waiting.delete(name)
    else start()
  }
}
