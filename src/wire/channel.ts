/**
 * A reliable, ordered stream of bytes to one peer, with back-pressure in both directions. The
 * protocols are written against this interface only; a libp2p stream, a lane and a pair in memory
 * implement it.
 */
import { DstoreError } from '../errors.ts'

export interface Channel {
  /** The peer id at the other end, authenticated by the transport. */
  readonly peer: string

  /**
   * Aborted, with a `DstoreError` as reason, as soon as the channel can carry nothing more in
   * either direction: when it was dropped (`unreachable` where the peer did it), and when both
   * sides have ended and all was read.
   */
  readonly signal: AbortSignal

  /**
   * The next bytes that arrived, never empty; undefined once the peer has ended its side. Rejects
   * with the channel's reason when it was aborted; TypeError while another read is waiting. A
   * channel that is not read holds its peer back. The bytes are valid until the next read, which
   * may reuse their memory.
   */
  read(): Promise<Uint8Array | undefined>

  /**
   * Reads the next bytes into `target`, after the `filled` bytes it already holds. Resolves with
   * the number of bytes it then holds: fewer than all where no more arrived for a moment or none
   * will, 0 once the peer has ended its side. The rest of `target` may still be written to until
   * the next read or fill resolves, or the channel is closed after an abort.
   */
  fill(target: Uint8Array, filled?: number): Promise<number>

  /**
   * The reader has asked the peer for that many bytes, which come next, and for none before: the
   * transport may receive more of them ahead of `read` than it does of others. Without this method
   * it receives as much of any.
   */
  ask?(bytes: number): void

  /**
   * The peer may send that many bytes ahead of `read` at any time from now on, as far as the
   * transport has room and the way to the peer needs it.
   */
  allow?(bytes: number): void

  /**
   * Sends bytes, or several arrays in sequence; they must not change afterwards. Resolves when more
   * may be written: at once, or when the peer has taken enough. Rejects with the channel's reason
   * when it was aborted; TypeError after `end`. Writes go out in the order of calls.
   */
  write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void>

  /**
   * Resolves when the channel no longer reads from the memory of any write. Rejects with the
   * channel's reason; after `abort`, some of that memory may still be read and sent for a while.
   */
  flush(): Promise<void>

  /** Ends this side. The peer reads everything written before, then undefined. */
  end(): Promise<void>

  /**
   * Drops both directions now and rejects pending calls at both ends. Has no effect on a closed
   * channel.
   */
  abort(reason: Error): void
}

/** Why a channel is aborted when the connection breaks, or the peer drops it. */
export const peerDropped = (cause?: unknown): DstoreError =>
  new DstoreError('unreachable', 'the peer dropped the channel', { cause })

/** Why a channel is aborted when both sides have ended. */
export const channelClosed = (): DstoreError =>
  new DstoreError('unreachable', 'the channel was closed')
