/**
 * The reads in progress, for callers and peers, so that a removal can end them
 * (specs/004-index.md).
 */
import type { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'

/** A part of a value that this node holds or passes through. */
export interface Holding {
  readonly key: Key
  /** The seq of the put that made the key exist. */
  incarnation: number
  /** Unconfirmed by Global since a reset. */
  isVoid: boolean
}

export interface Read {
  /** Aborted, with the reason, when the read must end. */
  readonly signal: AbortSignal
  end(): void
}

interface Open {
  readonly holding: Holding
  readonly controller: AbortController
}

export class ActiveReads {
  readonly #open = new Map<string, Set<Open>>()

  begin(holding: Holding): Read {
    const text = holding.key.toHex()
    const set = this.#open.get(text) ?? new Set()
    const open = { holding, controller: new AbortController() }
    this.#open.set(text, set.add(open))
    return {
      signal: open.controller.signal,
      end: () => {
        set.delete(open)
        if (set.size === 0) this.#open.delete(text)
      },
    }
  }

  /** The holdings of a value that are being read. */
  of(key: Key): Holding[] {
    return [...(this.#open.get(key.toHex()) ?? [])].map(({ holding }) => holding)
  }

  /** The keys of all values that are being read. */
  *keys(): Generator<Key> {
    for (const set of this.#open.values()) for (const { holding } of set) yield holding.key
  }

  /** Ends the reads of a value that `isConcerned` selects. */
  cut(key: Key, reason: DstoreError, isConcerned: (holding: Holding) => boolean): void {
    for (const { holding, controller } of this.#open.get(key.toHex()) ?? []) {
      if (isConcerned(holding)) controller.abort(reason)
    }
  }

  cutAll(reason: DstoreError): void {
    for (const set of this.#open.values()) {
      for (const { controller } of set) controller.abort(reason)
    }
  }
}
