/** Reads the entries of a journal in their order, and refuses what is not the next one. */
import { equal } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { decodeEntry } from './decode.ts'
import { entryDigest, NO_ENTRY } from './digest.ts'
import type { Entry, EntryHead } from './entry.ts'

/** Where a replica stands: what it keeps with every state that it makes durable. */
export interface ChainPosition {
  /** Of the last entry that it applied; 0 before the first. */
  readonly position: number
  /** The digest of that entry. */
  readonly digest: Uint8Array
}

export const BEFORE_FIRST: ChainPosition = { position: 0, digest: NO_ENTRY }

export class Chain {
  #position: number
  #digest: Uint8Array
  /** Of the last entry that was accepted here. */
  #last: EntryHead | undefined
  /** Did its writer say farewell? */
  #hasEnded = false

  constructor({ position, digest }: ChainPosition = BEFORE_FIRST) {
    this.#position = position
    this.#digest = digest
  }

  get position(): number {
    return this.#position
  }

  get digest(): Uint8Array {
    return this.#digest
  }

  /** The head of the last entry that was accepted here. */
  get head(): EntryHead | undefined {
    return this.#last
  }

  /** Throws `integrity` where this is not the next entry, and stays where it was. */
  accept(bytes: Uint8Array): Entry {
    const entry = decodeEntry(bytes)
    const why = this.#whyNot(entry)
    if (why !== undefined) {
      const where = `the journal's entry ${this.#position + 1}`
      throw new DstoreError('integrity', `${where} does not follow the one before: ${why}`)
    }
    this.#position++
    this.#digest = entryDigest(bytes)
    this.#last = entry.head
    this.#hasEnded = entry.body.kind === 'farewell'
    return entry
  }

  #whyNot({ head, body }: Entry): string | undefined {
    const last = this.#last
    if (head.position !== this.#position + 1) return `it says that it is entry ${head.position}`
    if (!equal(head.before, this.#digest)) return 'it follows another history'
    if (last === undefined)
      return head.position === 1 && body.kind !== 'begin' ? NO_BEGIN : undefined
    if (!equal(head.set, last.set)) return 'it is of another set'
    if (head.acknowledged < last.acknowledged) return 'it takes back what was acknowledged'
    if (body.kind === 'begin') {
      return head.epoch > last.epoch ? undefined : `it begins epoch ${head.epoch} again`
    }
    if (head.epoch !== last.epoch || !equal(head.writer, last.writer)) return NO_BEGIN
    if (this.#hasEnded) return 'its writer said farewell'
    return head.number > last.number
      ? undefined
      : `its writer used the number ${head.number} before`
  }
}

const NO_BEGIN = 'its writer has not begun an epoch'
