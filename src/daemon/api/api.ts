/** The JSON documents of the daemon's API, for its server and client (specs/007, "HTTP API"). */
import type {
  BoundName,
  ChangeEvent,
  CommonPrefix,
  ExpelResult,
  InactiveStatus,
  InactiveValue,
  UploadSummary,
  Invitation,
  MemberEntry,
  Miscount,
  NameKind,
  NameUsage,
  NodeStatus,
  Pin,
  Progress,
  PutResult,
  RemoveResult,
  StoreUse,
  RuleState,
  TagResult,
  UnbindResult,
  ValueFacts,
} from '../../node/node.ts'
import type { ErrorCode } from '../../errors.ts'
import type { MemberRole } from '../../membership/role.ts'
import type { TokenEntry } from '../config/tokens/token-table.ts'

/** A problem document (RFC 9457). `code` is from the table of errors in specs/000. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ErrorCode
  readonly hint?: string
}

/** The text of its key in place of the key. */
type Keyed<Result> = Omit<Result, 'key'> & { readonly key: string }

/** Where the put moved a tag, with what that was moved from. */
export type PutAnswer = Omit<Keyed<PutResult>, 'previous'> & { readonly previous?: string }

/** One put of a batch with names: each has an outcome of its own. */
export type OutcomeLine = PutAnswer | { readonly problem: Problem }

export type FactsAnswer = Keyed<ValueFacts>

/** A hold, by its id. */
export interface HoldAnswer {
  readonly hold: string
}

/** An entry of a directory. A file that is no executable has no `exec`. */
export type EntryLine =
  | {
      readonly name: string
      readonly type: 'file'
      readonly key: string
      readonly size: number
      readonly exec?: true
    }
  | {
      readonly name: string
      readonly type: 'directory'
      readonly key: string
      /** Bytes of all files below it, and their number. */
      readonly size: number
      readonly files: number
    }
  | { readonly name: string; readonly type: 'link'; readonly to: string }

/** A directory that was made, or the keys of children that do not exist. */
export interface MadeLine {
  readonly key: string
  readonly missing: readonly string[]
}

export type RemoveAnswer = Keyed<RemoveResult>

/** `key` is set if the value was removed with its last name. */
export type UnbindAnswer = Omit<UnbindResult, 'key'> & { readonly key?: string }

export type NameAnswer = Keyed<BoundName>

/** The outcome of the move of a tag, with `previous` and its time if it replaced anything. */
export interface MovedAnswer extends Omit<TagResult, 'key' | 'previous' | 'previousKeptUntil'> {
  readonly kind: 'tag'
  readonly key: string
  readonly previous?: string
  readonly previousKeptUntil?: string
}

/** One target of a tag. An earlier version did not record the time. */
export interface TargetLine {
  readonly key: string
  readonly at?: string
}

/** A rule. Without a prefix: that for values without a name. */
export interface RuleLine extends Omit<RuleState, 'prefix' | 'heldOtherwise' | 'lastRemovedAt'> {
  readonly prefix?: string
  readonly heldOtherwise?: number
  readonly lastRemovedAt?: string
}

/** A pin. Without key and size while these are unknown, or gone. */
export interface PinLine extends Omit<Pin, 'key' | 'size'> {
  readonly key?: string
  readonly size?: number
}

/** What is no longer pinned, as it was listed. */
export interface UnpinnedAnswer {
  readonly word: string
}

/** The rule that was removed. */
export interface RemovedRuleAnswer {
  readonly prefix?: string
}

/** A name in a list. Properties that are not known, or do not apply, are missing. */
export interface NameLine {
  readonly name: string
  readonly key: string
  /** Missing where a daemon of an earlier version answers. */
  readonly kind?: NameKind
  readonly size?: number
  readonly boundAt?: string
  readonly expiresAt?: string
}

/** A line of a list by level. */
export type LevelLine = NameLine | CommonPrefix

/** A line of `GET /v1/usage`. */
export type UsageLine = NameUsage

/** What the store of Global has. Bounds that do not apply are missing. */
export type StoreAnswer = Partial<StoreUse> & Omit<StoreUse, 'quotaBytes' | 'headroomBytes'>

/** One change of the index. Properties that do not apply are missing. */
export interface ChangeLine extends Omit<ChangeEvent, 'key' | 'size' | 'previous'> {
  readonly key?: string
  readonly previous?: string
  readonly size?: number
}

export type InviteAnswer = Invitation

/** `role` is missing for an expelled member. */
export type MemberLine = MemberEntry

export interface AdmitAnswer {
  readonly peer: string
  readonly role: string
}

export type ExpelAnswer = ExpelResult

export interface EvictAnswer {
  readonly key: string
  readonly freedBytes: number
}

/** A value that the daemon wrote to a file of its client: the part from `start` to `end`. */
export interface CopyAnswer {
  readonly key: string
  readonly size: number
  readonly start: number
  readonly end: number
}

/** A file of a value, or a folder of links, that other processes of the machine may open. */
export interface PathAnswer {
  /** Absolute. */
  readonly path: string
  /** Of the file or folder at the path, in decimal. */
  readonly device: string
  readonly inode: string
  /** Bytes; of a folder those of all its files. */
  readonly size: number
  readonly key: string
  readonly kind: 'file' | 'folder'
}

export interface KeyLine {
  readonly key: string
  readonly size: number
}

/** A line of a verification: any number of the first three, then `done`. */
export type VerifyLine =
  | {
      readonly event: 'progress'
      readonly values: number
      readonly doneBytes: number
      readonly totalBytes: number
    }
  | {
      readonly event: 'damaged'
      readonly key: string
      readonly size: number
      readonly repaired: boolean
    }
  | ({ readonly event: 'miscounted' } & Keyed<Miscount>)
  | {
      readonly event: 'done'
      readonly values: number
      readonly doneBytes: number
      readonly damaged: number
      readonly miscounted?: number
      readonly unsettled?: number
    }

export type InactiveValueAnswer = Keyed<InactiveValue>

/** What was in the store that was deleted. */
export type DropAnswer = InactiveStatus

/** A line of the upload of an inactive store: any number of the first three, then `done`. */
export type UploadLine =
  | {
      readonly event: 'progress'
      readonly phase: 'upload' | 'verify'
      readonly values: number
      readonly totalValues: number
      readonly doneBytes: number
      readonly totalBytes: number
    }
  | { readonly event: 'damaged'; readonly key: string; readonly size: number }
  | {
      readonly event: 'refused'
      readonly name: string
      readonly key: string
      readonly reason: string
    }
  | ({ readonly event: 'done' } & UploadSummary)

/** A token of the API over TCP, as lists show it. */
export type TokenLine = TokenEntry

/** A token that was made. It is shown this once. */
export interface TokenAnswer extends TokenEntry {
  readonly token: string
}

/** The transfer that was cancelled. */
export interface CancelledTransferAnswer {
  readonly id: string
}

/** The listener of the API on TCP. */
export interface HttpStatus {
  readonly url: string
  /** Reads of values and names need no token. */
  readonly public: boolean
  readonly tokenFile: string
  /** Requests refused since the start. */
  readonly refused: number
}

/** Where a browser on this machine finds the API over TCP. */
export interface HttpAnswer {
  readonly address: string
}

/** A code for one session of the page. */
export interface CodeAnswer {
  readonly code: string
  readonly expiresAt: string
}

/** A caller, and every call that it may make, as `METHOD path`. */
export interface WhoAnswer {
  readonly label: string
  readonly role: MemberRole
  /** That of the node at its Global, which no caller exceeds there. */
  readonly memberRole?: MemberRole
  readonly prefix?: string
  readonly expiresAt?: string
  readonly calls: readonly string[]
}

/** A session of the page, and its token. */
export interface SessionAnswer extends WhoAnswer {
  readonly token: string
  readonly expiresAt: string
}

export interface StatusAnswer extends NodeStatus {
  readonly daemon: {
    readonly pid: number
    readonly directory: string
    readonly socket: string
    readonly http?: HttpStatus
    /** The paths that open doors serve. */
    readonly doors?: readonly string[]
    /** Resident memory of the process, in bytes. */
    readonly residentBytes: number
  }
}

/** A line of a response with progress: any number of `progress`, then `done` or `failed`. */
export type CallEvent<Result> =
  | ({ readonly event: 'progress' } & Omit<Progress, 'totalBytes'> & {
        readonly totalBytes: number | null
      })
  | { readonly event: 'done'; readonly result: Result }
  | { readonly event: 'failed'; readonly problem: Problem }

/** Header of a request: `102`, if the client understands that status as a sign of progress. */
export const BEAT_HEADER = 'dstore-beat'

/** Header: key of the value, which the request may have named. */
export const KEY_HEADER = 'dstore-key'

/** Header: size of the whole value in bytes, also where `Content-Length` cannot be sent. */
export const SIZE_HEADER = 'dstore-size'

/** Header: what a path in a directory leads to: `file`, `executable`, `directory` or `link`. */
export const ENTRY_HEADER = 'dstore-entry'

/** Header: sizes in bytes of the values in a batch, in order: `5,0,17`. */
export const SIZES_HEADER = 'dstore-sizes'

/** Header: bytes of the list of entries that stands before the values of a batch with names. */
export const ENTRIES_HEADER = 'dstore-entries'

/** Trailer: the `Problem` that ended a body too early. */
export const PROBLEM_TRAILER = 'dstore-problem'

export const PROBLEM_TYPE = 'application/problem+json'
export const LINES_TYPE = 'application/x-ndjson'
export const TEXT_TYPE = 'text/plain'
export const CHANGES_TYPE = 'text/event-stream'
