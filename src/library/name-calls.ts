/**
 * The calls of the library on names that move or go by themselves (specs/004-index.md, "Rules:
 * tags", "Rules: expiry" and "Rules: lifecycle"; specs/007, R007-301).
 */
import type { Key } from '../hash/key.ts'
import type { CallOptions, RuleBounds, RuleState, TagResult, TagTarget } from '../node/node.ts'

/** Options of the binding of a fixed name. */
export interface BindNameOptions extends CallOptions {
  /**
   * Unbind the name after this time. Default: never. The first binding sets it; a writer may put it
   * off, only an admin may bring it forward or add one (`not-permitted`).
   */
  readonly expiresMs?: number
}

/** Options of the move of a tag. */
export interface TagOptions extends BindNameOptions {
  /** How long the replaced target is kept where nothing else holds it. Default: ten minutes. */
  readonly keepMs?: number
}

/** Calls on tags and rules. */
export interface NameCalls {
  /**
   * Move a tag to a value, or bind it. Resolves when the change is durable. This node reads the new
   * target from then on; the Locals in `silent` may show the old one until they are back. Errors:
   * `usage` (an invalid name), `not-found`, `malformed-key`, `conflict` (it is a fixed name),
   * `not-permitted`, `unreachable`.
   * @example await dstore.tag('app/latest', key)
   */
  tag(name: string, keyOrName: Key | string, options?: TagOptions): Promise<TagResult>

  /**
   * The last targets of a tag, the newest first. Errors: `usage`, `not-found`, `unreachable`.
   * @example const [newest] = await dstore.tagHistory('app/latest')
   */
  tagHistory(name: string, options?: CallOptions): Promise<readonly TagTarget[]>

  /**
   * Set or replace the rule for names that begin with `prefix`; undefined: for values without a
   * name, which has `unusedMs` only. Errors: `usage`, `not-permitted`, `unreachable`.
   * @example await dstore.setRule('cache/', { maxNames: 1000, unusedMs: 30 * 86_400_000 })
   */
  setRule(prefix: string | undefined, bounds: RuleBounds, options?: CallOptions): Promise<void>

  /**
   * Every rule, with what it holds now. Error: `unreachable`.
   * @example for await (const { prefix, maxNames } of dstore.rules()) console.log(prefix, maxNames)
   */
  rules(options?: CallOptions): AsyncIterable<RuleState>

  /**
   * Remove a rule; the names stay. Errors: `not-found`, `not-permitted`, `unreachable`.
   * @example await dstore.removeRule('cache/')
   */
  removeRule(prefix: string | undefined, options?: CallOptions): Promise<void>
}
