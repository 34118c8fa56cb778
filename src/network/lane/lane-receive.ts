/**
 * Receives the bytes of a lane into the memory that the reader gives, or into slabs that are reused
 * once they were read. By default Node allocates an array for every TLS record, 65,536 for each
 * GiB, and emits an event for each.
 */
import { unzeroed } from '../../bytes.ts'
import { KIB } from '../../limits.ts'

/**
 * Lane bytes are sent and received through reusable slabs of this size. A dialed lane holds one; a
 * lane that sends holds two more.
 */
export const LANE_SLAB_BYTES: number = 256 * KIB

/** Unused slabs that a pool keeps. */
const LANE_SLABS = 16

/** The least room to offer in a slab: a TLS record. */
const LEAST_ROOM_BYTES = 16 * 1024

/** A slab is full when it has at least this many bytes. */
const FULL_SLAB_BYTES = LANE_SLAB_BYTES - LEAST_ROOM_BYTES

/** Slabs that are free, for all lanes of a dialer or listener. */
export class SlabPool {
  readonly #free: Uint8Array[] = []

  /** Not zeroed: only bytes written to it are ever exposed. */
  take(): Uint8Array {
    return this.#free.pop() ?? unzeroed(LANE_SLAB_BYTES)
  }

  give(slab: Uint8Array): void {
    if (this.#free.length < LANE_SLABS) this.#free.push(slab)
  }
}

/** The consumer of the bytes. */
export interface LaneSink {
  /** Memory for the next bytes; undefined for a slab. */
  reserve(): Uint8Array | undefined
  /** How many of the next bytes may go into a slab. */
  leftBytes(): number
  /**
   * `count` bytes were received into this memory; in a slab they are valid until `release`. Returns
   * true to pause the socket.
   */
  commit(memory: Uint8Array, count: number): boolean
}

export class LaneReceiver {
  readonly #pool: SlabPool
  /** Receives, from `#filled` on, the bytes that the sink has no memory for. */
  #slab: Uint8Array
  #filled = 0
  /** Slabs filled before it and not released yet. */
  readonly #full: Uint8Array[] = []
  /** The memory that the socket got last, and still writes to. */
  #reserved: Uint8Array
  #isPaused = false
  #sink: LaneSink | undefined
  /** Bytes of the slab that were received before there was a sink. */
  #earlyBytes = 0

  constructor(pool: SlabPool) {
    this.#pool = pool
    this.#slab = pool.take()
    this.#reserved = this.#slab
  }

  /** The option of that name of `tls.connect`. */
  readonly onread = {
    buffer: (): Uint8Array => (this.#reserved = this.#reserve()),
    /** Returns false to pause the socket. */
    callback: (count: number): boolean => this.#received(count),
  }

  /** Has `onread` paused the socket? */
  get isPaused(): boolean {
    return this.#isPaused
  }

  /** The socket resumes. */
  resume(): void {
    this.#isPaused = false
  }

  /** Delivers bytes to the sink from now on, beginning with those received before. */
  start(sink: LaneSink): void {
    this.#sink = sink
    if (this.#earlyBytes > 0) sink.commit(this.#slab, this.#earlyBytes)
  }

  /** Is this memory in the current slab? */
  isOwn(bytes: Uint8Array): boolean {
    return bytes.buffer === this.#slab.buffer
  }

  /**
   * All that was delivered was read, but for at most the last `unread` bytes: returns the full
   * slabs before these to the pool. A reader that is always a little behind would else return none.
   */
  release(unread: number): void {
    if (this.#full.length === 0) return
    const inFull = Math.max(0, unread - this.#filled)
    // A slab has lengths of records, too: one more than the bytes fill.
    const kept = unread === 0 ? 0 : Math.ceil(inFull / FULL_SLAB_BYTES) + 1
    const free = this.#full.splice(0, Math.max(0, this.#full.length - kept))
    for (const slab of free) this.#pool.give(slab)
  }

  #received(count: number): boolean {
    if (this.isOwn(this.#reserved)) this.#filled += count
    if (this.#sink === undefined) {
      this.#earlyBytes += count
      // Half a slab: bytes that are decrypted already still arrive after the pause, and must fit
      // too.
      this.#isPaused = this.#earlyBytes >= LANE_SLAB_BYTES / 2
    } else {
      this.#isPaused = this.#sink.commit(this.#reserved, count)
    }
    return !this.#isPaused
  }

  #reserve(): Uint8Array {
    const memory = this.#sink?.reserve()
    if (memory !== undefined) return memory
    if (this.#slab.byteLength - this.#filled < LEAST_ROOM_BYTES) {
      this.#full.push(this.#slab)
      this.#slab = this.#pool.take()
      this.#filled = 0
    }
    const most = this.#sink?.leftBytes() ?? LANE_SLAB_BYTES
    return this.#slab.subarray(this.#filled, this.#filled + most)
  }
}
