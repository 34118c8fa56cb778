/** Tags and rules of a `FakeNode`: in memory, without a clock. */
import { DstoreError } from '../../src/errors.ts'
import type { Key } from '../../src/hash/key.ts'
import type {
  BindOptions,
  NodeRules,
  RuleBounds,
  RuleState,
  TagResult,
  TagTarget,
} from '../../src/node/node.ts'

/** When everything here happens. */
export const AT = '2026-01-01T00:00:00.000Z'

/** How names are bound that are tags, or expire. */
export class FakeTags {
  readonly #targets = new Map<string, TagTarget[]>()
  readonly #expiries = new Map<string, string>()
  /** The terms of each call, in order. */
  readonly asked: BindOptions[] = []

  isTag(name: string): boolean {
    return this.#targets.has(name)
  }

  expire(name: string, expiresMs: number | undefined): void {
    if (expiresMs === undefined) return
    this.#expiries.set(name, new Date(Date.parse(AT) + expiresMs).toISOString())
  }

  move(name: string, key: Key, options: BindOptions): TagResult {
    this.asked.push(options)
    this.expire(name, options.expiresMs)
    const targets = this.#targets.get(name) ?? []
    const previous = targets[0]?.key.equals(key) === true ? undefined : targets[0]?.key
    this.#targets.set(name, [{ key, at: AT }, ...targets])
    const previousKeptUntil = previous === undefined ? undefined : AT
    return { name, key, previous, previousKeptUntil, silent: ['12D3KooWfake'] }
  }

  history(name: string): readonly TagTarget[] {
    const targets = this.#targets.get(name)
    if (targets === undefined) throw new DstoreError('not-found', `no such name: ${name}`)
    return targets
  }

  /** What a look-up says beside the key; nothing of a fixed name without an expiry. */
  factsOf(name: string): object {
    const expiresAt = this.#expiries.get(name)
    if (!this.isTag(name) && expiresAt === undefined) return {}
    const kind = this.isTag(name) ? 'tag' : 'fixed'
    return { kind, boundAt: AT, ...(expiresAt !== undefined && { expiresAt }) }
  }
}

export class FakeRules implements NodeRules {
  readonly bounds: Map<string | undefined, RuleBounds> = new Map()

  async set(prefix: string | undefined, bounds: RuleBounds): Promise<void> {
    await Promise.resolve()
    this.bounds.set(prefix, bounds)
  }

  async list(): Promise<RuleState[]> {
    await Promise.resolve()
    const held = { names: 2, size: 300, heldOtherwise: 100, counting: false }
    const now = { ...held, removed: 5, lastRemovedAt: AT }
    return [...this.bounds].map(([prefix, bounds]) => ({ ...bounds, prefix, ...now }))
  }

  async remove(prefix: string | undefined): Promise<void> {
    await Promise.resolve()
    if (this.bounds.delete(prefix)) return
    throw new DstoreError('not-found', `no rule for ${prefix}`)
  }
}
