/** A map that iterates in the order of its keys, from any key: a table of the memory store. */

/** Keys in one block: few enough to insert by moving, enough to keep the number of blocks small. */
const BLOCK_KEYS = 512

/** Compares keys by UTF-16 code units: bytewise if each code unit is a byte. */
export class SortedMap<V> {
  readonly #values = new Map<string, V>()
  /** All keys in order, in blocks of 1 to `BLOCK_KEYS`. */
  readonly #blocks: string[][] = []

  get size(): number {
    return this.#values.size
  }

  get(key: string): V | undefined {
    return this.#values.get(key)
  }

  /** Is the key new? */
  set(key: string, value: V): boolean {
    const { size } = this.#values
    const isNew = this.#values.set(key, value).size > size
    if (isNew) this.#insert(key)
    return isNew
  }

  delete(key: string): void {
    if (!this.#values.delete(key)) return
    const at = this.#blockOf(key)
    const block = this.#blocks[at]!
    block.splice(firstNotBefore(block, key), 1)
    if (block.length === 0) this.#blocks.splice(at, 1)
  }

  /** The keys from `start` on, in order. The map must not change meanwhile. */
  *keysFrom(start: string): Generator<string> {
    for (let at = this.#blockOf(start); at < this.#blocks.length; at++) {
      const block = this.#blocks[at]!
      for (let i = firstNotBefore(block, start); i < block.length; i++) yield block[i]!
    }
  }

  /** The values of the keys that begin with `prefix` and are greater than `after`, in order. */
  *valuesOf(prefix: string, after: string): Generator<V> {
    for (const [, value] of this.entriesOf(prefix, after)) yield value
  }

  /** As `valuesOf`, with their keys. */
  *entriesOf(prefix: string, after: string): Generator<readonly [string, V]> {
    for (const key of this.keysFrom(prefix > after ? prefix : after)) {
      if (!key.startsWith(prefix)) return
      if (key !== after) yield [key, this.#values.get(key)!]
    }
  }

  #insert(key: string): void {
    const at = this.#blockOf(key)
    const block = this.#blocks[at]
    if (block === undefined) {
      this.#blocks.push([key])
      return
    }
    block.splice(firstNotBefore(block, key), 0, key)
    if (block.length > BLOCK_KEYS) this.#blocks.splice(at + 1, 0, block.splice(BLOCK_KEYS / 2))
  }

  /** Index of the last block that begins at or before the key; 0 if none does. */
  #blockOf(key: string): number {
    const after = firstIndex(this.#blocks.length, (i) => this.#blocks[i]![0]! > key)
    return Math.max(0, after - 1)
  }
}

/** Index of the first key that is not less than this one. */
function firstNotBefore(keys: readonly string[], key: string): number {
  return firstIndex(keys.length, (i) => keys[i]! >= key)
}

/** The first index below `count` that passes, as all after it do; `count` if none does. */
export function firstIndex(count: number, passes: (index: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (passes(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** A string with one character per byte: such strings compare bytewise. */
export function sortable(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')
}

/** What `sortable` made a string of. */
export const unsortable = (key: string): Uint8Array => new Uint8Array(Buffer.from(key, 'latin1'))
