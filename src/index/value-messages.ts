/** Messages about values (specs/004-index.md, "Messages"). */
import type { Naming, Operation } from './naming-messages.ts'

/** The BLAKE3 digest that a key spells: 32 bytes. */
export type Digest = Uint8Array

/** Asks for facts about these keys. With `inline`, the answer carries small values. */
export interface Locate {
  readonly type: 'locate'
  readonly digests: readonly Digest[]
  readonly inline: boolean
  /** With one digest: only names that begin with this. */
  readonly namesBelow?: string
}

/** What the index knows of a key that exists. */
export interface Fact {
  readonly size: number
  readonly incarnation: number
  readonly value: Uint8Array | undefined
  readonly holders: readonly string[]
  /** Names of the key, as many as fit into the answer. */
  readonly names: readonly string[]
  /** Only of a directory whose children are counted. */
  readonly directory?: DirectoryTotals
  /** Number of directories that hold it, if one key was asked for. */
  readonly heldBy?: number
}

/** Of all that is below a directory. */
export interface DirectoryTotals {
  /** Bytes of all files. */
  readonly size: number
  readonly files: number
  /** Some value is held by a directory and missing: it may be one of this tree. */
  readonly mayLack: boolean
}

export interface Located {
  readonly type: 'located'
  readonly facts: readonly (Fact | undefined)[]
}

/** Stores small values. A single one may get a name. */
export interface Put extends Operation {
  readonly type: 'put'
  readonly values: readonly Uint8Array[]
  readonly name: string | undefined
  /** The hold that keeps them; then there is no name. */
  readonly hold?: Uint8Array
  readonly naming?: Naming
  /** Without a name or a hold: the operation of each value. */
  readonly operations?: readonly Uint8Array[]
}

/** A value that is durable. */
export interface Receipt {
  readonly digest: Digest
  readonly size: number
  readonly incarnation: number
  readonly existed: boolean
  /** Only of a put that moved a tag. */
  readonly moved?: MovedTag
}

/** What a tag is, or was, bound to. */
export interface Target {
  readonly digest: Digest
  readonly directory?: boolean
  /** When it was bound to it: wall clock, in milliseconds. */
  readonly atMs?: number
}

/** What the move of a tag replaced (R004-123). */
export interface MovedTag {
  readonly previous: Target
  /** Until when that is kept, as nothing else holds it: wall clock, in milliseconds. */
  readonly keptUntilMs?: number
  /** Peer ids of Locals that have been silent: at most `SILENT_LOCALS`, the same in a message. */
  readonly silent: readonly string[]
}

export interface Stored {
  readonly type: 'stored'
  readonly receipts: readonly Receipt[]
}

/** Asks whether to upload this large value. */
export interface Offer extends Operation {
  readonly type: 'offer'
  readonly digest: Digest
  readonly size: number
  readonly name: string | undefined
  /** The hold that keeps it; then there is no name. */
  readonly hold?: Uint8Array
  readonly naming?: Naming
}

/** With `have`, nothing need be sent; otherwise the upload begins at byte `sendFrom`. */
export interface Offered {
  readonly type: 'offered'
  readonly have: Receipt | undefined
  readonly sendFrom: number
}

export interface Remove {
  readonly type: 'remove'
  readonly digest: Digest
  /** How long Global waits for acknowledgements, in milliseconds; undefined for its default. */
  readonly timeoutMs: number | undefined
  /** Remove the value even if it has names. */
  readonly force: boolean
}

export interface Removed {
  readonly type: 'removed'
  readonly seq: number
  readonly freedBytes: number
  /** Peer ids of the Locals that have applied it, that owe it, and whose lease expired instead. */
  readonly acknowledged: readonly string[]
  readonly owed: readonly string[]
  readonly expired: readonly string[]
  /** Names that were unbound. */
  readonly names: readonly string[]
  /** The key of the removed value; undefined if none was removed. */
  readonly digest: Digest | undefined
  /** Only of a directory. */
  readonly tree?: TreeRemoval
}

/** How far the removal of a directory and of what it held has come. */
export interface TreeRemoval {
  /** Values that were removed, the directory among them. */
  readonly removed: number
  /** At most so many are removed in the end: what something else holds stays. */
  readonly most: number
  /** All are removed. Else it goes on. */
  readonly complete: boolean
}

export interface List {
  readonly type: 'list'
  readonly after: Digest | undefined
  readonly limit: number
}

export interface Listed {
  readonly type: 'listed'
  readonly items: readonly ListedItem[]
  readonly more: boolean
}

export interface ListedItem {
  readonly digest: Digest
  readonly size: number
  /** A directory whose children are counted. */
  readonly directory?: boolean
}
