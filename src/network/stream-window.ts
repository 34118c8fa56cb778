/**
 * How much the peer may send on one stream before it is read (specs/003-transfer.md, "Streams"):
 * `STREAM_UNASKED_BYTES`, and more only of what this node has asked for or allows, as far as the
 * node's budget reaches and the way to the peer needs it. No I/O: clock and sending are injected.
 */
import {
  CONNECTION_UNASKED_BYTES,
  MIB,
  STREAM_UNASKED_BYTES,
  STREAM_WINDOW_BYTES,
} from '../limits.ts'
import type { SharedBudget } from '../transfer/shared-budget.ts'

/** The unit in which the budget is taken. */
const STEP_BYTES = MIB

/** The window of bytes that were asked for, before the way to the peer has shown its length. */
export const ASKED_FIRST_BYTES: number = 2 * MIB

/** An update waits until it is worth its frame: this part of the window. */
const UPDATE_PART = 8

/** A window that is used up within so many round trips limits the speed. */
const BUSY_ROUND_TRIPS = 2

/** What all streams of a node share. */
export interface WindowBudgets {
  /** For what they have beyond `STREAM_UNASKED_BYTES` each. */
  readonly budget: SharedBudget
  /** The part of it for what they are allowed without being asked. */
  readonly allowances: SharedBudget
}

/** What the streams of one connection share. */
export interface WindowSite extends WindowBudgets {
  /** Unread bytes of all streams that were not asked for, and that no budget covers. */
  unaskedBytes: number
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
  /** Bytes that the peer may always send ahead, where there is room. */
  #allowed = 0
  /** Has this node asked, and not said that this is over? */
  #isAsking = false
  /** Bytes of `#unread` that came unasked: no fewer than that. */
  #unasked = 0
  /** How many of them count in the site. */
  #counted = 0
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
   * The peer begins a data frame. False if that is more than it may send, here or on all streams of
   * its connection: no honest peer does so.
   */
  received(bytes: number): boolean {
    if (bytes > this.#credit) return false
    this.#credit -= bytes
    if (this.#peer !== undefined) this.#unread += bytes
    if (!this.#isAsking) this.#unasked += bytes
    this.#asked = Math.max(0, this.#asked - bytes)
    this.#epochStart ??= this.#site.now()
    this.#returnSteps()
    this.#count()
    return this.#site.unaskedBytes <= CONNECTION_UNASKED_BYTES
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
    this.#count()
    this.#update()
  }

  /** The channel has read bytes. */
  taken(bytes: number): void {
    this.#unread = Math.max(0, this.#unread - bytes)
    this.#epochBytes += bytes
    this.#growIfBusy()
    this.#returnSteps()
    this.#count()
    this.#update()
  }

  /** This node has asked for that many bytes, and for none that it asked for before. */
  ask(bytes: number): void {
    if (this.#isClosed) return
    this.#asked = bytes
    this.#isAsking = bytes > 0
    this.#epochStart = undefined
    this.#epochBytes = 0
    if (bytes > 0) this.#growTo(Math.max(ASKED_FIRST_BYTES, this.#site.learnedBytes))
    this.#returnSteps()
    this.#update()
  }

  /** The peer may send that many bytes ahead from now on, once it is seen to need them. */
  allow(bytes: number): void {
    this.#allowed = bytes
  }

  /** The stream is over. */
  close(): void {
    this.#isClosed = true
    this.#unasked = 0
    this.#count()
    for (const giveBack of this.#steps.splice(0)) giveBack()
  }

  get #limit(): number {
    return STREAM_UNASKED_BYTES + Math.min(this.grantedBytes, this.#wanted)
  }

  get #wanted(): number {
    return Math.max(this.#asked, this.#allowed)
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
    if (!isBusy || this.#wanted <= this.grantedBytes) return
    this.#growTo(2 * limit)
    if (this.#allowed > 0) return
    this.#site.learnedBytes = Math.max(this.#site.learnedBytes, this.grantedBytes)
  }

  /** Takes the steps of a window of this size, or as many as there are. */
  #growTo(bytes: number): void {
    const most = Math.min(bytes, STREAM_WINDOW_BYTES, this.#wanted)
    while (STREAM_UNASKED_BYTES + this.grantedBytes < most && this.#peer !== undefined) {
      const giveBack = this.#takeStep(this.#peer)
      if (giveBack === undefined) return
      this.#steps.push(giveBack)
    }
  }

  #takeStep(peer: string): (() => void) | undefined {
    const { budget, allowances } = this.#site
    if (this.#allowed === 0) return budget.takeNow(peer, STEP_BYTES)
    const allowance = allowances.takeNow(peer, STEP_BYTES)
    const step = allowance && budget.takeNow(peer, STEP_BYTES)
    if (step === undefined) {
      allowance?.()
      return undefined
    }
    return () => {
      step()
      allowance?.()
    }
  }

  /** Counts what is unread and was not asked for, beyond what the budget has granted. */
  #count(): void {
    if (this.#peer !== undefined) this.#unasked = Math.min(this.#unasked, this.#unread)
    const counts = Math.max(0, this.#unasked - this.grantedBytes)
    this.#site.unaskedBytes += counts - this.#counted
    this.#counted = counts
  }

  /** Returns the steps of bytes that were read, or that will not come. */
  #returnSteps(): void {
    const used = this.#credit + this.#unread - STREAM_UNASKED_BYTES
    const needed = Math.max(used, this.#wanted)
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
