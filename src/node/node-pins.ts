/** What is to stay on this machine. */
import type { Key } from '../hash/key.ts'
import type { CallOptions } from './call-options.ts'

/** Something that was pinned: a key, or a name and a path below it. */
export interface Pin {
  /** As it was given: KEY or NAME, and a path below it. */
  readonly word: string
  /** What it stands for now; undefined while that is unknown, or gone. */
  readonly key: Key | undefined
  /** Bytes, of a directory the total; undefined as above. */
  readonly size: number | undefined
  readonly heldBytes: number
  readonly state: 'held' | 'fetching' | 'waiting' | 'removed' | 'over-budget'
}

/** Options of `pin`. */
export interface PinOptions extends CallOptions {
  /** Bytes per second; undefined: as fast as it goes. */
  readonly maxRate?: number
}

/** Pins of a Local. */
export interface NodePins {
  /** Resolves when everything is held. Errors: those of `get`, `no-space` when over budget. */
  pin(word: string, options?: PinOptions): Promise<Pin>
  /** Errors: `not-found` if it is not pinned. */
  unpin(word: string): Promise<void>
  pins(): AsyncIterable<Pin>
}
