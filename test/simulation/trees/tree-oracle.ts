/**
 * What must be so of trees, at every moment and when all is quiet (specs/004-index.md, "Rules:
 * directories"). It reads the rows of the store after each transaction.
 */
import { equal, toHex } from '../../../src/bytes.ts'
import type { Digest, Message, Request } from '../../../src/index/message.ts'
import { decodeChange, type Change } from '../../../src/index/records/change-record.ts'
import { decodeKey, keyRow } from '../../../src/index/records/record.ts'
import {
  CASCADE_ROWS,
  decodeCascade,
  holdRow,
  missingRow,
} from '../../../src/index/records/tree-record.ts'
import type { Transaction } from '../../../src/store/store.ts'
import type { History, Oracle } from '../oracle.ts'
import type { SimStore } from '../sim-store.ts'
import { digestOf } from '../tokens.ts'
import { faultsAtRest, faultsOf, freeOf, isThere } from './tree-faults.ts'
import { treeRows, type TreeRows } from './tree-rows.ts'
import { below, childrenOf } from './universe.ts'

/** Did this change make a directory of it? */
const isOf = (change: Change & { type: 'put' }, digest: Digest): boolean =>
  change.directory === true && equal(change.digest, digest)

export class TreeOracle {
  readonly #oracle: Oracle
  readonly #store: SimStore
  /** Tokens that a caller asked to remove, and those that one asked to remove by force. */
  readonly #asked = new Set<number>()
  readonly #forced = new Set<number>()

  /** Names that a caller asked to unbind. */
  readonly #unbound = new Set<string>()

  /** What a caller was told that an open hold keeps, by the hold's id in hex. */
  readonly #kept = new Map<string, { readonly hold: Uint8Array; readonly tokens: Set<number> }>()
  #history: History
  /** Requests whose answers promise something, by session and id. */
  readonly #requests = new Map<string, Request>()

  constructor(oracle: Oracle, store: SimStore) {
    this.#oracle = oracle
    this.#store = store
    this.#history = oracle.history
  }

  /** A caller is told that a hold keeps these. `since`: the history in which it asked. */
  keeps(hold: Uint8Array, tokens: readonly number[], since: History): void {
    if (since !== this.#oracle.history) return
    const id = toHex(hold)
    const kept = this.#kept.get(id) ?? { hold, tokens: new Set() }
    this.#kept.set(id, kept)
    for (const token of tokens) kept.tokens.add(token)
    this.#checkKept(treeRows(this.#store))
  }

  get history(): History {
    return this.#oracle.history
  }

  #checkKept({ exists }: TreeRows): void {
    // A backup knows nothing of what came later.
    if (this.#history !== this.#oracle.history) this.#kept.clear()
    this.#history = this.#oracle.history
    for (const [id, { hold, tokens }] of this.#kept) {
      if (this.#store.get(holdRow(hold)) === undefined) {
        this.#kept.delete(id)
        continue
      }
      const lost = [...tokens].filter((one) => !exists.includes(one) && !this.#forced.has(one))
      if (lost.length > 0) this.#fail(`${lost.join(', ')} is gone, which an open hold keeps`)
    }
  }

  /** Does something go on that takes several changes? */
  get isInTheMiddle(): boolean {
    const { cascades, adding, releasing } = treeRows(this.#store)
    return cascades + adding + releasing > 0
  }

  /** A caller is about to send this. */
  asks(request: Request): void {
    if (request.type === 'unbind') this.#unbound.add(request.name)
    if (request.type !== 'remove') return
    const token = request.digest[0]!
    this.#asked.add(token)
    if (request.force) this.#forced.add(token)
  }

  /** What is wrong with a transaction that is about to be tried, if its conditions hold. */
  faultOf({ entry }: Transaction): string | undefined {
    if (entry === undefined) return undefined
    const { change } = decodeChange(entry)
    if (change.type === 'put' && change.directory === true) return this.#faultOfMade(change.digest)
    if (change.type !== 'remove') return undefined
    const token = change.digest[0]!
    const row = this.#store.get(keyRow(change.digest))
    if (row === undefined) return `${token} is removed, and does not exist`
    if (decodeKey(row).unnamed && !this.#asked.has(token)) {
      return `${token} is removed with a tree, but was put without a name`
    }
    const [name, ...more] = change.names
    if (name === undefined || this.#forced.has(token)) return undefined
    if (more.length === 0 && this.#unbound.has(name)) return undefined
    return `${token} is removed with its names, without force`
  }

  /** Some of its children are not there, and nobody knows that they are missing. */
  #faultOfMade(digest: Digest): string | undefined {
    const row = this.#store.get(keyRow(digest))
    // What was a directory before is named, or marked.
    if (row === undefined || decodeKey(row).directory !== undefined) return undefined
    const rows = treeRows(this.#store)
    const token = digest[0]!
    const lacking = childrenOf(token).filter((child) => {
      return !isThere(rows, child) && this.#store.get(missingRow(digestOf(child))) === undefined
    })
    return lacking.length === 0 ? undefined : `${token} is made without ${lacking.join(', ')}`
  }

  /** A transaction was applied. */
  applied(fault: string | undefined): void {
    if (fault !== undefined) this.#fail(fault)
    const rows = treeRows(this.#store)
    for (const one of faultsOf(rows, this.#forced)) this.#fail(one)
    this.#checkKept(rows)
  }

  /** Nothing is going on, and every hold has ended. */
  atRest(): void {
    for (const one of faultsAtRest(treeRows(this.#store))) this.#fail(one)
  }

  /** A request has come to Global. */
  asked(session: number, { id, body }: Message): void {
    const isKnown = body.type === 'make-directories' || body.type === 'commit-tree'
    if (isKnown) this.#requests.set(`${session} ${id}`, body)
  }

  /** Global answers. */
  answers(session: number, { id, body }: Message): void {
    const request = this.#requests.get(`${session} ${id}`)
    this.#requests.delete(`${session} ${id}`)
    if (request?.type === 'commit-tree' && body.type === 'stored') {
      this.#promise(request.digest, 'a tree')
    }
    if (request?.type === 'make-directories' && body.type === 'made-directories') {
      request.digests.forEach((digest, i) => {
        if (body.missing[i]!.length === 0) this.#promise(digest, 'a directory')
      })
    }
    if (body.type !== 'removed' || body.owed.length > 0 || body.digest === undefined) return
    if (body.tree?.complete !== false) this.#checkEnded(body.digest)
    // Whoever hears that a tree is removed may count on all of it.
    for (const token of below(body.digest[0]!)) this.#oracle.completedBelow(token, body.seq)
  }

  /** The only removal of this directory is answered: what it began has ended. */
  #checkEnded(digest: Digest): void {
    const { losses } = this.#oracle.history
    if (losses.get(`key ${digest[0]!}`)?.length !== 1) return
    const mine = this.#store
      .scan('meta', CASCADE_ROWS)
      .map(decodeCascade)
      .filter((one) => equal(one.root.digest, digest))
    const rows = treeRows(this.#store)
    const free = new Set(freeOf(rows))
    // What is left may be bytes that are still to be freed.
    const isLeft = mine.some(({ counted, ...one }) => {
      return counted.upto > 0 || childrenOf(one.digest[0]!).some((child) => free.has(child))
    })
    if (isLeft) this.#fail(`the removal of ${digest[0]!} is answered, and goes on`)
  }

  /** The change that made this a directory survives a crash. */
  #promise(digest: Digest, what: string): void {
    const { changes, losses } = this.#oracle.history
    const lost = losses.get(`key ${digest[0]!}`)?.at(-1) ?? 0
    // Later ones may not be durable yet.
    const first = changes.findIndex(({ change }, i) => {
      return i >= lost && change.type === 'put' && isOf(change, digest)
    })
    this.#oracle.promise(first + 1, what)
  }

  #fail(what: string): void {
    this.#oracle.fail(what)
  }
}
