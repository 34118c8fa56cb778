/**
 * The bindings that Global told a Local (specs/004-index.md, R004-85 to R004-87 and R004-127): from
 * them the Local answers for names itself. Synchronous, so that a change is complete before it is
 * acknowledged.
 */
import type { Unbinding } from '../message.ts'
import { ALL_RULES, type Rules } from '../rules.ts'

/** What these need to know of a binding. */
export interface OwnBinding {
  /** The seq of the change that bound the name so. */
  readonly incarnation: number
  /** When it expires: wall clock, in milliseconds; undefined: never. */
  readonly expiresMs?: number | undefined
}

export interface OwnBindingsOptions {
  /** Bindings that are kept; beyond that the least recently used goes. */
  readonly most: number
  /** Wall-clock milliseconds since 1970. */
  readonly wall: () => number
  readonly rules?: Rules
}

export class OwnBindings<B extends OwnBinding> {
  readonly #options: OwnBindingsOptions
  /** By name, the least recently used first. */
  readonly #bindings = new Map<string, B>()

  constructor(options: OwnBindingsOptions) {
    this.#options = options
  }

  /** All that are kept, those too that have expired. */
  entries(): IterableIterator<[string, B]> {
    return this.#bindings.entries()
  }

  /** The binding of a name that has not expired; it becomes the most recently used. */
  get(name: string): B | undefined {
    const { wall, rules = ALL_RULES } = this.#options
    const binding = this.#bindings.get(name)
    if (binding === undefined) return undefined
    this.#bindings.delete(name)
    const { expiresMs } = binding
    if (rules.expiryHides && expiresMs !== undefined && expiresMs <= wall()) return undefined
    this.#bindings.set(name, binding)
    return binding
  }

  /** Keeps a binding, unless a newer one is kept. */
  set(name: string, binding: B): void {
    const before = this.#bindings.get(name)
    if (before !== undefined && before.incarnation > binding.incarnation) return
    this.#bindings.delete(name)
    this.#bindings.set(name, binding)
    if (this.#bindings.size > this.#options.most) {
      this.#bindings.delete(this.#bindings.keys().next().value!)
    }
  }

  /** Global answered that the name is not bound. */
  unbound(name: string): void {
    this.#bindings.delete(name)
  }

  /** Drops what these changes have overtaken. */
  apply(unbindings: readonly Unbinding[]): void {
    for (const { name, seq } of unbindings) {
      if ((this.#bindings.get(name)?.incarnation ?? Infinity) < seq) this.#bindings.delete(name)
    }
  }

  clear(): void {
    this.#bindings.clear()
  }
}
