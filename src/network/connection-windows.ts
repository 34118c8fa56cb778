/**
 * Stands between Yamux and its connection, and decides what the peers may send. Yamux opens the
 * window of a stream by itself, for every stream and whether it is read or not, up to one size for
 * all. So its updates are withheld here, and passed on as the streams' windows allow; the protocol
 * stays as it is.
 */
import type { MessageStream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { DstoreError } from '../errors.ts'
import { STREAM_FRAME_BYTES } from '../limits.ts'
import { StreamWindow, type WindowBudgets, type WindowSite } from './stream-window.ts'
import {
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  FRAME_TYPE,
  FrameHeaders,
  readHeader,
  writeHeader,
  type FrameHeader,
} from './yamux-frames.ts'

/** What this uses of the connection below a muxer. */
export type WindowConnection = Pick<MessageStream, 'addEventListener' | 'abort' | 'send'>

/** A stream whose end one side has said. */
interface Entry {
  readonly window: StreamWindow
  ended: { mine: boolean; theirs: boolean }
}

export class ConnectionWindows {
  readonly #sendBelow: MessageStream['send']
  readonly #site: WindowSite
  readonly #headers = new FrameHeaders()
  readonly #streams = new Map<number, Entry>()
  /** The last ping of the muxer: its number, and when it was sent. */
  #ping: { readonly id: number; readonly at: number } | undefined

  /** Call before the muxer takes the connection. */
  constructor(connection: WindowConnection, budgets: WindowBudgets, now: () => number) {
    this.#site = { ...budgets, now, unaskedBytes: 0, roundTripMs: undefined, learnedBytes: 0 }
    this.#sendBelow = connection.send.bind(connection)
    connection.send = (data) => this.#sent(data)
    connection.addEventListener('message', (event) => {
      const { data } = event
      const fault = this.#arrived(data instanceof Uint8Array ? [data] : data)
      if (fault === undefined) return
      event.stopImmediatePropagation()
      connection.abort(new DstoreError('protocol', fault))
    })
    connection.addEventListener('close', () => this.#closeAll())
  }

  /** The window of a stream that this side has open; undefined if it is over. */
  windowOf(stream: number): StreamWindow | undefined {
    return this.#streams.get(stream)?.window
  }

  /** Bytes of a frame of this stream that has not arrived whole. */
  partialBytes(stream: number): number {
    const { partial } = this.#headers
    return partial?.stream === stream ? partial.length : 0
  }

  #arrived(pieces: Iterable<Uint8Array>): string | undefined {
    for (const piece of pieces) {
      for (const header of this.#headers.take(piece)) {
        const fault = this.#check(header)
        if (fault !== undefined) return fault
      }
    }
    return undefined
  }

  /** The fault of the peer in this frame, if any. */
  #check(header: FrameHeader): string | undefined {
    const { type, flags, stream, length } = header
    if (type === FRAME_TYPE.ping) this.#pong(header)
    if (type !== FRAME_TYPE.data && type !== FRAME_TYPE.windowUpdate) return undefined
    if (type === FRAME_TYPE.data && length > STREAM_FRAME_BYTES) {
      return 'the peer announced a frame that is too long'
    }
    if ((flags & FRAME_FLAG.syn) !== 0) this.#open(stream)
    const entry = this.#streams.get(stream)
    // A stream that this side has reset: the peer may not know yet, and Yamux drops the bytes.
    if (entry === undefined) return undefined
    if (type === FRAME_TYPE.data && !entry.window.received(length)) {
      return 'the peer sent more than its window'
    }
    if ((flags & FRAME_FLAG.fin) !== 0) entry.ended.theirs = true
    this.#closeIfOver(stream, entry, flags)
    return undefined
  }

  /** Yamux sends one frame at a time. */
  #sent(data: Uint8Array | Uint8ArrayList): boolean {
    const header = readHeader(data.subarray(0, FRAME_HEADER_BYTES))
    const { type, flags, stream, length } = header
    if (type === FRAME_TYPE.ping && flags === FRAME_FLAG.syn) {
      this.#ping = { id: length, at: this.#site.now() }
    }
    if (type !== FRAME_TYPE.data && type !== FRAME_TYPE.windowUpdate) return this.#sendBelow(data)
    if ((flags & FRAME_FLAG.syn) !== 0) this.#open(stream)
    const entry = this.#streams.get(stream)
    if (entry === undefined) return this.#sendBelow(data)
    let more = true
    if (type === FRAME_TYPE.data) more = this.#sendBelow(data)
    else if (flags !== 0) more = this.#sendBelow(writeHeader({ ...header, length: 0 }))
    if ((flags & FRAME_FLAG.fin) !== 0) entry.ended.mine = true
    this.#closeIfOver(stream, entry, flags)
    if (type === FRAME_TYPE.windowUpdate && length > 0) entry.window.offered(length)
    return more
  }

  #open(stream: number): void {
    if (this.#streams.has(stream)) return
    const send = (length: number): void => {
      this.#sendBelow(writeHeader({ type: FRAME_TYPE.windowUpdate, flags: 0, stream, length }))
    }
    const window = new StreamWindow(this.#site, send)
    this.#streams.set(stream, { window, ended: { mine: false, theirs: false } })
  }

  #closeIfOver(stream: number, { window, ended }: Entry, flags: number): void {
    if ((flags & FRAME_FLAG.rst) === 0 && !(ended.mine && ended.theirs)) return
    window.close()
    this.#streams.delete(stream)
  }

  #pong({ flags, length }: FrameHeader): void {
    if (flags !== FRAME_FLAG.ack || this.#ping?.id !== length) return
    const tookMs = this.#site.now() - this.#ping.at
    this.#site.roundTripMs = Math.min(this.#site.roundTripMs ?? Infinity, tookMs)
    this.#ping = undefined
  }

  #closeAll(): void {
    for (const { window } of this.#streams.values()) window.close()
    this.#streams.clear()
  }
}
