/**
 * A reliable, ordered stream of bytes to one peer, with true back-pressure in both directions. The protocols are
 * written against this alone; a libp2p stream, a bulk lane and a pair in memory are all channels.
 */
export interface Channel {
  /** Who is at the other end, as authenticated by the transport: a peer id. */
  readonly peer: string

  /**
   * Aborted, with a `DstoreError` as reason, as soon as the channel can carry nothing more in either direction:
   * when it was dropped (`unreachable` where the peer did it), and when both sides have ended and all was read.
   */
  readonly signal: AbortSignal

  /**
   * The next bytes that arrived, never empty; undefined once the peer has ended its side. Rejects with the
   * channel's reason when it was aborted; TypeError when another read is waiting. While nobody reads, the peer is held
   * back. The bytes are good until the next read, which may use their memory again.
   */
  read(): Promise<Uint8Array | undefined>

  /**
   * Fill memory with the next bytes, in place of a read, behind `filled` that are there already: resolves with how many
   * it holds then, which is not all where no more came for a moment, or nothing more will. None, once the peer has ended
   * its side. Until the channel has given more, or was aborted and is closed, what lies behind them may be written to.
   */
  fill(target: Uint8Array, filled?: number): Promise<number>

  /**
   * Send bytes, or several arrays one behind the other, which must not be changed afterwards. Resolves when more may be
   * written: at once, or when the peer has taken enough. Rejects with the channel's reason when it was aborted; TypeError
   * after `end`. Writes go out in the order of calls.
   */
  write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void>

  /**
   * Resolves when nothing that was written is read from its memory any more. Rejects with the channel's reason; where
   * that was given to `abort`, some of it may still be read, and go out, for a while.
   */
  flush(): Promise<void>

  /** Nothing more will be written. The peer reads everything before, then undefined. */
  end(): Promise<void>

  /** Drop both directions now; whoever waits on either end is rejected. Harmless when closed. */
  abort(reason: Error): void
}
