/**
 * How much the peer may send on one stream before it is read (specs/003-transfer.md, "Streams"):
 * `STREAM_UNASKED_BYTES`, and more only of what this node has asked for, as far as the node's
 * budget reaches and the way to the peer needs it. No I/O: clock and sending are injected.
 */
import { MIB, STREAM_UNASKED_BYTES, STREAM_WINDOW_BYTES } from '../limits.ts'
import type { SharedBudget } from '../transfer/shared-budget.ts'

/** The unit in which the budget is taken. */
const STEP_BYTES = MIB

/** The window of bytes that were asked for, before the way to the peer has shown its length. */
export const ASKED_FIRST_BYTES: number = 2 * MIB

/** An update waits until it is worth its frame: this part of the window. */
const UPDATE_PART = 8

/** A window that is used up within so many round trips limits the speed. */
const BUSY_ROUND_TRIPS = 2

/** What the streams of one connection share. */
export interface WindowSite {
  /** For all streams of a node. */
  readonly budget: SharedBudget
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** The shortest round trip so far, in milliseconds; undefined if none was measured. */
  roundTripMs: number | undefined
  /** The window that the way to the peer needed so far. */
  learnedBytes: number
}

export class StreamWindow {
  readonly #site: WindowSite
  /** Tells the peer that it may send that many bytes more. */
  readonly #send: (bytes: number) => void
  /** Bytes that the peer may still send. */
  #credit = STREAM_UNASKED_BYTES
  /** Bytes that the muxer has room for, and that the peer was not told of. */
  #withheld = 0
  /** Bytes received, and not read by the channel. */
  #unread = 0
  /** Bytes that were asked for, and have not arrived. */
  #asked = 0
  /** By step: returns it to the budget. */
  readonly #steps: (() => void)[] = []
  #peer: string | undefined
  #isClosed = false
  /** Since when `#epochBytes` were read; undefined until a byte of them arrives. */
  #epochStart: number | undefined
  #epochBytes = 0

  constructor(site: WindowSite, send: (bytes: number) => void) {
    this.#site = site
    this.#send = send
  }

  /** Bytes beyond `STREAM_UNASKED_BYTES` that the budget has granted. */
  get grantedBytes(): number {
    return this.#steps.length * STEP_BYTES
  }

  /**
   * The peer begins a data frame. False if that is more than it may send: no honest peer does so.
   */
  received(bytes: number): boolean {
    if (bytes > this.#credit) return false
    this.#credit -= bytes
    if (this.#peer !== undefined) this.#unread += bytes
    this.#asked = Math.max(0, this.#asked - bytes)
    this.#epochStart ??= this.#site.now()
    this.#returnSteps()
    return true
  }

  /** The muxer has room for more bytes of this stream. */
  offered(bytes: number): void {
    this.#withheld += bytes
    this.#update()
  }

  /** A channel reads the stream from now on; before, the peer gets no update. */
  bind(peer: string, unreadBytes: number): void {
    this.#peer = peer
    this.#unread = unreadBytes
    this.#update()
  }

  /** The channel has read bytes. */
  taken(bytes: number): void {
    this.#unread = Math.max(0, this.#unread - bytes)
    this.#epochBytes += bytes
    this.#growIfBusy()
    this.#returnSteps()
    this.#update()
  }

  /** This node has asked for that many bytes, and for none that it asked for before. */
  ask(bytes: number): void {
    if (this.#isClosed) return
    this.#asked = bytes
    this.#epochStart = undefined
    this.#epochBytes = 0
    if (bytes > 0) this.#growTo(Math.max(ASKED_FIRST_BYTES, this.#site.learnedBytes))
    this.#returnSteps()
    this.#update()
  }

  /** The stream is over. */
  close(): void {
    this.#isClosed = true
    for (const giveBack of this.#steps.splice(0)) giveBack()
  }

  get #limit(): number {
    return STREAM_UNASKED_BYTES + Math.min(this.grantedBytes, this.#asked)
  }

  /** Doubles a window that was used up in less time than the way to the peer takes. */
  #growIfBusy(): void {
    const limit = this.#limit
    if (this.#epochBytes < limit / 2 || this.#epochStart === undefined) return
    const { now, roundTripMs = 0 } = this.#site
    const time = now()
    const tookMs = time - this.#epochStart
    const isBusy = tookMs * limit < BUSY_ROUND_TRIPS * roundTripMs * this.#epochBytes
    this.#epochStart = time
    this.#epochBytes = 0
    if (!isBusy || this.#asked <= this.grantedBytes) return
    this.#growTo(2 * limit)
    this.#site.learnedBytes = Math.max(this.#site.learnedBytes, this.grantedBytes)
  }

  /** Takes the steps of a window of this size, or as many as there are. */
  #growTo(bytes: number): void {
    const most = Math.min(bytes, STREAM_WINDOW_BYTES, this.#asked)
    while (STREAM_UNASKED_BYTES + this.grantedBytes < most && this.#peer !== undefined) {
      const giveBack = this.#site.budget.takeNow(this.#peer, STEP_BYTES)
      if (giveBack === undefined) return
      this.#steps.push(giveBack)
    }
  }

  /** Returns the steps of bytes that were read, or that will not come. */
  #returnSteps(): void {
    const used = this.#credit + this.#unread - STREAM_UNASKED_BYTES
    const needed = Math.max(used, this.#asked)
    while (this.#steps.length > 0 && needed <= this.grantedBytes - STEP_BYTES) {
      this.#steps.pop()!()
    }
  }

  #update(): void {
    if (this.#peer === undefined || this.#isClosed) return
    const limit = this.#limit
    const bytes = Math.min(this.#withheld, limit - this.#unread - this.#credit)
    const window = Math.min(limit, this.#credit + this.#withheld)
    if (bytes <= 0 || bytes < window / UPDATE_PART) return
    this.#withheld -= bytes
    this.#credit += bytes
    this.#send(bytes)
  }
}
