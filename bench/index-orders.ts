/** The orders to processes of `index.ts`, and their answers. */
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
  /** Starts this many Locals, each of which holds the first values (only their digests). */
  | {
      readonly type: 'join'
      readonly address: string
      readonly locals: number
      readonly holding: number
    }
  /** The first Local disconnects, reconnects, and reports the cost once it has caught up. */
  | { readonly type: 'away' }
  | { readonly type: 'back'; readonly upto: number }

/** The cost of catching up. */
export interface CaughtUp {
  readonly ms: number
  readonly bytes: number
}

/** A process that executes orders one after the other. */
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
