/**
 * What an entry of a journal says (specs/009-journal.md, "Entries"). The store above has types of
 * the same shape for what its callers commit; here is what every replica applies alike.
 */

/** Where a store keeps a value: 20 hex digits. */
export type Location = string

export type Table = 'keys' | 'names' | 'meta'

export interface RecordKey {
  readonly table: Table
  readonly id: Uint8Array
}

export type Condition =
  | { readonly key: RecordKey; readonly version: number }
  | { readonly present: RecordKey }
  | { readonly table: Table; readonly noneWithPrefix: Uint8Array }

export interface Write {
  readonly key: RecordKey
  /** Undefined deletes the record. */
  readonly value: Uint8Array | undefined
}

export interface Increment {
  /** In `meta`. */
  readonly key: RecordKey
  readonly by: number
}

/** A sealed value as a record of the store will state it. */
export type SealedValue = SmallValue | FileValue

/** A value whose bytes are in the entry. */
export interface SmallValue {
  readonly location: Location
  readonly size: number
  readonly outboardBytes: number
  readonly place: 'small'
  /** Outboard, then value. */
  readonly bytes: Uint8Array
}

/** A value in a file or an object, which is there before the entry is. */
export interface FileValue {
  readonly location: Location
  readonly size: number
  readonly outboardBytes: number
  /** Where its outboard is: in `bytes` for the records, or in a file of its own. */
  readonly place: 'records' | 'file'
  /** The outboard; empty if that is in a file. */
  readonly bytes: Uint8Array
}

export interface TransactionChange {
  readonly type: 'transaction'
  readonly conditions: readonly Condition[]
  readonly writes: readonly Write[]
  readonly increments: readonly Increment[]
  /** Of the store's log. */
  readonly entry: Uint8Array | undefined
  readonly adopt: readonly SealedValue[]
  readonly release: readonly Location[]
}

export type Change =
  | TransactionChange
  /** The store's log is trimmed up to and including this seq. */
  | { readonly type: 'trim'; readonly upto: number }
  /** The adopted value there is damaged. */
  | { readonly type: 'damaged'; readonly location: Location }
  /** The adopted value at `location` becomes that which was sealed at `by.location`. */
  | { readonly type: 'replace'; readonly location: Location; readonly by: SealedValue }

/** What the writer of an entry wants to say; the rest says where it stands. */
export type EntryBody =
  | { readonly kind: 'changes'; readonly changes: readonly Change[] }
  /** The writer is there. */
  | { readonly kind: 'heartbeat' }
  /** Begins the epoch: its writer is the only one from here on. */
  | { readonly kind: 'begin' }
  /** The writer ends, and appends nothing more. */
  | { readonly kind: 'farewell' }

export interface EntryHead {
  /** The same in every entry of a journal: 16 random bytes. */
  readonly set: Uint8Array
  readonly epoch: number
  /** Of one process or opening: 16 random bytes. */
  readonly writer: Uint8Array
  /** The writer's own count of what it tried to append: no two of its entries have the same. */
  readonly number: number
  readonly position: number
  /** The highest position whose append the writer knows to be acknowledged. */
  readonly acknowledged: number
  /** Digest of the entry before; zeros in the first. */
  readonly before: Uint8Array
}

export interface Entry {
  readonly head: EntryHead
  readonly body: EntryBody
}

export const SET_BYTES = 16
export const WRITER_BYTES = 16
export const LOCATION_BYTES = 10

/** The numbers of the format. */
export const FORMAT = 1
export const KINDS = ['changes', 'heartbeat', 'begin', 'farewell'] as const
export const CHANGE_TYPES = ['transaction', 'trim', 'damaged', 'replace'] as const
export const TABLES = ['keys', 'names', 'meta'] as const
export const PLACES = ['small', 'records', 'file'] as const

/** Bytes before the body. */
export const HEAD_BYTES: number = 2 + SET_BYTES + 8 + WRITER_BYTES + 3 * 8 + 32
