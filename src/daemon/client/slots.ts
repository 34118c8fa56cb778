/** How many calls of a client are in progress at a time; further ones wait in order (R007-115). */
import { inTime } from '../../deadline.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'

/** The right to be in progress. */
export interface Slot {
  /** Ends it. The second call has no effect. */
  free(): void
  /** Offers it to other calls until `reclaim`: `onTaken` tells that one has taken it. */
  offer(onTaken: () => void): void
  /** False if another call has taken it. */
  reclaim(): boolean
}

export class Slots {
  readonly #count: number
  /** What holds a slot, for messages. */
  readonly #what: string
  #used = 0
  /** Slots freed so far. */
  #freed = 0
  readonly #waiting = new Set<() => void>()
  /** Slots that may be taken, the longest offered first. */
  readonly #offered = new Map<Slot, () => void>()

  constructor(count: number, what: string) {
    this.#count = count
    this.#what = what
  }

  /**
   * Waits for a slot. Rejects with `busy` once none was freed for `patienceMs`, and with
   * `cancelled` by the signal.
   */
  async take(patienceMs: number, signal: AbortSignal): Promise<Slot> {
    for (;;) {
      const slot = this.tryTake()
      if (slot !== undefined) return slot
      const freed = this.#freed
      try {
        await inTime({ ms: patienceMs, what: 'no slot', signal }, (resolve) => {
          const pass = (): void => resolve(() => undefined)
          this.#waiting.add(pass)
          return () => this.#waiting.delete(pass)
        })
        return this.#slot()
      } catch (error) {
        if (asDstoreError(error).code !== 'timeout') throw error
        if (this.#freed === freed) throw this.busy()
      }
    }
  }

  /** A slot at once; undefined if all are in use. */
  tryTake(): Slot | undefined {
    if (this.#waiting.size > 0) return undefined
    return this.#used < this.#count || this.#takeOffered() ? this.force() : undefined
  }

  /** A slot at once, beyond the bound if need be. */
  force(): Slot {
    this.#used++
    return this.#slot()
  }

  busy(): DstoreError {
    return new DstoreError('busy', `${this.#count} ${this.#what} are in progress`, {
      hint: 'read or cancel some of them first',
    })
  }

  #slot(): Slot {
    let isHeld = true
    const slot: Slot = {
      free: () => {
        if (!isHeld) return
        isHeld = false
        this.#offered.delete(slot)
        this.#pass()
      },
      offer: (onTaken) => {
        if (!isHeld) return
        this.#offered.set(slot, onTaken)
        if (this.#waiting.size > 0) this.#takeOffered()
      },
      reclaim: () => {
        this.#offered.delete(slot)
        return isHeld
      },
    }
    return slot
  }

  #takeOffered(): boolean {
    const [longest] = this.#offered
    if (longest === undefined) return false
    const [slot, onTaken] = longest
    slot.free()
    onTaken()
    return true
  }

  /** Passes a freed slot on to the call that has waited longest. */
  #pass(): void {
    this.#freed++
    const [next] = this.#waiting
    if (next === undefined || this.#used > this.#count) {
      this.#used--
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
