/**
 * The hellos of a Local (specs/004-index.md, "Rules: sessions" and "Rules: the addresses of
 * Global"). At most one is unanswered, also while an earlier session goes on.
 */
import type { Hello, Message } from '../message.ts'
import { VERSIONS } from '../versions.ts'
import type { Progress } from './progress.ts'

/**
 * `away`: no link. `greeting`: the hello is sent. `connected`: the Local is welcome; it may have
 * sent a hello on another stream, because this one is silent.
 */
export type LinkState = 'away' | 'greeting' | 'connected'

const HELLO_ID = 1

/** What this node says of itself. */
export interface GreetingOptions {
  readonly bootId: Uint8Array
  /** The secret of a ticket, for a node that is not a member yet. */
  readonly ticketSecret?: Uint8Array | undefined
  /** The name of its machine, as a label. */
  readonly host?: string | undefined
}

export class Greeting {
  readonly #bootId: Uint8Array
  /** Part of the hello until Global welcomes this node. */
  #ticketSecret: Uint8Array | undefined
  readonly #host: string | undefined
  #attempt = 0
  #sentAt = 0
  #isOut = false

  constructor({ bootId, ticketSecret, host }: GreetingOptions) {
    this.#bootId = bootId
    this.#ticketSecret = ticketSecret
    this.#host = host
  }

  /** A hello is sent, and neither answered nor given up. */
  get isOut(): boolean {
    return this.#isOut
  }

  /** When the last one was sent. */
  get sentAt(): number {
    return this.#sentAt
  }

  /** The number of hellos so far: it tells what began before the last one. */
  get attempt(): number {
    return this.#attempt
  }

  /** The next hello, which is sent now. */
  next(now: number, { position, highestSeen }: Progress): Message {
    this.#isOut = true
    this.#attempt++
    this.#sentAt = now
    const hello: Hello = {
      type: 'hello',
      versions: VERSIONS,
      bootId: this.#bootId,
      position,
      highestSeen,
      ticketSecret: this.#ticketSecret,
      // Of use only where it makes this node a member.
      ...(this.#ticketSecret && this.#host !== undefined && { host: this.#host }),
    }
    return { id: HELLO_ID, body: hello }
  }

  /** Global answered it, or its stream is closed. */
  over(): void {
    this.#isOut = false
  }

  /** This node is a member: the ticket is not needed any longer. */
  welcomed(): void {
    this.#ticketSecret = undefined
  }
}
