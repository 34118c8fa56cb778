/** Looks up many keys, in ascending order, in the lists of a bucket: a page at a time in memory. */
import type { ListedObject, ObjectStore } from '../../bucket/object-store.ts'
import { DstoreError } from '../../errors.ts'

const ENDLESS = 'the bucket lists nothing, and says that more follows'

export class AscendingList {
  readonly #objects: Pick<ObjectStore, 'list'>
  readonly #prefix: string
  readonly #signal: AbortSignal
  #page: readonly ListedObject[] = []
  #at = 0
  #more = true
  /** Calls take turns. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(objects: Pick<ObjectStore, 'list'>, prefix: string, signal: AbortSignal) {
    this.#objects = objects
    this.#prefix = prefix
    this.#signal = signal
  }

  /** Bytes of the object as of its page; a key must not be less than one that was asked before. */
  size(key: string): Promise<number | undefined> {
    const turn = this.#last.then(() => this.#size(key))
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async #size(key: string): Promise<number | undefined> {
    for (;;) {
      for (; this.#at < this.#page.length; this.#at++) {
        const { key: found, size } = this.#page[this.#at]!
        if (found === key) return size
        if (found > key) return undefined
      }
      if (!this.#more) return undefined
      const last = this.#page.at(-1)?.key
      const { objects, more } = await this.#objects.list(this.#prefix, last, this.#signal)
      // It must get further: a bucket that repeats itself would never end.
      if (more && objects.length === 0) throw new DstoreError('integrity', ENDLESS)
      this.#page = objects
      this.#more = more
      this.#at = 0
    }
  }
}
