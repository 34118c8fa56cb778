/**
 * JetStream's requests, as far as a journal needs them. They are made here and not by the package
 * for them, which drops conditions in some calls and repeats others.
 */
import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import { DstoreError } from '../../errors.ts'
import { JOURNAL_BATCH_BYTES, JOURNAL_INLINE_BYTES } from '../../limits.ts'
import { type EngineRoom, awayError, unfit } from '../engine/engine.ts'
import {
  type Json,
  type NatsFault,
  type StoredMessage,
  type StreamInfo,
  NATS_CODES,
  faultIn,
  jsonIn,
  messageIn,
  record,
  roomOf,
  streamInfoIn,
  whole,
} from './answers.ts'
import type { Nats } from './client.ts'

const API = '$JS.API'
/** Messages of one batch. */
const BATCH = 256
/** More than any server may send for one batch. */
const BATCH_BYTES = JOURNAL_BATCH_BYTES + 2 * JOURNAL_INLINE_BYTES

const END_OF_BATCH = 204
const NO_MESSAGES = 404

export interface JetStreamOptions {
  readonly nats: Nats
  readonly connection: NatsConnection
  readonly place: string
  readonly stream: string
  readonly requestMs: number
}

export class JetStream {
  readonly #options: JetStreamOptions

  constructor(options: JetStreamOptions) {
    this.#options = options
  }

  /**
   * Publishes a message that becomes the one after this sequence, or none. One request: what is not
   * answered in time may still arrive.
   */
  async publish(
    subject: string,
    after: number,
    data: Uint8Array,
  ): Promise<{ readonly sequence: number } | { readonly fault: NatsFault }> {
    const { nats, place, stream } = this.#options
    const headers = nats.headers()
    headers.set('Nats-Expected-Stream', stream)
    headers.set('Nats-Expected-Last-Sequence', `${after}`)
    const answer = await this.#request(subject, data, headers)
    const fault = faultIn(answer)
    if (fault !== undefined) return { fault }
    if (answer['stream'] !== stream || answer['duplicate'] === true) {
      throw new DstoreError('protocol', `${place}: another stream took the entry`)
    }
    return { sequence: whole(place, 'the sequence', answer['seq']) }
  }

  /** What the leader of the stream says; undefined if there is no such stream. */
  async info(): Promise<StreamInfo | undefined> {
    const answer = await this.#call(`STREAM.INFO.${this.#options.stream}`)
    const fault = faultIn(answer)
    if (fault === undefined) return streamInfoIn(this.#options.place, answer)
    if (fault.code === NATS_CODES.streamNotFound) return undefined
    throw this.#fault(fault)
  }

  /** How full the account of this user is, in total or for each number of replicas. */
  async accountRooms(): Promise<EngineRoom[]> {
    const answer = await this.#call('INFO')
    const fault = faultIn(answer)
    if (fault !== undefined) throw this.#fault(fault)
    const tiers = Object.values(record(answer['tiers'])).map(record)
    return [answer, ...tiers].flatMap(({ storage, limits }) => {
      return roomOf('the account of the set', storage, record(limits)['max_storage'])
    })
  }

  async create(config: object): Promise<void> {
    const { stream } = this.#options
    const fault = faultIn(await this.#call(`STREAM.CREATE.${stream}`, config))
    if (fault?.code === NATS_CODES.notClustered) {
      const { place } = this.#options
      throw unfit(place, fault.description, 'a set needs three servers in a cluster')
    }
    if (fault !== undefined) throw this.#fault(fault)
  }

  /** The message there, by the leader; undefined if it has none. */
  async message(sequence: number): Promise<StoredMessage | undefined> {
    const { place, stream } = this.#options
    const answer = await this.#call(`STREAM.MSG.GET.${stream}`, { seq: sequence })
    const fault = faultIn(answer)
    if (fault === undefined) return messageIn(place, answer)
    if (fault.code === NATS_CODES.noMessage) return undefined
    throw this.#fault(fault)
  }

  /** Deletes what stands before this sequence. */
  async purge(sequence: number): Promise<void> {
    const answer = await this.#call(`STREAM.PURGE.${this.#options.stream}`, { seq: sequence })
    const fault = faultIn(answer)
    if (fault !== undefined) throw this.#fault(fault)
  }

  /**
   * Messages from this sequence on, by any member: each of them has only what a majority has, but
   * perhaps not the last ones.
   */
  batch(sequence: number): Promise<StoredMessage[]> {
    const { nats, connection, place, stream, requestMs } = this.#options
    return new Promise((resolve, reject) => {
      const messages: StoredMessage[] = []
      let bytes = 0
      const inbox = nats.createInbox()
      const end = (error?: Error): void => {
        clearTimeout(timer)
        subscription.unsubscribe()
        if (error === undefined) resolve(messages)
        else reject(error)
      }
      const take = (message: Msg): void => {
        const status = message.headers?.code ?? 0
        if (status === END_OF_BATCH || status === NO_MESSAGES) return end()
        if (status !== 0) return end(awayError(place, `a read was answered with ${status}`))
        bytes += message.data.byteLength
        if (messages.length >= BATCH || bytes > BATCH_BYTES) {
          return end(new DstoreError('protocol', `${place}: more was sent than was asked for`))
        }
        messages.push(storedIn(place, message))
      }
      const subscription = connection.subscribe(inbox, {
        callback: (error, message) => {
          if (error !== null) return end(awayError(place, error.message, error))
          try {
            take(message)
          } catch (fault) {
            end(fault as Error)
          }
        },
      })
      const timer = setTimeout(() => end(noAnswer(place, requestMs)), requestMs)
      const body = { seq: sequence, batch: BATCH, max_bytes: JOURNAL_BATCH_BYTES }
      try {
        connection.publish(`${API}.DIRECT.GET.${stream}`, encoded(body), { reply: inbox })
      } catch (error) {
        end(awayError(place, (error as Error).message, error))
      }
    })
  }

  #call(name: string, body?: object): Promise<Json> {
    return this.#request(`${API}.${name}`, body === undefined ? new Uint8Array() : encoded(body))
  }

  async #request(subject: string, data: Uint8Array, headers?: MsgHdrs): Promise<Json> {
    const { connection, place, requestMs } = this.#options
    let answer: Msg
    try {
      const options = { timeout: requestMs, ...(headers !== undefined && { headers }) }
      answer = await connection.request(subject, data, options)
    } catch (error) {
      throw requestFault(place, error, requestMs)
    }
    return jsonIn(place, answer.data)
  }

  #fault({ code, description }: NatsFault): DstoreError {
    return awayError(this.#options.place, `${description} (${code})`)
  }
}

const encoded = (body: object): Uint8Array => new TextEncoder().encode(JSON.stringify(body))

function storedIn(place: string, { headers, data }: Msg): StoredMessage {
  const sequence = whole(place, 'a sequence', Number(headers?.get('Nats-Sequence') ?? 'none'))
  // Copied: it is a view of what came over the socket at one time.
  return { sequence, subject: headers?.get('Nats-Subject') ?? '', data: Uint8Array.from(data) }
}

const noAnswer = (place: string, ms: number, cause?: unknown): DstoreError =>
  awayError(place, `no answer within ${ms / 1000} s`, cause)

/** Of none of these is it known whether the request arrived. */
function requestFault(place: string, error: unknown, ms: number): DstoreError {
  const { name, message } = error as Error
  if (name === 'TimeoutError') return noAnswer(place, ms, error)
  if (name === 'PermissionViolationError') {
    return new DstoreError('not-permitted', `${place}: ${message}`, { cause: error })
  }
  return awayError(place, message, error)
}
