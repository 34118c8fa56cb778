/** What the processes of `index.ts` are told, and how they answer. */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export type Order =
  | { readonly type: 'address' | 'resident' }
  /** Values by number. */
  | {
      readonly type: 'put' | 'remove' | 'time-removals'
      readonly from: number
      readonly count: number
    }
  /** Be so many Locals; each holds so many of the first values, by their digests alone. */
  | {
      readonly type: 'join'
      readonly address: string
      readonly locals: number
      readonly holding: number
    }
  /** The first of the Locals hangs up; it comes back, and says what that took once it has caught up. */
  | { readonly type: 'away' }
  | { readonly type: 'back'; readonly upto: number }

/** What catching up took. */
export interface CaughtUp {
  readonly ms: number
  readonly bytes: number
}

/** A process that does one thing after the other. */
export class Worker {
  readonly #child: ChildProcess

  constructor(file: string) {
    const path = fileURLToPath(new URL(file, import.meta.url))
    this.#child = fork(path, { execArgv: ['--expose-gc'] })
  }

  async tell<T = unknown>(order: Order): Promise<T> {
    const answer = once(this.#child, 'message')
    const end = once(this.#child, 'exit').then(() => {
      throw new Error('a process of the bench ended')
    })
    this.#child.send(order)
    const [message] = (await Promise.race([answer, end])) as [{ answer: T }]
    return message.answer
  }

  end(): void {
    if (this.#child.connected) this.#child.disconnect()
  }
}
