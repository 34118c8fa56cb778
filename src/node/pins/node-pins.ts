/** What is to stay on this machine (specs/007-daemon-and-command-line.md, "Pins"). */
import type { ErrorCode } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { PrefetchOptions } from '../call-options.ts'

/**
 * `held`: every value of it is here. `fetching`: some still come. `waiting`: its name is not bound
 * yet, or fetching failed; either is tried again. `removed`: what it stood for is gone; a name is
 * followed again once it is bound.
 * `over-budget`: what its name was moved to does not fit beside the other pins.
 */
export type PinState = 'held' | 'fetching' | 'waiting' | 'removed' | 'over-budget'

/** Something that was pinned: a key, or a name, and a path below it. */
export interface Pin {
  /** As it was given: a name as it is, a key in its usual spelling. */
  readonly word: string
  /** What it stands for now; undefined while that is unknown, or gone. */
  readonly key: Key | undefined
  /**
   * Bytes of its values, each counted once: of a directory, of all that is below it, directories
   * included. Undefined as above.
   */
  readonly size: number | undefined
  /** How many of these bytes are here, and not evicted. */
  readonly heldBytes: number
  readonly state: PinState
  /** The daemon was started with it (`--pin`): it cannot be unpinned. */
  readonly permanent?: true
  /** Why it is not held; undefined if it is, or if nothing has failed yet. */
  readonly error?: string
  /** The code of that error. */
  readonly errorCode?: ErrorCode
}

/** Options of `pin`. */
export type PinOptions = Omit<PrefetchOptions, 'rateGroup'>

/** The pins of a node, in numbers. */
export interface PinsStatus {
  readonly pins: number
  /** Those that are not held. */
  readonly incomplete: number
  /** Bytes of the cache that pins hold or have reserved, with what each value costs besides. */
  readonly usedBytes: number
  /** The most that they may have. */
  readonly budgetBytes: number
}

/** Pins of a Local. */
export interface NodePins {
  /**
   * Fetches what a word stands for, and keeps it on this machine until it is unpinned or removed.
   * Resolves when everything is held, and the pin is saved. A call that fails leaves no new pin
   * behind. Errors: those of `get`; `no-space` where it does not fit beside the other pins;
   * `too-large` beyond `PINS` pins or `PINNED_VALUES` values; `unwritable`.
   */
  pin(word: string, options?: PinOptions): Promise<Pin>

  /**
   * Resolves to the word as pins list it, when it is durable. Errors: `not-found` if it is not
   * pinned; `conflict` if the daemon was started with it; `unwritable`.
   */
  unpin(word: string, options?: { readonly signal?: AbortSignal }): Promise<string>

  /** The pin of a word. Error: `not-found`. */
  find(word: string, options?: { readonly signal?: AbortSignal }): Promise<Pin>

  /** Every pin, by its word. */
  pins(options?: { readonly signal?: AbortSignal }): AsyncIterable<Pin>
}
