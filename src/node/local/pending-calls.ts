/** Who waits for an answer of Global, or for a verdict about freshness: each by its ticket. */
import { inTime } from '../../deadline.ts'
import { DstoreError } from '../../errors.ts'
import type { Verdict } from '../../index/local/freshness.ts'
import type { LocalEffect, UntimedLocalEvent } from '../../index/local/local-events.ts'
import type { Answer } from '../../index/message.ts'
import { CALL_TIMEOUT_MS, INDEX_MESSAGE_BYTES, SESSION_WINDOW_BYTES } from '../../limits.ts'
import type { Channel } from '../../wire/channel.ts'

interface Caller {
  readonly take: (answer: Answer, keep: boolean) => void
  readonly reject: (error: DstoreError) => void
}

type Effect<T extends LocalEffect['type']> = Extract<LocalEffect, { readonly type: T }>

export class PendingCalls {
  readonly #callers = new Map<number, Caller>()
  readonly #readers = new Map<number, (verdict: Verdict) => void>()
  #lastTicket = 0
  /** Where answers come, or came last. */
  #channel: Channel | undefined

  newTicket(): number {
    return ++this.#lastTicket
  }

  /** Answers come on this channel from now on. */
  expectOn(channel: Channel): void {
    this.#channel = channel
    this.#askForAnswers()
  }

  addCaller(ticket: number, caller: Caller): void {
    this.#callers.set(ticket, caller)
    this.#askForAnswers()
  }

  /** Asks the index for a verdict, and waits for it. Rejects with `timeout` or `cancelled`. */
  verdict(
    handle: (event: UntimedLocalEvent) => void,
    signal: AbortSignal | undefined,
  ): Promise<Verdict> {
    const ticket = this.newTicket()
    const limit = { ms: CALL_TIMEOUT_MS, what: 'nothing was known of Global', signal }
    return inTime<Verdict>(limit, (resolve) => {
      this.#readers.set(ticket, (verdict) => resolve(() => verdict))
      handle({ type: 'check-freshness', ticket })
      return () => {
        if (this.remove(ticket)) handle({ type: 'cancel', ticket })
      }
    })
  }

  /** It waits no longer. False if it had its answer. */
  remove(ticket: number): boolean {
    return this.#callers.delete(ticket) || this.#readers.delete(ticket)
  }

  settle({ ticket, result, keep }: Effect<'settle'>): void {
    const caller = this.#callers.get(ticket)
    this.#callers.delete(ticket)
    this.#askForAnswers()
    if (result instanceof DstoreError) caller?.reject(result)
    else caller?.take(result, keep)
  }

  decide({ ticket, verdict }: Effect<'verdict'>): void {
    const take = this.#readers.get(ticket)
    this.#readers.delete(ticket)
    take?.(verdict)
  }

  /** Each caller may get a message (specs/003-transfer.md, R003-134). */
  #askForAnswers(): void {
    const most = this.#callers.size * INDEX_MESSAGE_BYTES
    this.#channel?.ask?.(Math.min(most, SESSION_WINDOW_BYTES))
  }

  /** The node stops. Readers end by their own time. */
  rejectAll(reason: DstoreError): void {
    for (const { reject } of this.#callers.values()) reject(reason)
    this.#callers.clear()
  }
}
