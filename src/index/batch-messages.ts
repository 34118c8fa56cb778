/** Messages that put many values, each under a name of its own (specs/004-index.md, R004-167). */
import type { Naming, Operation } from './naming-messages.ts'
import type { Receipt } from './value-messages.ts'
import type { Failure } from './failure-message.ts'

/** Stores small values; each is one of several puts that share a message. */
export interface PutBatch {
  readonly type: 'put-batch'
  readonly items: readonly BatchItem[]
}

export interface BatchItem extends Operation {
  readonly value: Uint8Array
  readonly name?: string
  readonly naming?: Naming
}

/** The outcome of each, in order. */
export interface StoredBatch {
  readonly type: 'stored-batch'
  readonly outcomes: readonly BatchOutcome[]
}

/** A put of a batch fails alone. */
export type BatchOutcome = { readonly receipt: Receipt } | { readonly failure: Failure }

/** Bytes that an outcome may have beside the name of its item, which it may state twice. */
const OUTCOME_BYTES = 256

/** What an item counts for in a message: it and its outcome have no more bytes. */
export const batchItemBytes = ({ value, name = '' }: Pick<BatchItem, 'value' | 'name'>): number =>
  value.byteLength + 2 * Buffer.byteLength(name) + OUTCOME_BYTES
