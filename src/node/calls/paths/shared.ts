/** What several callers hold at a time, made once and ended with the last of them. */
import { setMaxListeners } from 'node:events'
import { untilAborted } from '../../../deadline.ts'
import { DstoreError, throwIfCancelled } from '../../../errors.ts'
import type { CallOptions, Progress } from '../../node.ts'

/** Something that can be held. */
export interface Made {
  /** Aborted, with the reason, once it is no more. */
  readonly removed: AbortSignal
  /** Called once no caller holds it. */
  readonly end: () => void
}

interface Entry<T> {
  readonly made: Promise<T>
  /** Once it is made. */
  value: T | undefined
  readonly maker: AbortController
  readonly listeners: Set<(progress: Progress) => void>
  users: number
}

export class Shared<T extends Made> {
  readonly #entries = new Map<string, Entry<T>>()

  /** How many are held or being made. */
  get count(): number {
    return this.#entries.size
  }

  /**
   * What is held under this id, else what `make` makes, which is cancelled with the last caller
   * that waits for it. Errors: those of `make`; `cancelled`.
   */
  async take(
    id: string,
    { signal, onProgress }: CallOptions,
    make: (options: CallOptions) => Promise<T>,
  ): Promise<{ readonly made: T; readonly release: () => void }> {
    const entry = this.#entries.get(id) ?? this.#begin(id, make)
    entry.users++
    if (onProgress !== undefined) entry.listeners.add(onProgress)
    let isHeld = true
    const release = (): void => {
      if (!isHeld) return
      isHeld = false
      if (--entry.users === 0) this.#end(id, entry)
    }
    try {
      const made = await (signal ? untilAborted(entry.made, signal) : entry.made)
      return { made, release }
    } catch (error) {
      release()
      throwIfCancelled(signal)
      throw error
    } finally {
      if (onProgress !== undefined) entry.listeners.delete(onProgress)
    }
  }

  #begin(id: string, make: (options: CallOptions) => Promise<T>): Entry<T> {
    const maker = new AbortController()
    // One for each value of a folder.
    setMaxListeners(0, maker.signal)
    const listeners = new Set<(progress: Progress) => void>()
    const onProgress = (progress: Progress): void => {
      for (const listener of listeners) listener(progress)
    }
    const made = make({ signal: maker.signal, onProgress })
    const entry: Entry<T> = { made, value: undefined, maker, listeners, users: 0 }
    this.#entries.set(id, entry)
    const forget = (): void => {
      if (this.#entries.get(id) === entry) this.#entries.delete(id)
    }
    const keep = (value: T): void => {
      entry.value = value
      onceAborted(value.removed, forget)
    }
    void made.then(keep, forget)
    return entry
  }

  #end(id: string, entry: Entry<T>): void {
    const { made, maker, value } = entry
    if (this.#entries.get(id) === entry) this.#entries.delete(id)
    maker.abort(new DstoreError('cancelled', 'no caller waits for it'))
    if (value !== undefined) return value.end()
    void made.then(
      (one) => one.end(),
      () => undefined,
    )
  }
}

function onceAborted(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act()
  else signal.addEventListener('abort', act, { once: true })
}
