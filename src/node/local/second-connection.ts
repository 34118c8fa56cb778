/**
 * A second connection to Global while the session is silent (specs/004-index.md, R004-75). The
 * session goes on if it is heard first; once Global has answered the second hello, it ends.
 */
import { DstoreError } from '../../errors.ts'
import type { Connect, Greeted, Greeter } from './global-connector.ts'

/** The time between the end of one attempt and the start of the next. */
const AGAIN_MS = 1000

export interface SecondConnectionOptions {
  readonly connect: Connect
  readonly greeter: Greeter
  /** Is a hello out? */
  readonly isGreeting: () => boolean
  /** Global answered: the session must end, and `take` gives the new one. */
  readonly onGreeted: () => void
  /** Monotonic milliseconds. */
  readonly now: () => number
}

export class SecondConnection {
  readonly #options: SecondConnectionOptions
  #running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined
  #greeted: Greeted | undefined
  #endedAt = -Infinity

  constructor(options: SecondConnectionOptions) {
    this.#options = options
  }

  /** Has an attempt succeeded? Then `take` gives the new session. */
  get isGreeted(): boolean {
    return this.#greeted !== undefined
  }

  /** Is an attempt going on, or has one succeeded? */
  get isOn(): boolean {
    return this.#running !== undefined || this.#greeted !== undefined
  }

  /** The session is silent. `signal`: ends the attempt. */
  start(signal: AbortSignal): void {
    if (this.isOn || this.#options.now() - this.#endedAt < AGAIN_MS) return
    const stop = new AbortController()
    const ended = this.#attempt(AbortSignal.any([signal, stop.signal])).finally(() => {
      this.#running = undefined
      this.#endedAt = this.#options.now()
    })
    this.#running = { stop, ended }
  }

  /**
   * The session was heard. Ends the attempt, unless its hello is out: then Global may be about to
   * end the session, and nothing of it counts before that is known. False if the session is over.
   */
  async goesOn(): Promise<boolean> {
    if (!this.#options.isGreeting()) {
      this.#running?.stop.abort(new DstoreError('cancelled', 'Global was heard again'))
    }
    await this.#running?.ended
    return this.#greeted === undefined
  }

  /** The new session, if the attempt that is going on succeeds. */
  async take(): Promise<Greeted | undefined> {
    await this.#running?.ended
    const greeted = this.#greeted
    this.#greeted = undefined
    return greeted
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { connect, greeter, onGreeted } = this.#options
    const greeted = await connect(greeter, signal, true).catch(() => undefined)
    if (greeted === undefined) return
    const { body } = greeted.answer
    const isFinal = body.type !== 'failure' || body.code === 'not-permitted'
    if (isFinal && !signal.aborted) {
      this.#greeted = greeted
      return onGreeted()
    }
    const error = new DstoreError('unreachable', 'Global did not welcome a second connection')
    greeter.unanswered(error)
    greeted.close(error)
  }
}
