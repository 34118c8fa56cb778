/**
 * What a Local holds, as its index disposes of it (specs/004-index.md, "Applying"): values in the cache, values that are
 * being read, bindings of names. All of it happens at once: what is acknowledged afterwards is done.
 */
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import type { Digest, Found, Removal, Unbinding } from '../../index/message.ts'
import type { Cache } from '../cache/cache.ts'
import { ActiveReads } from './active-reads.ts'

/** Bindings that a Local keeps for look-ups while Global is away. */
const CACHED_BINDINGS = 10_000

export class Holdings {
  readonly reads: ActiveReads = new ActiveReads()
  readonly #cache: Cache
  /** By name, the one used longest ago first. */
  readonly #bindings = new Map<string, { readonly key: Key; readonly incarnation: number }>()

  constructor(cache: Cache) {
    this.#cache = cache
  }

  apply(removals: readonly Removal[], unbindings: readonly Unbinding[]): void {
    for (const { digest, seq } of removals) {
      const key = new Key(digest)
      const older = ({ incarnation }: { incarnation: number }): boolean => incarnation < seq
      this.#cache.remove(key, older)
      this.reads.cut(key, removed(), older)
    }
    for (const { name, seq } of unbindings) {
      if ((this.#bindings.get(name)?.incarnation ?? Infinity) < seq) this.#bindings.delete(name)
    }
  }

  /** Nothing is to be served before it is verified: the keys of all that is held or read. */
  reset(): Digest[] {
    this.#bindings.clear()
    const keys = new Map<string, Key>()
    for (const value of this.#cache.values()) {
      value.isVoid = true
      keys.set(value.key.toHex(), value.key)
    }
    for (const key of this.reads.keys()) {
      for (const holding of this.reads.of(key)) holding.isVoid = true
      keys.set(key.toHex(), key)
    }
    return [...keys.values()].map(({ digest }) => digest)
  }

  /** Global says what became of something void: another incarnation, or undefined where it is gone. */
  verified(digest: Digest, incarnation: number | undefined): void {
    const key = new Key(digest)
    const isVoid = (holding: { isVoid: boolean }): boolean => holding.isVoid
    if (incarnation === undefined) {
      this.#cache.remove(key, isVoid)
      this.reads.cut(key, removed(), isVoid)
      return
    }
    const cached = this.#cache.peek(key)
    const holdings = [...this.reads.of(key), ...(cached === undefined ? [] : [cached])]
    for (const holding of holdings.filter(isVoid)) {
      holding.incarnation = incarnation
      holding.isVoid = false
    }
  }

  /** Nothing may be served any more: the lease ran out, or this node is no member. */
  cut(error: DstoreError): void {
    this.reads.cutAll(error)
  }

  bound(name: string): { readonly key: Key; readonly incarnation: number } | undefined {
    return this.#bindings.get(name)
  }

  /** Remember what a name stands for. */
  bind(name: string, { digest, incarnation }: Found): void {
    this.#bindings.delete(name)
    this.#bindings.set(name, { key: new Key(digest), incarnation })
    if (this.#bindings.size > CACHED_BINDINGS) {
      this.#bindings.delete(this.#bindings.keys().next().value!)
    }
  }
}

const removed = (): DstoreError => new DstoreError('removed', 'the value was removed')
