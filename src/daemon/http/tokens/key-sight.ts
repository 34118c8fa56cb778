/** Which keys a token with a prefix sees (R007-331). */
import { DstoreError } from '../../../errors.ts'
import type { Key } from '../../../hash/key.ts'
import type { BoundName, CallOptions, NodeIndex, ValueFacts } from '../../../node/node.ts'
import { isBelowPrefix } from './caller.ts'

/** Names of a key that are looked up before the key counts as one outside the prefix. */
const NAMES_TRIED = 8

type Index = Pick<NodeIndex, 'lookup' | 'stat'>

/** What a request with such a token has found so far. */
export class KeySight {
  readonly #index: Index
  readonly #prefix: string
  /** Keys that this request has reached: through a name, or along a path below one. */
  readonly #reached = new Map<string, BoundName | undefined>()

  constructor(index: Index, prefix: string) {
    this.#index = index
    this.#prefix = prefix
  }

  isBelow(name: string): boolean {
    return isBelowPrefix(name, this.#prefix)
  }

  /** A name below the prefix leads to this key. */
  found(bound: BoundName): void {
    for (const kind of kindsOf(bound.key)) this.#reached.set(idOf(bound.key.as(kind)), bound)
  }

  /** A path below a key in sight leads to this key: it is, for this request. */
  reach(key: Key): void {
    for (const kind of kindsOf(key)) {
      const id = idOf(key.as(kind))
      if (!this.#reached.has(id)) this.#reached.set(id, undefined)
    }
  }

  /** Was the key reached by this request, by a name or a path? */
  isReached(key: Key): boolean {
    return this.#reached.has(idOf(key))
  }

  /** Is one of the key's own names below the prefix, or was the key reached? */
  async sees(key: Key, options: CallOptions = {}): Promise<boolean> {
    if (this.isReached(key)) return true
    const facts = await this.#facts(key, options)
    return facts !== undefined && (await this.#isNamed(facts, key, options))
  }

  /**
   * The facts that such a token may know, of a key in sight; undefined for any other. They do not
   * say whether the value existed before it was put below the prefix, nor who else has it.
   */
  async stat(key: Key, options: CallOptions = {}): Promise<ValueFacts | undefined> {
    const facts = await this.#facts(key, options)
    if (facts === undefined) return undefined
    if (!this.isReached(key) && !(await this.#isNamed(facts, key, options))) return undefined
    const { size, names, confirmed, directory } = facts
    return {
      key,
      size,
      incarnation: this.#reached.get(idOf(key))?.incarnation ?? 0,
      heldBytes: 0,
      names: names.filter((name) => this.isBelow(name)),
      holders: [],
      confirmed,
      ...(directory !== undefined && { directory }),
    }
  }

  /**
   * The facts with names below the prefix. Without Global this node knows of none, and whether it
   * holds the value must not show (R007-331): `unreachable` unless the key was reached.
   */
  async #facts(key: Key, options: CallOptions): Promise<ValueFacts | undefined> {
    const known = { ...options, namesBelow: this.#prefix }
    const facts = await this.#index.stat(key, known).catch((error: unknown) => {
      throw isAway(error) && !this.isReached(key) ? this.#away() : error
    })
    if (facts?.confirmed === false && !this.isReached(key)) throw this.#away()
    return facts
  }

  #away(): DstoreError {
    return new DstoreError('unreachable', 'Global is away, and knows which names a key has', {
      hint: `a name below ${this.#prefix} leads to its value all the same`,
    })
  }

  /**
   * The facts list names as this node knows them; a look-up says what they are bound to now. A
   * name that is bound to bytes does not open the directory with the same digest: a token that
   * knows what is in a directory could put its bytes, and read through it what it holds.
   */
  async #isNamed({ names }: ValueFacts, key: Key, options: CallOptions): Promise<boolean> {
    const below = names.filter((name) => this.isBelow(name)).slice(0, NAMES_TRIED)
    for (const name of below) {
      const bound = await this.#index.lookup(name, options)
      if (bound !== undefined) this.found(bound)
      if (this.isReached(key)) return true
    }
    return false
  }
}

/** A directory is in sight with its bytes, but bytes not with the directory of the same digest. */
const kindsOf = (key: Key): readonly Key['kind'][] =>
  key.kind === 'directory' ? ['directory', 'bytes'] : ['bytes']

const idOf = (key: Key): string => key.toString()

const isAway = (error: unknown): boolean =>
  error instanceof DstoreError && error.code === 'unreachable'
