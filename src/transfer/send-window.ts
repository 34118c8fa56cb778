/**
 * Bounds what a Local has sent of its uploads and Global has not acknowledged, by how long an
 * acknowledgement takes (specs/003-transfer.md, R003-118). Buffers of systems and proxies hold
 * minutes of a slow link: what waits in them delays everything behind it, and nothing shows that it
 * moves. A state machine: the clock is passed in.
 *
 * The uploads share one window and take turns, so all of them move if one does.
 */
import { DstoreError } from '../errors.ts'
import { KIB, PIECE_BYTES, UPLOAD_WINDOW_BYTES } from '../limits.ts'
import type { Pace } from './transfer-channel.ts'

/** Small enough for a link of 0.2 Mbit/s to carry in a second or two. */
const LEAST_BYTES = 32 * KIB

const FIRST_BYTES = 2 * LEAST_BYTES

/** The window grows while an acknowledgement takes this much longer than the fastest did, in ms. */
const QUICK_MS = 200

/** The window shrinks when one takes this much longer, in ms: to what takes no more than that. */
const SLOW_MS = 1000

/** No link is slower than this when it is idle, in ms: then the fastest had to wait, too. */
const LONGEST_IDLE_MS = 1000

/** After a pause of this length the link may have become another, in ms. */
const IDLE_MS = 10_000

/** How much the window grows for each acknowledged byte, at most: fast links are found soon. */
const FASTEST_GROWTH = 7

const LEAST_CHUNK_BYTES = 8 * KIB

export class SendWindow {
  readonly #now: () => number
  #limit = FIRST_BYTES
  #inFlight = 0
  #fastestMs = Infinity
  #movedAt = 0
  #shrunkAt = -Infinity
  readonly #flows = new Set<Flow>()
  readonly #waiting = new Set<Waiting>()

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  get limitBytes(): number {
    return this.#limit
  }

  get inFlightBytes(): number {
    return this.#inFlight
  }

  get chunkBytes(): number {
    const share = this.#limit / 8
    const whole = share - (share % LEAST_CHUNK_BYTES)
    return Math.min(PIECE_BYTES, Math.max(LEAST_CHUNK_BYTES, whole))
  }

  /**
   * Begins an upload, with at most `mostBytes` in flight. `onMoved` is called when bytes of any
   * upload have arrived.
   */
  open(onMoved: () => void, mostBytes: number = UPLOAD_WINDOW_BYTES): Flow {
    const flow: Flow = new Flow(
      {
        take: (waiting) => this.#take(waiting),
        drop: (waiting) => this.#waiting.delete(waiting),
        acknowledged: (bytes, ms) => this.#acknowledged(bytes, ms),
        released: (bytes, isLost) => this.#released(bytes, isLost),
        closed: () => this.#flows.delete(flow),
        chunkBytes: () => this.chunkBytes,
        now: this.#now,
      },
      onMoved,
      mostBytes,
    )
    this.#flows.add(flow)
    return flow
  }

  #take(waiting: Waiting): void {
    if (this.#inFlight === 0 && this.#now() - this.#movedAt > IDLE_MS) this.#reset()
    this.#waiting.add(waiting)
    this.#serve()
  }

  /** In turn; an upload with enough in flight lets the others pass. */
  #serve(): void {
    for (const waiting of this.#waiting) {
      const { flow, bytes } = waiting
      if (this.#inFlight > 0 && this.#inFlight + bytes > this.#limit) return
      if (!flow.hasRoom(bytes)) continue
      this.#waiting.delete(waiting)
      this.#inFlight += bytes
      flow.sent(bytes)
      waiting.grant()
    }
  }

  #acknowledged(bytes: number, ms: number): void {
    const wasFull = this.#inFlight >= this.#limit / 2
    this.#inFlight -= bytes
    this.#movedAt = this.#now()
    this.#fastestMs = Math.min(this.#fastestMs, ms)
    const idleMs = Math.min(LONGEST_IDLE_MS, this.#fastestMs)
    const late = ms - idleMs
    if (late < QUICK_MS && wasFull) {
      // To what the link carries in `SLOW_MS` by this measure, but twice as much in any case.
      const growth = Math.min(FASTEST_GROWTH, Math.max(1, SLOW_MS / ms))
      this.#limit = Math.min(UPLOAD_WINDOW_BYTES, Math.floor(this.#limit + growth * bytes))
    } else if (late > SLOW_MS && this.#movedAt - this.#shrunkAt > ms) {
      const fits = (this.#limit * (idleMs + SLOW_MS)) / ms
      this.#limit = Math.max(LEAST_BYTES, Math.floor(fits))
      this.#shrunkAt = this.#movedAt
    }
    for (const { onMoved } of this.#flows) onMoved()
    this.#serve()
  }

  /** What was in flight on a channel is not any more; lost, if the channel broke. */
  #released(bytes: number, isLost: boolean): void {
    this.#inFlight -= bytes
    if (isLost && bytes > 0) this.#reset()
    this.#serve()
  }

  #reset(): void {
    this.#limit = FIRST_BYTES
    this.#fastestMs = Infinity
  }
}

interface Waiting {
  readonly flow: Flow
  readonly bytes: number
  readonly grant: () => void
}

interface Shared {
  take(waiting: Waiting): void
  drop(waiting: Waiting): void
  acknowledged(bytes: number, ms: number): void
  released(bytes: number, isLost: boolean): void
  closed(): void
  chunkBytes(): number
  readonly now: () => number
}

/** One upload, on one channel after another. */
export class Flow implements Pace {
  readonly onMoved: () => void
  readonly #window: Shared
  readonly #mostBytes: number
  /** On the current channel. */
  #sentBytes = 0
  #receivedBytes = 0
  /** What was sent and not acknowledged: where each chunk ended, and when it was sent. */
  readonly #chunks: { readonly end: number; readonly at: number }[] = []

  constructor(window: Shared, onMoved: () => void, mostBytes: number) {
    this.#window = window
    this.onMoved = onMoved
    this.#mostBytes = mostBytes
  }

  get chunkBytes(): number {
    return Math.min(this.#window.chunkBytes(), this.#mostBytes)
  }

  hasRoom(bytes: number): boolean {
    const inFlight = this.#sentBytes - this.#receivedBytes
    return inFlight === 0 || inFlight + bytes <= this.#mostBytes
  }

  async take(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      let isGranted = false
      const stop = (): void => {
        this.#window.drop(waiting)
        reject(signal.reason as Error)
      }
      const grant = (): void => {
        isGranted = true
        signal.removeEventListener('abort', stop)
        resolve()
      }
      const waiting: Waiting = { flow: this, bytes, grant }
      this.#window.take(waiting)
      // Mostly there is room: a listener costs more than all else here.
      if (!isGranted) signal.addEventListener('abort', stop, { once: true })
    })
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes
    this.#chunks.push({ end: this.#sentBytes, at: this.#window.now() })
  }

  /** The bytes of this channel that the receiver has. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** The receiver has this many bytes of what was sent on this channel. */
  received(bytes: number): void {
    if (bytes <= this.#receivedBytes || bytes > this.#sentBytes) {
      throw new DstoreError('protocol', `a peer has ${bytes} bytes of an upload`)
    }
    const count = bytes - this.#receivedBytes
    this.#receivedBytes = bytes
    let at: number | undefined
    while (this.#chunks.length > 0 && this.#chunks[0]!.end <= bytes) at = this.#chunks.shift()!.at
    // Part of a chunk: its first byte was sent then.
    at ??= this.#chunks[0]!.at
    this.#window.acknowledged(count, this.#window.now() - at)
  }

  /** The upload starts on a channel, or continues on another. */
  restart(): void {
    this.#release(true)
  }

  /** The upload is over: Global has all of it, or it failed. */
  close(isComplete = false): void {
    this.#release(!isComplete)
    this.#window.closed()
  }

  #release(isLost: boolean): void {
    this.#chunks.length = 0
    const inFlight = this.#sentBytes - this.#receivedBytes
    this.#sentBytes = 0
    this.#receivedBytes = 0
    this.#window.released(inFlight, isLost)
  }
}
