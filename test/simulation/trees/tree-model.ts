/**
 * What an index with trees has to do, said in the simplest way: a value exists while anything keeps
 * it. No counters, no cascades, no time: every call is done at once.
 */
import { below, childrenOf, isDirectory } from './universe.ts'

/** A name's target; `isDirectory`: as a directory, and not as its bytes. */
export interface Target {
  readonly token: number
  readonly isDirectory: boolean
}

/** The outcome of a call: `done`, or the code of its failure. */
export type Outcome = 'done' | 'not-found' | 'conflict'

export class TreeModel {
  readonly exists: Set<number> = new Set<number>()
  /** Of those that exist: put without a name. */
  readonly unnamed: Set<number> = new Set<number>()
  /** Of those that exist: directories whose children they keep. */
  readonly made: Set<number> = new Set<number>()
  readonly names: Map<string, Target> = new Map<string, Target>()
  /** What each hold keeps. */
  readonly holds: Map<string, Set<number>> = new Map<string, Set<number>>()

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

  /** Children of directories that exist, which do not: each was removed by force. */
  get missing(): Set<number> {
    return new Set([...this.made].flatMap(childrenOf).filter((one) => !this.exists.has(one)))
  }

  /** Is the directory there, with everything below it? */
  isWhole(root: number): boolean {
    const all = [root, ...below(root)]
    return all.every((one) => (isDirectory(one) ? this.made : this.exists).has(one))
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

  open(hold: string): Outcome {
    if (!this.holds.has(hold)) this.holds.set(hold, new Set())
    return 'done'
  }

  release(hold: string): Outcome {
    this.holds.delete(hold)
    this.#collect()
    return 'done'
  }

  present(hold: string, tokens: readonly number[]): Outcome | boolean[] {
    const kept = this.holds.get(hold)
    if (kept === undefined) return 'not-found'
    const answer = tokens.map((one) => (isDirectory(one) ? this.made : this.exists).has(one))
    tokens.forEach((token, i) => answer[i] === true && kept.add(token))
    return answer
  }

  putHeld(hold: string, tokens: readonly number[]): Outcome {
    const kept = this.holds.get(hold)
    if (kept === undefined) return 'not-found'
    for (const token of tokens) {
      this.exists.add(token)
      kept.add(token)
    }
    return 'done'
  }

  /** The children that each lacks; none: it is made. */
  make(hold: string, tokens: readonly number[]): Outcome | number[][] {
    const kept = this.holds.get(hold)
    if (kept === undefined || tokens.some((one) => !this.exists.has(one))) return 'not-found'
    return tokens.map((token) => {
      const lacking = childrenOf(token).filter(
        (one) => !(isDirectory(one) ? this.made : this.exists).has(one),
      )
      if (lacking.length === 0) this.made.add(token)
      return lacking
    })
  }

  commit(hold: string, root: number, name?: string): Outcome {
    if (!this.holds.has(hold) || !this.made.has(root)) return 'not-found'
    if (name === undefined) this.unnamed.add(root)
    else {
      const refusal = this.#refusalOf(name, { token: root, isDirectory: true })
      if (refusal !== undefined) return refusal
      this.names.set(name, { token: root, isDirectory: true })
    }
    return this.release(hold)
  }

  bind(name: string, target: Target): Outcome {
    const { token } = target
    if (!(target.isDirectory ? this.made : this.exists).has(token)) return 'not-found'
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
    if (!this.exists.has(token)) return 'not-found'
    const names = this.namesOf(token)
    if (!force && (names.length > 0 || this.isHeld(token))) return 'conflict'
    for (const name of names) this.names.delete(name)
    this.#drop(token)
    this.#collect()
    return 'done'
  }

  /** Why a name cannot be bound so; undefined if it can. */
  #refusalOf(name: string, target: Target): Outcome | undefined {
    const bound = this.names.get(name)
    if (bound !== undefined) {
      const isSame = bound.token === target.token && bound.isDirectory === target.isDirectory
      return isSame ? undefined : 'conflict'
    }
    for (const [other, { isDirectory: isFolder }] of this.names) {
      if (isFolder && name.startsWith(`${other}/`)) return 'conflict'
      if (target.isDirectory && other.startsWith(`${name}/`)) return 'conflict'
    }
    return undefined
  }

  #drop(token: number): void {
    this.exists.delete(token)
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
