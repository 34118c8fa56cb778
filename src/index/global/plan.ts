/**
 * A *plan* is what one request does to the index (specs/004-index.md, "Rules: the order of
 * changes"): a generator that asks for rows, a few times, and ends in an outcome. Plans are pure.
 * If one of the rows changed before the transaction committed, the request gets a new plan.
 */
import type { Children } from '../../directory/children.ts'
import { Key, type KeyKind } from '../../hash/key.ts'
import type {
  Condition,
  Increment,
  Location,
  RecordKey,
  Row,
  Transaction,
  Write,
} from '../../store/store.ts'
import type { Body, Digest, Failure, Removed } from '../message.ts'
import type { Change } from '../records/change-record.ts'

export type Rows = readonly (Row | undefined)[]

/** What a plan asks for: rows by their keys, or by a prefix; or that a digest is verified. */
export type Asked = readonly RecordKey[] | Scan | DigestCheck

/** No rows come of it. If the bytes have another digest, the request fails with `integrity`. */
export type DigestCheck = StoreWork & { readonly type: 'verify-digest' }

/** Rows that begin with a prefix: no change depends on them, only on those asked for by key. */
export type Scan = StoreWork & { readonly type: 'scan' }

export type Plan = Generator<Asked, Outcome, Rows>

export type Outcome =
  /** Load these values, then answer. */
  | (StoreWork & {
      readonly type: 'load'
      readonly answer: (values: readonly (Uint8Array | undefined)[]) => Body
    })
  /**
   * Commit this change, if the rows that were asked for last by their keys are the same, and these
   * conditions hold, too; `next` gets its seq.
   */
  | (ChangeParts & {
      readonly type: 'change'
      readonly conditions?: readonly Condition[]
      readonly next: (seq: number) => Done
    })
  | Done

/** A change, and what it does to the rows. */
export interface ChangeParts {
  readonly change: Change
  readonly writes: readonly Write[]
  readonly increments?: readonly Increment[]
  /** Marks a loss with the highest seq that it can get: a later request waits for no less. */
  readonly mark?: (latest: number) => Write
  readonly adopt?: readonly Location[]
  readonly release?: readonly Location[]
}

/** A transaction of a flow (see `trees/flow`); without a change it writes only `meta`. */
export interface Attempt extends Omit<ChangeParts, 'change'> {
  readonly conditions: readonly Condition[]
  readonly change?: Change | undefined
}

export type Done =
  | { readonly type: 'answer'; readonly body: Body }
  /** Answer that something exists, once the store has confirmed that it would find it again. */
  | { readonly type: 'confirm'; readonly body: Body }
  /** This was one of several changes: serve the request again from the start. */
  | { readonly type: 'again' }
  /** Inspect what the store has of an offered value, then answer. */
  | (StoreWork & { readonly type: 'inspect'; readonly answer: (facts: StoredFacts) => Body })
  /** Answer once every Local has acknowledged this seq, or no longer owes it. */
  | {
      readonly type: 'await'
      readonly seq: number
      readonly removed: RemovedFacts
      /** The value, where that is not removed, and only its name is. */
      readonly unnamed?: { readonly digest: Digest; readonly directory: boolean }
      /** First wait for the end of this cascade. */
      readonly cascade?: AwaitedCascade
    }

/** What the store does for a plan. */
export type StoreWork =
  | { readonly type: 'read'; readonly keys: readonly RecordKey[] }
  /** Rows of a table that begin with a prefix, in order, after an id. */
  | {
      readonly type: 'scan'
      readonly table: 'keys' | 'names' | 'meta'
      readonly prefix: Uint8Array
      readonly after: Uint8Array | undefined
      readonly limit: number
    }
  /** Distinct children of a stored directory, in its order: from one on, at most `limit`. */
  | {
      readonly type: 'children'
      readonly directory: Sealed
      readonly from: number
      readonly limit: number
    }
  /** Read these values, as many as fit into one message. */
  | { readonly type: 'load'; readonly values: readonly (Sealed | undefined)[] }
  /** Is this value damaged, if it is stored, and how much of an interrupted upload is kept? */
  | {
      readonly type: 'inspect'
      readonly digest: Digest
      /** Where the value is stored; undefined where the index has none. */
      readonly location: Location | undefined
    }
  /** Entries of the log after this seq. */
  | { readonly type: 'log'; readonly after: number; readonly limit: number }
  /** Would the store find everything again that it has? */
  | { readonly type: 'confirm' }
  /** Hash and seal these small values. */
  | {
      readonly type: 'stage'
      readonly values: readonly Uint8Array[]
      /** The name that each is put under, to verify those that spell digests. */
      readonly names?: readonly (string | undefined)[]
    }
  /** Does this value have the digest that this name spells (R004-165)? */
  | {
      readonly type: 'verify-digest'
      readonly name: string
      readonly value: Sealed
      /** It is a value of the index, and not one that was only sealed. */
      readonly isStored: boolean
    }
  | {
      readonly type: 'commit'
      readonly transaction: Transaction
      /** It is done once the archive has it, too, where there is one. */
      readonly isArchived?: boolean
    }
  /** Commit each of these, in order: one may conflict, and the others not. */
  | { readonly type: 'commit-all'; readonly transactions: readonly Transaction[] }

export type StoreResult =
  | { readonly type: 'rows'; readonly rows: Rows }
  | { readonly type: 'children'; readonly children: Children }
  | { readonly type: 'loaded'; readonly values: readonly (Uint8Array | undefined)[] }
  | { readonly type: 'inspected'; readonly facts: StoredFacts }
  | { readonly type: 'confirmed' }
  | { readonly type: 'entries'; readonly entries: readonly LoggedChange[] }
  | { readonly type: 'sealed'; readonly values: readonly Sealed[] }
  | { readonly type: 'committed'; readonly seq: number }
  /** The seq of each; undefined where a condition did not hold. */
  | { readonly type: 'committed-all'; readonly seqs: readonly (number | undefined)[] }
  /** A condition of the transaction did not hold. */
  | { readonly type: 'conflicted' }
  /** The work could not be done. */
  | { readonly type: 'failed'; readonly failure: Failure }

/** An entry of the log; `atMs` is wall-clock time. */
export interface LoggedChange {
  readonly seq: number
  readonly change: Change
  readonly atMs: number
}

/** What the store knows of an offered value beside its rows. */
export interface StoredFacts {
  /** The stored value is known to be damaged. */
  readonly isDamaged: boolean
  /** Bytes that an interrupted upload left. */
  readonly keptBytes: number
}

/** A cascade that a caller waits for. */
export interface AwaitedCascade {
  /** The incarnation of the removed directory that began it. */
  readonly root: number
  /** At most so many values are removed. */
  readonly most: number
}

/** What a removal freed, beside who has acknowledged it. */
export type RemovedFacts = Pick<Removed, 'freedBytes' | 'names' | 'digest' | 'tree'>

/** A value that was verified and sealed in the store. */
export interface Sealed {
  readonly digest: Digest
  readonly size: number
  readonly location: Location
  /** The name whose digest its bytes were found to have on their way into the store. */
  readonly verifiedAs?: string
}

export const answer = (body: Body): Done => ({ type: 'answer', body })

export const confirm = (body: Body): Done => ({ type: 'confirm', body })

export const textOf = (digest: Digest, kind?: KeyKind): string => new Key(digest, kind).toString()

/** The rows are as they were read. */
export const conditionsOf = (keys: readonly RecordKey[], rows: Rows): Transaction['conditions'] =>
  keys.map((key, i) => ({ key, version: rows[i]?.version ?? 0 }))

/** The keys that a plan asks for first; no plan begins with another question. */
export const keysIn = (step: IteratorResult<Asked, Outcome>): readonly RecordKey[] =>
  step.done === true ? [] : (step.value as readonly RecordKey[])
