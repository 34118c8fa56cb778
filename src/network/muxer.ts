/**
 * Yamux with our windows. The package gives every stream the same window, and buffers a data frame
 * whole before it checks its length, so that a peer could make it hold 4 GiB; `ConnectionWindows`
 * stands below it, and checks every frame first.
 */
import './polyfill.ts'
import { performance } from 'node:perf_hooks'
import type { MessageStream, Stream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import {
  PEER_WINDOWS_BYTES,
  SESSION_WINDOWS_BYTES,
  SESSION_WINDOW_BYTES,
  STREAMS_PER_CONNECTION,
  STREAM_UNASKED_BYTES,
  STREAM_WINDOW_BYTES,
  WINDOWS_BYTES,
} from '../limits.ts'
import { SharedBudget } from '../transfer/shared-budget.ts'
import { ConnectionWindows } from './connection-windows.ts'
import type { StreamWindow } from './stream-window.ts'

/**
 * Bytes in a stream's own buffer that reset it. They wait there only until a channel takes the
 * stream, and until then the peer may send no more than `STREAM_UNASKED_BYTES`.
 */
const STREAM_BUFFER_BYTES = 2 * STREAM_UNASKED_BYTES

const packaged = yamux({
  maxInboundStreams: STREAMS_PER_CONNECTION,
  maxOutboundStreams: STREAMS_PER_CONNECTION,
  streamOptions: {
    // The first window is not negotiated: both ends must have the same.
    initialStreamWindowSize: STREAM_UNASKED_BYTES,
    maxStreamWindowSize: STREAM_WINDOW_BYTES,
    maxReadBufferLength: STREAM_BUFFER_BYTES,
  },
})

/** The muxer of one node, whose streams share a budget for their windows. */
export class WindowedMuxer implements StreamMuxerFactory {
  readonly protocol: string
  readonly budget: SharedBudget = new SharedBudget(WINDOWS_BYTES, PEER_WINDOWS_BYTES)
  readonly #allowances = new SharedBudget(SESSION_WINDOWS_BYTES, SESSION_WINDOW_BYTES)
  readonly #factory = packaged()
  readonly #windows = new WeakMap<Stream, ConnectionWindows>()

  constructor() {
    this.protocol = this.#factory.protocol
  }

  createStreamMuxer(connection: MessageStream): StreamMuxer {
    const budgets = { budget: this.budget, allowances: this.#allowances }
    const windows = new ConnectionWindows(connection, budgets, () => performance.now())
    const muxer = this.#factory.createStreamMuxer(connection)
    const create = muxer.createStream.bind(muxer)
    muxer.createStream = async (options) => {
      const stream = await create(options)
      this.#windows.set(stream, windows)
      return stream
    }
    // The muxer keeps early streams for its first listener only: that is not us, but who asks.
    const listen = muxer.addEventListener.bind(muxer) as (...args: unknown[]) => void
    let isFirst = true
    muxer.addEventListener = (type: string, ...rest: unknown[]) => {
      if (type === 'stream' && isFirst) {
        isFirst = false
        listen(type, ({ detail }: CustomEvent<Stream>) => this.#windows.set(detail, windows))
      }
      listen(type, ...rest)
    }
    return muxer
  }

  /** Lets a channel of this peer read a stream. Undefined if the stream is over. */
  bind(stream: Stream, peer: string): StreamWindow | undefined {
    const windows = this.#windows.get(stream)
    if (windows === undefined) throw new TypeError('stream: not of this muxer')
    const id = Number(stream.id)
    const window = windows.windowOf(id)
    window?.bind(peer, stream.readBufferLength + windows.partialBytes(id))
    return window
  }
}
