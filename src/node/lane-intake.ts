/**
 * Where the bytes of a lane land: decrypted straight into memory that is used again as soon as they were read. Node's
 * own way is an array for every TLS record, 65,536 of them a GiB, each with its turn of the event machinery.
 *
 * What lands in one turn of the event loop is given out together.
 */
import { unzeroed } from '../bytes.ts'
import { CHANNEL_BUFFER_BYTES, LANE_SLAB_BYTES, LANE_SLABS } from '../limits.ts'

/** Less room than a TLS record has is not worth offering. */
const LEAST_ROOM_BYTES = 16 * 1024

/** Memory that is not in use, for all lanes of a dialler. */
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

export class LaneIntake {
  readonly #pool: SlabPool
  /** Where the next bytes land, from `#filled` on; those from `#given` on were not given out yet. */
  #slab: Uint8Array
  #filled = 0
  #given = 0
  /** Bytes of earlier slabs that were not given out yet, and these slabs. */
  #landed: Uint8Array[] = []
  #waitingBytes = 0
  #full: Uint8Array[] = []
  #isHeld = false
  #take: ((bytes: Uint8Array) => void) | undefined
  #scheduled: NodeJS.Immediate | undefined

  constructor(pool: SlabPool) {
    this.#pool = pool
    this.#slab = pool.take()
  }

  /** What `tls.connect` wants to be told. */
  readonly onread = {
    buffer: (): Uint8Array => this.#room(),
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

  /** Give out what comes from here on to `take`, and what has come. It is good until `release`. */
  start(take: (bytes: Uint8Array) => void): void {
    this.#take = take
    this.give()
  }

  /** Give out what has landed, now. */
  give(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    const take = this.#take
    if (take === undefined) return
    const landed = this.#landed
    if (this.#filled > this.#given) landed.push(this.#slab.subarray(this.#given, this.#filled))
    this.#given = this.#filled
    this.#landed = []
    this.#waitingBytes = 0
    for (const bytes of landed) take(bytes)
  }

  /** All that was given out has been read: its memory is free. */
  release(): void {
    if (this.#landed.length > 0) return
    for (const slab of this.#full) this.#pool.give(slab)
    this.#full = []
  }

  #came(count: number): boolean {
    this.#filled += count
    this.#waitingBytes += count
    this.#scheduled ??= setImmediate(() => this.give())
    this.#isHeld = this.#waitingBytes >= CHANNEL_BUFFER_BYTES
    return !this.#isHeld
  }

  #room(): Uint8Array {
    if (this.#slab.byteLength - this.#filled < LEAST_ROOM_BYTES) {
      if (this.#filled > this.#given) {
        this.#landed.push(this.#slab.subarray(this.#given, this.#filled))
      }
      this.#full.push(this.#slab)
      this.#slab = this.#pool.take()
      this.#filled = 0
      this.#given = 0
    }
    return this.#slab.subarray(this.#filled)
  }
}
