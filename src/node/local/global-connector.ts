/**
 * Connects a Local to its Global: carries out what the race of its addresses decides, and greets
 * Global on the connection that wins (specs/004-index.md, "Rules: the addresses of Global").
 */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { pause, untilAborted } from '../../deadline.ts'
import { decodeMessage } from '../../index/codec/decode.ts'
import { encodeMessage } from '../../index/codec/encode.ts'
import type { Message } from '../../index/message.ts'
import { FAREWELL_MS, INDEX_MESSAGE_BYTES } from '../../limits.ts'
import { isLoopback } from '../../network/multiaddr.ts'
import { INDEX_PROTOCOL, type PeerConnection, type PeerDialer } from '../../network/network.ts'
import type { Channel } from '../../wire/channel.ts'
import { FrameReader } from '../../wire/frames.ts'
import { FrameWriter } from '../../wire/frame-writer.ts'
import { ConnectionRace, type RaceEffect, type RaceEvent, type Target } from './connection-race.ts'

/** Who greets Global: called for one hello at a time. */
export interface Greeter {
  /** The hello, which goes out now. */
  hello(): Message
  /** No answer to the last hello will come. */
  unanswered(error: DstoreError): void
}

/** A stream on which Global answered the hello. */
export interface Greeted {
  readonly channel: Channel
  readonly reader: FrameReader
  readonly writer: FrameWriter
  /** The first message of Global. */
  readonly answer: Message
  /** Where Global was reached: as it is known, and with its IP address. */
  readonly target: Target | undefined
  /** Global has welcomed this Local: older connections to it are of no more use. */
  welcomed(): void
  /** Closes the connection. */
  close(reason: DstoreError): void
}

/**
 * One attempt to connect: tries every known address. `beside`: there is a session, which goes on if
 * the attempt fails.
 */
export type Connect = (greeter: Greeter, signal: AbortSignal, beside?: boolean) => Promise<Greeted>

export interface ConnectorOptions {
  readonly dialer: PeerDialer
  /** The addresses of Global, with its peer id: best first. */
  readonly addresses: () => readonly string[]
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** How the attempts of a Local connect. Each fails as dials do; `cancelled` by the signal. */
export function globalConnector(options: ConnectorOptions): Connect {
  return (greeter, signal, beside = false) => new Attempt(options, greeter).run(signal, beside)
}

/** Sends the hello on a stream and waits for the first message of Global. */
export async function greet(
  channel: Channel,
  greeter: Greeter,
): Promise<Pick<Greeted, 'channel' | 'reader' | 'writer' | 'answer'>> {
  const writer = new FrameWriter(channel)
  const reader = new FrameReader(channel, { maxBytes: INDEX_MESSAGE_BYTES })
  writer.send(encodeMessage(greeter.hello())).catch(() => undefined)
  const frame = await reader.next()
  if (frame === undefined) throw new DstoreError('unreachable', 'Global ended the session')
  return { channel, reader, writer, answer: decodeMessage(frame) }
}

/** Says goodbye. Global ends its side after it has read that, which an abort might overtake. */
export async function sayGoodbye({ writer, channel }: Greeted): Promise<void> {
  const body = { type: 'goodbye', reason: 'it was stopped' } as const
  await writer.send(encodeMessage({ id: 0, body })).catch(() => undefined)
  await writer.end().catch(() => undefined)
  await pause(FAREWELL_MS, channel.signal)
}

/** A dial, and the connection that it led to. */
interface Dialled {
  readonly target: Target
  readonly stop: AbortController
  connection: PeerConnection | undefined
}

class Attempt {
  readonly #options: ConnectorOptions
  readonly #greeter: Greeter
  readonly #race = new ConnectionRace({ oneHello: true, isLoopback })
  readonly #dials = new Map<number, Dialled>()
  #timer: NodeJS.Timeout | undefined
  #resolve: (greeted: Greeted) => void = () => undefined
  #reject: (error: DstoreError) => void = () => undefined

  constructor(options: ConnectorOptions, greeter: Greeter) {
    this.#options = options
    this.#greeter = greeter
  }

  async run(signal: AbortSignal, beside: boolean): Promise<Greeted> {
    signal.throwIfAborted()
    const ended = new Promise<Greeted>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const cancel = (): void => {
      const error = asDstoreError(signal.reason)
      this.#handle({ type: 'cancelled', error })
      this.#reject(error)
    }
    signal.addEventListener('abort', cancel)
    const known = [...new Set(this.#options.addresses())]
    const targets = known.map((address) => ({ address, known: address }))
    this.#handle({ type: 'start', targets, beside })
    try {
      return await ended
    } finally {
      signal.removeEventListener('abort', cancel)
      clearTimeout(this.#timer)
    }
  }

  #handle(event: Untimed<RaceEvent>): void {
    const now = this.#options.now()
    for (const effect of this.#race.handle({ ...event, now })) this.#carryOut(effect)
    clearTimeout(this.#timer)
    const { dueAt } = this.#race
    if (dueAt === undefined) return
    const waitMs = Math.max(0, dueAt - this.#options.now())
    this.#timer = setTimeout(() => this.#handle({ type: 'tick' }), waitMs)
  }

  #carryOut(effect: RaceEffect): void {
    switch (effect.type) {
      case 'dial': {
        const { id, target } = effect
        const dialled = { target, stop: new AbortController(), connection: undefined }
        this.#dials.set(id, dialled)
        this.#dial(id, dialled).catch((error: unknown) => this.#failed(id, error))
        return
      }
      case 'hello': {
        const { id } = effect
        this.#hello(id, this.#dials.get(id)!).catch((error: unknown) => this.#failed(id, error))
        return
      }
      case 'close':
        return this.#close(effect.id, effect.error)
      case 'lost':
        return this.#reject(effect.error)
    }
  }

  async #dial(id: number, dialled: Dialled): Promise<void> {
    const { dialer } = this.#options
    const { target, stop } = dialled
    const { address, known } = target
    const addresses = await untilAborted(dialer.resolve(address), stop.signal)
    if (addresses.length !== 1 || addresses[0] !== address) {
      const targets = addresses.map((one) => ({ address: one, known }))
      this.#dials.delete(id)
      return this.#handle({ type: 'resolved', id, targets })
    }
    const connection = await dialer.connect(address, { signal: stop.signal })
    if (stop.signal.aborted) return connection.close(stop.signal.reason as DstoreError)
    dialled.connection = connection
    this.#handle({ type: 'proved', id })
  }

  async #hello(id: number, { connection, target, stop }: Dialled): Promise<void> {
    const { signal } = stop
    const channel = await connection!.open(INDEX_PROTOCOL, { signal })
    signal.throwIfAborted()
    let isOut = true
    const unanswered = (error: unknown): void => {
      if (isOut) this.#greeter.unanswered(asDstoreError(error))
      isOut = false
    }
    const onAbort = (): void => unanswered(signal.reason)
    signal.addEventListener('abort', onAbort)
    try {
      const greeted = await greet(channel, this.#greeter)
      signal.throwIfAborted()
      this.#dials.delete(id)
      this.#handle({ type: 'answered', id })
      this.#resolve({
        ...greeted,
        target,
        welcomed: () => connection!.closeOthers(),
        close: (reason) => connection!.close(reason),
      })
    } catch (error) {
      unanswered(error)
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  #failed(id: number, cause: unknown): void {
    const error = asDstoreError(cause)
    this.#close(id, error)
    this.#handle({ type: 'failed', id, error })
  }

  #close(id: number, error: DstoreError): void {
    const dialled = this.#dials.get(id)
    this.#dials.delete(id)
    dialled?.stop.abort(error)
    dialled?.connection?.close(error)
  }
}

type Untimed<E> = E extends { readonly now: number } ? Omit<E, 'now'> : never
