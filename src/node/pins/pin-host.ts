/** What pins need of their node. */
import type { Key } from '../../hash/key.ts'
import type { HeldValue } from '../cache/held-value.ts'
import type { BoundName, CallOptions, ValueFacts } from '../node.ts'
import type { Pace } from './pace.ts'

/** Options of a fetch for a pin. */
export interface PinFetch extends CallOptions {
  readonly signal: AbortSignal
  readonly pace?: Pace | undefined
}

export interface PinHost {
  /** As `NodeIndex.lookup`. */
  lookup(name: string, options: CallOptions): Promise<BoundName | undefined>
  /** As `NodeIndex.stat`. */
  stat(key: Key, options: CallOptions): Promise<ValueFacts | undefined>
  /** The bytes of a directory. Errors: those of `Node.get`; `too-large`. */
  readDirectory(key: Key, options: CallOptions): Promise<Uint8Array>
  /**
   * Fetches all of a value into the cache. Errors: those of `Node.get`; `no-space` where values in
   * use leave it no room.
   */
  fetch(key: Key, size: number, options: PinFetch): Promise<void>
  /**
   * The value, if all of it is in the cache now: where pinned values of its size are to be, or
   * `anywhere`.
   */
  held(key: Key, anywhere: boolean): Pick<HeldValue, 'key' | 'use'> | undefined
  /** What a value of this size takes of the budget, in bytes. */
  chargeOf(size: number): number
  /** What all pins together may take, in bytes. */
  readonly budgetBytes: number
}
