/**
 * What an index with trees has to do, said in the simplest way: a value exists while anything keeps
 * it. No counters, no cascades, no time: every call is done at once.
 */
import { DIRECTORIES, FILES, childrenOf, isDirectory } from './universe.ts'

/** A name's target; `isDirectory`: as a directory, and not as its bytes. */
export interface Target {
  readonly token: number
  readonly isDirectory: boolean
}

/** The outcome of a call: `done`, or the code of its failure. */
export type Outcome = 'done' | 'not-found' | 'conflict'

/** The state of an index, for comparison. */
export interface Summary {
  readonly exists: readonly number[]
  readonly made: readonly number[]
  readonly unnamed: readonly number[]
  readonly names: readonly string[]
  /** For each token, how many directories hold it. */
  readonly held: readonly string[]
  /** What holds keep. */
  readonly inHolds: readonly number[]
  /** How many are held and missing. */
  readonly missing: number
}

export const sorted = (tokens: Iterable<number>): number[] => [...tokens].toSorted((a, b) => a - b)

export class TreeModel {
  readonly exists: Set<number> = new Set<number>()
  /** Of those that exist: put without a name. */
  readonly unnamed: Set<number> = new Set<number>()
  /** Of those that exist: directories whose children they keep. */
  readonly made: Set<number> = new Set<number>()
  readonly names: Map<string, Target> = new Map<string, Target>()
  /** What each hold keeps. */
  readonly holds: Map<number, Set<number>> = new Map<number, Set<number>>()
  /** Holds that have ended: with the root and name of the tree that was committed. */
  readonly ended: Map<number, string> = new Map<number, string>()

  readonly #removed = new Set<number>()

  /** Directories that keep this. */
  parentsOf(token: number): number[] {
    return [...this.made].filter((one) => childrenOf(one).includes(token))
  }

  namesOf(token: number): string[] {
    return [...this.names].flatMap(([name, target]) => (target.token === token ? [name] : []))
  }

  isHeld(token: number): boolean {
    const isInHold = [...this.holds.values()].some((kept) => kept.has(token))
    return isInHold || this.parentsOf(token).length > 0
  }

  isKept(token: number): boolean {
    return this.unnamed.has(token) || this.namesOf(token).length > 0 || this.isHeld(token)
  }

  /** Children of directories that are not there: each was removed by force. */
  get missing(): Set<number> {
    return new Set([...this.made].flatMap(childrenOf).filter((one) => !this.#isThere(one)))
  }

  /** A directory is there where its children are counted, and not where only its bytes are. */
  #isThere(token: number): boolean {
    return (isDirectory(token) ? this.made : this.exists).has(token)
  }

  /** What can be read in the rows of an index, too. */
  summary(): Summary {
    const tokens = [...FILES, ...DIRECTORIES]
    return {
      exists: sorted(this.exists),
      made: sorted(this.made),
      unnamed: sorted(this.unnamed),
      names: [...this.names]
        .map(([name, target]) => `${name}: ${target.token}${target.isDirectory ? '/' : ''}`)
        .toSorted(),
      held: tokens.map((token) => `${token}: ${this.parentsOf(token).length}`),
      inHolds: tokens.filter((token) => [...this.holds.values()].some((one) => one.has(token))),
      missing: this.missing.size,
    }
  }

  put(token: number, name?: string): Outcome {
    if (name !== undefined) {
      const refusal = this.#refusalOf(name, { token, isDirectory: false })
      if (refusal !== undefined) return refusal
    }
    this.exists.add(token)
    if (name === undefined) this.unnamed.add(token)
    else if (!this.names.has(name)) this.names.set(name, { token, isDirectory: false })
    return 'done'
  }

  open(hold: number): Outcome {
    if (this.ended.has(hold)) return 'not-found'
    if (!this.holds.has(hold)) this.holds.set(hold, new Set())
    return 'done'
  }

  release(hold: number): Outcome {
    if (this.holds.delete(hold)) this.ended.set(hold, 'released')
    this.#collect()
    return 'done'
  }

  present(hold: number, tokens: readonly number[]): Outcome | boolean[] {
    const kept = this.holds.get(hold)
    if (kept === undefined) return 'not-found'
    const answer = tokens.map((one) => this.#isThere(one))
    tokens.forEach((token, i) => answer[i] === true && kept.add(token))
    return answer
  }

  putHeld(hold: number, tokens: readonly number[]): Outcome {
    const kept = this.holds.get(hold)
    if (kept === undefined) return 'not-found'
    for (const token of tokens) {
      this.exists.add(token)
      kept.add(token)
    }
    return 'done'
  }

  /** The children that each lacks; none: it is made. */
  make(hold: number, tokens: readonly number[]): Outcome | number[][] {
    const kept = this.holds.get(hold)
    if (kept === undefined) return 'not-found'
    // Each is made by itself: one that does not exist is no hindrance to the others.
    const there = tokens.filter((one) => this.exists.has(one))
    const answer = there.map((token) => {
      // One that lost a child by force stays a directory.
      if (this.made.has(token)) return []
      const lacking = childrenOf(token).filter((one) => !this.#isThere(one))
      if (lacking.length === 0) this.made.add(token)
      return lacking
    })
    return there.length === tokens.length ? answer : 'not-found'
  }

  commit(hold: number, root: number, name?: string): Outcome {
    const committed = `${root} as ${name}`
    if (!this.holds.has(hold)) {
      const isThere =
        this.made.has(root) &&
        (name === undefined ? this.unnamed.has(root) : this.#isBoundTo(name, root))
      return isThere || this.ended.get(hold) === committed ? 'done' : 'not-found'
    }
    if (!this.made.has(root)) return 'not-found'
    if (name === undefined) this.unnamed.add(root)
    else {
      const refusal = this.#refusalOf(name, { token: root, isDirectory: true })
      if (refusal !== undefined) return refusal
      this.names.set(name, { token: root, isDirectory: true })
    }
    this.release(hold)
    this.ended.set(hold, committed)
    return 'done'
  }

  #isBoundTo(name: string, root: number): boolean {
    const bound = this.names.get(name)
    return bound?.token === root && bound.isDirectory
  }

  bind(name: string, target: Target): Outcome {
    const { token } = target
    const isThere = (target.isDirectory ? this.made : this.exists).has(token)
    if (!isThere) return this.#isTaken(name, target) ? 'conflict' : 'not-found'
    const refusal = this.#refusalOf(name, target)
    if (refusal !== undefined) return refusal
    this.names.set(name, target)
    return 'done'
  }

  unbind(name: string, keepValue: boolean): Outcome {
    const target = this.names.get(name)
    if (target === undefined) return 'not-found'
    this.names.delete(name)
    if (keepValue && this.namesOf(target.token).length === 0) this.unnamed.add(target.token)
    this.#collect()
    return 'done'
  }

  remove(token: number, force: boolean): Outcome {
    // A removal is answered again as long as the log knows of it.
    if (!this.exists.has(token)) return this.#removed.has(token) ? 'done' : 'not-found'
    const names = this.namesOf(token)
    if (!force && (names.length > 0 || this.isHeld(token))) return 'conflict'
    for (const name of names) this.names.delete(name)
    this.#drop(token)
    this.#collect()
    return 'done'
  }

  /** Why a name cannot be bound so; undefined if it can. */
  #refusalOf(name: string, target: Target): Outcome | undefined {
    if (this.names.has(name)) return this.#isTaken(name, target) ? 'conflict' : undefined
    for (const [other, { isDirectory: isFolder }] of this.names) {
      if (isFolder && name.startsWith(`${other}/`)) return 'conflict'
      if (target.isDirectory && other.startsWith(`${name}/`)) return 'conflict'
    }
    return undefined
  }

  /** Is the name bound to anything else? */
  #isTaken(name: string, target: Target): boolean {
    const bound = this.names.get(name)
    if (bound === undefined) return false
    return bound.token !== target.token || bound.isDirectory !== target.isDirectory
  }

  #drop(token: number): void {
    this.exists.delete(token)
    this.#removed.add(token)
    this.unnamed.delete(token)
    this.made.delete(token)
  }

  /** Drop what nothing keeps, until all is kept. */
  #collect(): void {
    for (;;) {
      const lost = [...this.exists].filter((token) => !this.isKept(token))
      if (lost.length === 0) return
      for (const token of lost) this.#drop(token)
    }
  }
}
