/** Messages about names (specs/004-index.md, "Rules: names"). */
import type { Digest, Fact } from './value-messages.ts'

export interface Bind {
  readonly type: 'bind'
  readonly name: string
  readonly digest: Digest
  /** Bind it to the directory, not to its bytes. */
  readonly directory?: boolean
}

export interface Lookup {
  readonly type: 'lookup'
  readonly name: string
  readonly inline: boolean
}

/** The answer about a name. */
export interface Binding {
  readonly type: 'binding'
  /** Undefined if the name is not bound. */
  readonly found: Found | undefined
}

export interface Found {
  readonly digest: Digest
  /** The seq of the change that bound the name. */
  readonly incarnation: number
  readonly fact: Fact
  /** The name is bound to the directory, not to its bytes. */
  readonly directory?: boolean
}

/**
 * Unbinds a name. Its value goes with its last name, unless it was ever put without one or
 * `keepValue` is set.
 */
export interface Unbind {
  readonly type: 'unbind'
  readonly name: string
  readonly keepValue: boolean
  readonly timeoutMs: number | undefined
}

export interface Names {
  readonly type: 'names'
  readonly prefix: string
  readonly after: string | undefined
  readonly limit: number
}

export interface Named {
  readonly type: 'named'
  readonly items: readonly NamedKey[]
  readonly more: boolean
}

export interface NamedKey {
  readonly name: string
  readonly digest: Digest
  /** The name is bound to the directory, not to its bytes. */
  readonly directory?: boolean
}
