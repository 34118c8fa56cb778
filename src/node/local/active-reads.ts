/** What is being read, by callers or by peers, so that a removal can end it (specs/004-index.md, "Applying"). */
import type { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'

/** Something of a value that this node holds or passes on. */
export interface Holding {
  readonly key: Key
  /** The seq of the put that made the key exist. */
  incarnation: number
  /** After a reset, until Global has confirmed it. */
  isVoid: boolean
}

export interface Read {
  /** Aborted, with the reason, when it must end. */
  readonly signal: AbortSignal
  /** It is over. */
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

  /** What is being read of a value. */
  of(key: Key): Holding[] {
    return [...(this.#open.get(key.toHex()) ?? [])].map(({ holding }) => holding)
  }

  /** The keys of everything that is being read. */
  *keys(): Generator<Key> {
    for (const set of this.#open.values()) for (const { holding } of set) yield holding.key
  }

  /** End the reads of a value that this is true of. */
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
