/**
 * The values that pins keep in the cache. Each is counted once, however many pins need it: first
 * reserved, so that pins never promise more than the budget has, then fetched and held.
 */
import { DstoreError, asDstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import { PINNED_VALUES } from '../../limits.ts'
import { pause } from '../../deadline.ts'
import type { HeldValue } from '../cache/held-value.ts'
import type { PinFetch, PinHost } from './pin-host.ts'

/** A value of a pin, and its size in bytes. */
export interface PinnedValue {
  readonly key: Key
  readonly size: number
}

/** By digest, in hexadecimal. */
export type Values = ReadonlyMap<string, PinnedValue>

interface Slot extends PinnedValue {
  readonly charge: number
  /** How many reservations have it. */
  reserved: number
  hold: { readonly value: Pick<HeldValue, 'key'>; readonly release: () => void } | undefined
}

/** How often a value is fetched that others' reads leave no room for, or evict at once. */
const ATTEMPTS = 8
const ATTEMPT_MS = 250

export class PinnedValues {
  readonly #host: Pick<PinHost, 'fetch' | 'held' | 'chargeOf' | 'budgetBytes'>
  readonly #slots = new Map<string, Slot>()
  #usedBytes = 0

  constructor(host: Pick<PinHost, 'fetch' | 'held' | 'chargeOf' | 'budgetBytes'>) {
    this.#host = host
  }

  /** What is reserved, in bytes of the budget. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /**
   * Reserves room for these values, all or none. Errors: `no-space`, `too-large` beyond
   * `PINNED_VALUES`.
   */
  reserve(values: Values): void {
    let bytes = 0
    let count = this.#slots.size
    for (const [id, { size }] of values) {
      if (this.#slots.has(id)) continue
      bytes += this.#host.chargeOf(size)
      count++
    }
    const { budgetBytes } = this.#host
    if (this.#usedBytes + bytes > budgetBytes) throw noRoom(bytes, this.#usedBytes, budgetBytes)
    if (count > PINNED_VALUES) throw tooMany()
    for (const [id, { key, size }] of values) {
      const slot = this.#slots.get(id)
      if (slot !== undefined) slot.reserved++
      else
        this.#add(id, {
          key,
          size,
          charge: this.#host.chargeOf(size),
          reserved: 1,
          hold: undefined,
        })
    }
  }

  /** Gives up a reservation. What no other pin needs may be evicted from now on. */
  free(values: Values): void {
    for (const id of values.keys()) {
      const slot = this.#slots.get(id)
      if (slot === undefined || --slot.reserved > 0) continue
      this.#slots.delete(id)
      this.#usedBytes -= slot.charge
      slot.hold?.release()
    }
  }

  isHeld(id: string): boolean {
    return this.#slots.get(id)?.hold !== undefined
  }

  /**
   * Fetches a reserved value, unless it is held. Errors: those of `fetch`; `busy` if it was evicted
   * each time.
   */
  async ensure(id: string, options: PinFetch): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const slot = this.#slots.get(id)
      if (slot === undefined || this.#hold(slot, false)) return
      let fault = evictedAtOnce(slot.key)
      try {
        await this.#host.fetch(slot.key, slot.size, options)
        if (this.#hold(slot, true)) return
        options.signal.throwIfAborted()
      } catch (error) {
        fault = asDstoreError(error)
        if (fault.code !== 'no-space') throw error
      }
      if (attempt === ATTEMPTS) throw fault
      await pause(ATTEMPT_MS, options.signal)
      options.signal.throwIfAborted()
    }
  }

  /** The cache no longer lists a value. Returns its digest if a pin needs it. */
  lost(value: Pick<HeldValue, 'key'>): string | undefined {
    const id = value.key.toHex()
    const slot = this.#slots.get(id)
    if (slot === undefined) return undefined
    if (slot.hold?.value === value) {
      slot.hold.release()
      slot.hold = undefined
    }
    return id
  }

  /** Gives up everything. */
  close(): void {
    for (const { hold } of this.#slots.values()) hold?.release()
    this.#slots.clear()
    this.#usedBytes = 0
  }

  #add(id: string, slot: Slot): void {
    this.#slots.set(id, slot)
    this.#usedBytes += slot.charge
  }

  #hold(slot: Slot, anywhere: boolean): boolean {
    if (slot.hold !== undefined) return true
    // Given up meanwhile: nothing would release it.
    if (slot.reserved === 0) return true
    const value = this.#host.held(slot.key, anywhere)
    if (value === undefined) return false
    slot.hold = { value, release: value.use() }
    return true
  }
}

function noRoom(bytes: number, usedBytes: number, budgetBytes: number): DstoreError {
  const message = `this would pin ${bytes} bytes more; pins have ${usedBytes} of ${budgetBytes} bytes`
  return new DstoreError('no-space', message, {
    hint: '`dstore pins` lists what to unpin; `dstore start --cache SIZE` sets the budget',
  })
}

const tooMany = (): DstoreError =>
  new DstoreError('too-large', `the pins of a node keep at most ${PINNED_VALUES} values`)

const evictedAtOnce = (key: Key): DstoreError =>
  new DstoreError('busy', `the cache does not keep ${key.toString()}: others read too much`)
