/**
 * What must be so of trees, at every moment and when all is quiet (specs/004-index.md, "Rules:
 * directories"). It reads the rows of the store after each transaction.
 */
import type { Body, Request } from '../../../src/index/message.ts'
import { decodeChange, decodeKey, keyRow } from '../../../src/index/records/record.ts'
import type { Transaction } from '../../../src/store/store.ts'
import type { Oracle } from '../oracle.ts'
import type { SimStore } from '../sim-store.ts'
import { faultsAtRest, faultsOf } from './tree-faults.ts'
import { treeRows } from './tree-rows.ts'
import { below } from './universe.ts'

export class TreeOracle {
  readonly #oracle: Oracle
  readonly #store: SimStore
  /** Tokens that a caller asked to remove, and those that one asked to remove by force. */
  readonly #asked = new Set<number>()
  readonly #forced = new Set<number>()

  constructor(oracle: Oracle, store: SimStore) {
    this.#oracle = oracle
    this.#store = store
  }

  /** Does something go on that takes several changes? */
  get isInTheMiddle(): boolean {
    const { cascades, adding } = treeRows(this.#store)
    return cascades + adding > 0
  }

  /** A caller is about to send this. */
  asks(request: Request): void {
    if (request.type !== 'remove') return
    const token = request.digest[0]!
    this.#asked.add(token)
    if (request.force) this.#forced.add(token)
  }

  /** What is wrong with a transaction that is about to be tried, if its conditions hold. */
  faultOf({ entry }: Transaction): string | undefined {
    if (entry === undefined) return undefined
    const { change } = decodeChange(entry)
    if (change.type !== 'remove') return undefined
    const token = change.digest[0]!
    const row = this.#store.get(keyRow(change.digest))
    if (row === undefined) return `${token} is removed, and does not exist`
    if (decodeKey(row).unnamed && !this.#asked.has(token)) {
      return `${token} is removed with a tree, but was put without a name`
    }
    if (change.names.length === 0 || this.#forced.has(token)) return undefined
    return `${token} is removed with names, without force`
  }

  /** A transaction was applied. */
  applied(fault: string | undefined): void {
    if (fault !== undefined) this.#fail(fault)
    for (const one of faultsOf(treeRows(this.#store), this.#forced)) this.#fail(one)
  }

  /** Nothing is going on, and every hold has ended. */
  atRest(): void {
    for (const one of faultsAtRest(treeRows(this.#store))) this.#fail(one)
  }

  /** Global answers a caller. */
  answers(body: Body): void {
    if (body.type !== 'removed' || body.owed.length > 0 || body.digest === undefined) return
    // Whoever hears that a tree is removed may count on all of it.
    for (const token of below(body.digest[0]!)) this.#oracle.completedBelow(token, body.seq)
  }

  #fail(what: string): void {
    this.#oracle.fail(what)
  }
}
