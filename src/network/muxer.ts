/**
 * Yamux with our windows, behind a guard. The package buffers a data frame whole before it checks
 * its length, so a peer could make it hold 4 GiB; the guard reads the length first and drops the
 * connection.
 */
import './polyfill.ts'
import type { MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import { DstoreError } from '../errors.ts'
import { STREAMS_PER_CONNECTION, KIB, MIB } from '../limits.ts'

/** Bytes that a peer may send on a new stream before any is read; the same at both ends. */
const STREAM_FIRST_WINDOW_BYTES = 256 * KIB

/**
 * The most unread bytes that a peer may send on one stream. A wider window is no faster on
 * loopback, and a stalled stream may hold two; with a round trip of 50 ms this carries 40 MiB/s.
 */
const STREAM_WINDOW_BYTES = 2 * MIB

/** Unread bytes that reset a stream; a peer that respects its window never reaches this. */
export const STREAM_BUFFER_BYTES: number = 2 * STREAM_WINDOW_BYTES

const HEADER_BYTES = 12
const DATA_FRAME = 0

export function muxer(): StreamMuxerFactory {
  const factory = yamux({
    maxInboundStreams: STREAMS_PER_CONNECTION,
    maxOutboundStreams: STREAMS_PER_CONNECTION,
    streamOptions: {
      initialStreamWindowSize: STREAM_FIRST_WINDOW_BYTES,
      maxStreamWindowSize: STREAM_WINDOW_BYTES,
      maxReadBufferLength: STREAM_BUFFER_BYTES,
    },
  })()
  return {
    protocol: factory.protocol,
    createStreamMuxer(connection: MessageStream): StreamMuxer {
      guard(connection)
      return factory.createStreamMuxer(connection)
    },
  }
}

/**
 * Aborts the connection when a frame exceeds every window. Call before the muxer adds its listener.
 */
export function guard(connection: Pick<MessageStream, 'addEventListener' | 'abort'>): void {
  const lengths = new FrameLengths()
  connection.addEventListener('message', (event) => {
    const { data } = event
    const pieces = data instanceof Uint8Array ? [data] : data
    for (const piece of pieces) {
      if (lengths.take(piece) <= STREAM_WINDOW_BYTES) continue
      event.stopImmediatePropagation()
      connection.abort(new DstoreError('protocol', 'the peer announced a frame beyond its window'))
      return
    }
  })
}

/** Tracks the frames of one direction without keeping them. */
export class FrameLengths {
  readonly #header = new Uint8Array(HEADER_BYTES)
  #headerFilled = 0
  #bodyLeft = 0

  /** The longest body, in bytes, that a header completed in this piece announces. */
  take(piece: Uint8Array): number {
    let longest = 0
    for (let at = 0; at < piece.byteLength;) {
      if (this.#bodyLeft > 0) {
        const skipped = Math.min(this.#bodyLeft, piece.byteLength - at)
        this.#bodyLeft -= skipped
        at += skipped
        continue
      }
      this.#header[this.#headerFilled++] = piece[at++]!
      if (this.#headerFilled < HEADER_BYTES) continue
      this.#headerFilled = 0
      this.#bodyLeft = this.#bodyLength()
      longest = Math.max(longest, this.#bodyLeft)
    }
    return longest
  }

  /** Only data frames have a body; in others this field holds a window, a ping or a reason. */
  #bodyLength(): number {
    if (this.#header[1] !== DATA_FRAME) return 0
    return new DataView(this.#header.buffer).getUint32(8)
  }
}
