/**
 * The holdings of a Local to which its index applies changes (specs/004-index.md, "Applying"):
 * values in both tiers of the cache, values that are being read, and bindings. Synchronous, so that
 * a change is complete before it is acknowledged.
 */
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import { OwnBindings } from '../../index/local/own-bindings.ts'
import type { Digest, Found, Removal, Unbinding } from '../../index/message.ts'
import type { NameKind } from '../node.ts'
import { boundName } from '../calls/index-calls.ts'
import type { Tiers } from '../tiers/tiers.ts'
import { ActiveReads } from './active-reads.ts'

/** A name as Global bound it, at this seq, and the size of its value in bytes. */
export interface OwnBinding {
  readonly key: Key
  readonly incarnation: number
  readonly size: number
  readonly kind: NameKind
  /** When it was bound to this key; ISO 8601. */
  readonly boundAt?: string
  /** ISO 8601; undefined: never. */
  readonly expiresAt?: string
}

interface Kept {
  readonly incarnation: number
  readonly expiresMs: number | undefined
  readonly binding: OwnBinding
}

/** Bindings that a Local keeps, to answer for names itself (R004-85) and while Global is away. */
const CACHED_BINDINGS = 10_000

export class Holdings {
  readonly reads: ActiveReads = new ActiveReads()
  readonly #tiers: Tiers
  readonly #bindings: OwnBindings<Kept>

  /** `wall`: wall-clock milliseconds since 1970. */
  constructor(tiers: Tiers, wall: () => number = Date.now) {
    this.#tiers = tiers
    this.#bindings = new OwnBindings({ most: CACHED_BINDINGS, wall })
  }

  apply(removals: readonly Removal[], unbindings: readonly Unbinding[]): void {
    for (const { digest, seq } of removals) {
      const key = new Key(digest)
      const older = ({ incarnation }: { incarnation: number }): boolean => incarnation < seq
      this.#tiers.remove(key, older)
      this.reads.cut(key, removed(), older)
    }
    this.#bindings.apply(unbindings)
  }

  /** Marks everything held or being read as unconfirmed, and returns its digests. */
  reset(): Digest[] {
    this.#bindings.clear()
    // A value may have been removed: from now on Global takes this node for one that has none.
    this.#tiers.withdraw(unconfirmed())
    const keys = new Map<string, Key>()
    for (const value of this.#tiers.values()) {
      value.isVoid = true
      keys.set(value.key.toHex(), value.key)
    }
    for (const key of this.reads.keys()) {
      for (const holding of this.reads.of(key)) holding.isVoid = true
      keys.set(key.toHex(), key)
    }
    return [...keys.values()].map(({ digest }) => digest)
  }

  /** Global's answer on an unconfirmed value: its incarnation, or undefined if it was removed. */
  verified(digest: Digest, incarnation: number | undefined): void {
    const key = new Key(digest)
    const isVoid = (holding: { isVoid: boolean }): boolean => holding.isVoid
    if (incarnation === undefined) {
      this.#tiers.remove(key, isVoid)
      this.reads.cut(key, removed(), isVoid)
      return
    }
    const holdings = [...this.reads.of(key), ...this.#tiers.entries(key)]
    for (const holding of holdings.filter(isVoid)) {
      holding.incarnation = incarnation
      holding.isVoid = false
    }
  }

  /** Global answered that the name is not bound. */
  unbound(name: string): void {
    this.#bindings.unbound(name)
  }

  /** Ends every read: the lease expired, or this node is no longer a member. */
  cut(error: DstoreError): void {
    this.#tiers.withdraw(error)
    this.reads.cutAll(error)
  }

  /** The binding of a name that has not expired; it becomes the most recently used. */
  bound(name: string): OwnBinding | undefined {
    return this.#bindings.get(name)?.binding
  }

  /** Keeps a binding, unless a newer one is kept. */
  bind(name: string, found: Found): void {
    const { incarnation, expiresMs } = found
    const { name: _, heldBytes: __, confirmed: ___, ...binding } = boundName(name, found, 0)
    const known = { ...binding, kind: binding.kind ?? 'fixed' }
    this.#bindings.set(name, { incarnation, expiresMs, binding: known })
  }
}

const removed = (): DstoreError => new DstoreError('removed', 'the value was removed')

const unconfirmed = (): DstoreError =>
  new DstoreError('cancelled', 'Global has yet to confirm what this node holds')
