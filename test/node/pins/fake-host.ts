/** The world that pins see, in memory: names, values, Global, and a cache with a budget. */
import { DstoreError } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import type { BoundName, ValueFacts } from '../../../src/node/node.ts'
import type { PinHost } from '../../../src/node/pins/pin-host.ts'

export interface FakeValue {
  readonly key: Key
  users: number
  use(): () => void
}

export const keyOfNumber = (number: number, size: number): Key =>
  new Key(hash(Uint8Array.of(number, size)).digest)

export class FakeHost implements PinHost {
  readonly budgetBytes: number
  /** By hexadecimal digest: what Global stores. */
  readonly stored: Map<string, { key: Key; size: number; incarnation: number }> = new Map()
  readonly names: Map<string, Key> = new Map()
  readonly cache: Map<string, FakeValue> = new Map()
  isAway = false
  fetches = 0
  /** Fetches wait for it. */
  gate: Promise<void> = Promise.resolve()
  /** Values that were dropped from the cache, for the pins. */
  onLost: (value: FakeValue) => void = () => undefined
  #seq = 0

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes
  }

  put(number: number, size: number): Key {
    const key = keyOfNumber(number, size)
    if (!this.stored.has(key.toHex())) {
      this.stored.set(key.toHex(), { key, size, incarnation: ++this.#seq })
    }
    return key
  }

  /** Removes a value everywhere, and its names. */
  remove(key: Key): string[] {
    this.stored.delete(key.toHex())
    const names = [...this.names].filter(([, bound]) => bound.equals(key)).map(([name]) => name)
    for (const name of names) this.names.delete(name)
    this.drop(key)
    return names
  }

  /** The cache no longer has it. */
  drop(key: Key): void {
    const value = this.cache.get(key.toHex())
    if (value === undefined) return
    this.cache.delete(key.toHex())
    this.onLost(value)
  }

  chargeOf(size: number): number {
    return size
  }

  async lookup(name: string): Promise<BoundName | undefined> {
    await this.#ask()
    const key = this.names.get(name)
    return key && { name, key, size: 1, incarnation: 1, heldBytes: 0, confirmed: true }
  }

  async stat(key: Key): Promise<ValueFacts | undefined> {
    await this.#ask()
    const found = this.stored.get(key.toHex())
    const rest = { heldBytes: 0, names: [], holders: [], confirmed: true }
    return found && { ...found, ...rest }
  }

  readDirectory(): Promise<Uint8Array> {
    throw new Error('there are no directories here')
  }

  held(key: Key): FakeValue | undefined {
    return this.cache.get(key.toHex())
  }

  async fetch(key: Key): Promise<void> {
    this.fetches++
    await this.gate
    await this.#ask()
    const found = this.stored.get(key.toHex())
    if (found === undefined) throw new DstoreError('not-found', 'no such key')
    if (!this.#makeRoom(found.size)) throw new DstoreError('no-space', 'no room')
    const value: FakeValue = {
      key,
      users: 0,
      use: () => {
        value.users++
        let isOver = false
        return () => {
          if (!isOver) value.users--
          isOver = true
        }
      },
    }
    if (!this.cache.has(key.toHex())) this.cache.set(key.toHex(), value)
  }

  /** Bytes of what the cache may not evict. */
  get usedBytes(): number {
    let bytes = 0
    for (const { key, users } of this.cache.values()) if (users > 0) bytes += this.#sizeOf(key)
    return bytes
  }

  #makeRoom(size: number): boolean {
    const all = (): number =>
      [...this.cache.values()].reduce((sum, { key }) => sum + this.#sizeOf(key), 0)
    for (const value of this.cache.values()) {
      if (all() + size <= this.budgetBytes) break
      if (value.users === 0) this.drop(value.key)
    }
    return all() + size <= this.budgetBytes
  }

  #sizeOf(key: Key): number {
    return this.stored.get(key.toHex())?.size ?? 0
  }

  async #ask(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    if (this.isAway) throw new DstoreError('unreachable', 'Global is away')
  }
}
