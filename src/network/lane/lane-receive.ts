/**
 * Where the bytes of a lane land: decrypted straight into the memory that they are for, or into slabs that are used again
 * as soon as they were read. Node's own way is an array for every TLS record, 65,536 of them a GiB, each with its turn of
 * the event machinery.
 */
import { unzeroed } from '../../bytes.ts'
import { KIB } from '../../limits.ts'

/**
 * Lane bytes are sent and received through reusable slabs of this size. A dialed lane holds one; a
 * lane that sends holds two more.
 */
export const LANE_SLAB_BYTES: number = 256 * KIB

/** Slabs that a node keeps for its lanes beside those that are in use. */
const LANE_SLABS = 16

/** Less room than a TLS record has is not worth offering. */
const LEAST_ROOM_BYTES = 16 * 1024

/** Memory that is not in use, for all lanes of a dialer. */
export class SlabPool {
  readonly #free: Uint8Array[] = []

  /** Not zeroed: only what has landed in it is ever shown. */
  take(): Uint8Array {
    return this.#free.pop() ?? unzeroed(LANE_SLAB_BYTES)
  }

  give(slab: Uint8Array): void {
    if (this.#free.length < LANE_SLABS) this.#free.push(slab)
  }
}

/** Whose bytes they are. */
export interface LaneSink {
  /** Memory for the next bytes; undefined: a slab. */
  room(): Uint8Array | undefined
  /** How many of them may go into a slab. */
  leftBytes(): number
  /** So many have come to this memory; what lies in a slab is good until `release`. Is it enough for now? */
  received(memory: Uint8Array, count: number): boolean
}

export class LaneReceiver {
  readonly #pool: SlabPool
  /** Where the next bytes land that nobody has memory for, from `#filled` on. */
  #slab: Uint8Array
  #filled = 0
  #full: Uint8Array[] = []
  /** What the socket was given last: it writes there whatever has happened since. */
  #given: Uint8Array
  #isHeld = false
  #taker: LaneSink | undefined
  /** Bytes of the slab that came before there was a taker. */
  #earlyBytes = 0

  constructor(pool: SlabPool) {
    this.#pool = pool
    this.#slab = pool.take()
    this.#given = this.#slab
  }

  /** What `tls.connect` wants to be told. */
  readonly onread = {
    buffer: (): Uint8Array => (this.#given = this.#room()),
    /** False: read no more until the socket is resumed. */
    callback: (count: number): boolean => this.#came(count),
  }

  /** Was the socket told to stop reading? */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** The socket is resumed. */
  goOn(): void {
    this.#isHeld = false
  }

  /** Give out what comes from here on, and what has come. */
  start(taker: LaneSink): void {
    this.#taker = taker
    if (this.#earlyBytes > 0) taker.received(this.#slab, this.#earlyBytes)
  }

  /** Do these bytes lie in a slab? */
  isOwn(bytes: Uint8Array): boolean {
    return bytes.buffer === this.#slab.buffer
  }

  /** All that was given out has been read: its memory is free. */
  release(): void {
    for (const slab of this.#full) this.#pool.give(slab)
    this.#full = []
  }

  #came(count: number): boolean {
    if (this.isOwn(this.#given)) this.#filled += count
    if (this.#taker === undefined) {
      // A peer that cannot wait: what is decrypted already still comes after the hold, and has to fit as well.
      this.#earlyBytes += count
      this.#isHeld = this.#earlyBytes >= LANE_SLAB_BYTES / 2
    } else {
      this.#isHeld = this.#taker.received(this.#given, count)
    }
    return !this.#isHeld
  }

  #room(): Uint8Array {
    const taker = this.#taker
    const room = taker?.room()
    if (room !== undefined) return room
    if (this.#slab.byteLength - this.#filled < LEAST_ROOM_BYTES) {
      this.#full.push(this.#slab)
      this.#slab = this.#pool.take()
      this.#filled = 0
    }
    const most = taker?.leftBytes() ?? LANE_SLAB_BYTES
    return this.#slab.subarray(this.#filled, this.#filled + most)
  }
}
