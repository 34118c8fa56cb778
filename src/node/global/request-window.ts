/**
 * Flow control for the requests of one Local (specs/004-index.md, R004-53). Global reads nothing
 * more from a Local that sends requests but takes no answers, so the Local falls silent.
 */
import { bytesIn } from '../../bytes.ts'
import type { DstoreError } from '../../errors.ts'
import { encodeMessage } from '../../index/codec/encode.ts'
import { batchItemBytes } from '../../index/batch-messages.ts'
import { isRequest } from '../../index/global/dispatch.ts'
import type { Body, Message } from '../../index/message.ts'
import {
  FAREWELL_MS,
  FRAME_QUEUE_BYTES,
  INDEX_UNTAKEN_BYTES,
  INLINE_ANSWER_BYTES,
  INLINE_VALUE_BYTES,
  KIB,
  PEER_ID_CHARS,
  REQUESTS_IN_FLIGHT,
} from '../../limits.ts'
import type { Channel } from '../../wire/channel.ts'
import { malformed } from '../../wire/fields.ts'
import { FrameWriter } from '../../wire/frame-writer.ts'
import { pause, untilAborted } from '../../deadline.ts'

export class RequestWindow {
  readonly #channel: Channel
  readonly #writer: FrameWriter
  /** The memory that each open request and its answer take at most, by the id of the request. */
  readonly #open = new Map<number, number>()
  #bytes = 0
  #wake: (() => void) | undefined
  /** The end of the queue of pages. */
  #pages: Promise<void> = Promise.resolve()

  constructor(channel: Channel) {
    this.#channel = channel
    this.#writer = new FrameWriter(channel)
  }

  /**
   * A message was read. Throws `protocol` if it is a request without an id, or under that of an
   * open one.
   */
  opened({ id, body }: Message): void {
    const bytes = weightOf(body)
    if (bytes === undefined) return
    if (id === 0) throw malformed('a request without an id')
    if (this.#open.has(id)) throw malformed('two requests under one id')
    this.#open.set(id, bytes)
    this.#bytes += bytes
  }

  /** Resolves when more may be read from this Local. Rejects if its channel is gone. */
  async room(): Promise<void> {
    const { signal } = this.#channel
    while (this.#open.size >= REQUESTS_IN_FLIGHT || this.#bytes >= INDEX_UNTAKEN_BYTES) {
      await untilAborted(new Promise<void>((resolve) => (this.#wake = resolve)), signal)
    }
    if (this.#writer.queuedBytes > FRAME_QUEUE_BYTES) await this.#writer.flush()
  }

  /**
   * Sends a message. The request that it answers stays open until the channel has taken most of
   * what was sent.
   */
  async send(message: Message): Promise<void> {
    await this.#writer.send(encodeMessage(message)).catch(() => undefined)
    this.#bytes -= this.#open.get(message.id) ?? 0
    if (this.#open.delete(message.id)) this.#wake?.()
  }

  /**
   * Makes and sends an answer once the pages before it are taken, so that one page at a time is in
   * memory.
   */
  page(answer: () => Promise<Message>): Promise<void> {
    this.#pages = this.#pages.then(async () => this.send(await answer()))
    return this.#pages
  }

  /** Ends the channel once the Local has taken everything, or after `FAREWELL_MS`. */
  async end(reason: DstoreError): Promise<void> {
    const sent = this.#writer.end().catch(() => undefined)
    await Promise.race([sent, pause(FAREWELL_MS, this.#channel.signal)])
    this.#channel.abort(reason)
  }
}

/** The memory that a request and its answer take at most; undefined for other messages. */
function weightOf(body: Body): number | undefined {
  switch (body.type) {
    case 'locate':
      return body.inline
        ? Math.min(body.digests.length * INLINE_VALUE_BYTES, INLINE_ANSWER_BYTES)
        : body.digests.length * KIB
    case 'lookup':
      return body.inline ? INLINE_VALUE_BYTES : KIB
    case 'put':
      return KIB + bytesIn(body.values)
    case 'put-batch':
      return body.items.reduce((sum, item) => sum + batchItemBytes(item), KIB)
    case 'members':
      return body.limit * PEER_ID_CHARS
    case 'ping':
      return undefined
    default:
      // One page at a time is in memory.
      return body.type === 'hello' || isRequest(body) ? KIB : undefined
  }
}
