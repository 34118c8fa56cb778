/** The JSON that goes over the daemon's API: one place for both its ends (specs/007, "HTTP API"). */
import type {
  Acknowledgement,
  ChangeEvent,
  ExpelResult,
  Invitation,
  MemberEntry,
  NodeStatus,
  Progress,
} from '../../node/node.ts'
import type { ErrorCode } from '../../errors.ts'

/** An error, as RFC 9457 writes it. `code` is from the closed table of specs/000. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ErrorCode
  readonly hint?: string
}

export interface PutAnswer {
  readonly key: string
  readonly size: number
  /** The value was there already. */
  readonly existed: boolean
}

export interface FactsAnswer {
  readonly key: string
  readonly size: number
  readonly incarnation: number
  readonly heldBytes: number
  readonly holders: readonly string[]
  readonly confirmed: boolean
  readonly names: readonly string[]
}

/** `owed` is not empty where Locals could not be reached: they let go before they serve anything again. */
export interface RemoveAnswer extends Acknowledgement {
  readonly key: string
}

/** `key` is there where the value went with its last name. */
export interface UnbindAnswer extends Acknowledgement {
  readonly name: string
  readonly key?: string
}

/** What a name stands for. */
export interface NameAnswer {
  readonly name: string
  readonly key: string
  readonly size: number
  readonly incarnation: number
  /** How much of the value the node held when it was asked, in bytes. */
  readonly heldBytes: number
  readonly confirmed: boolean
}

export interface NameLine {
  readonly name: string
  readonly key: string
}

/** One change. What it does not have is not there. */
export interface ChangeLine extends Omit<ChangeEvent, 'key' | 'size'> {
  readonly key?: string
  readonly size?: number
}

export type InviteAnswer = Invitation

/** `role` is not there where it was expelled. */
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

export interface KeyLine {
  readonly key: string
  readonly size: number
}

/** A line of a verification: any number of the first two, then `done`. */
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
  | {
      readonly event: 'done'
      readonly values: number
      readonly doneBytes: number
      readonly damaged: number
    }

/** The API over TCP. */
export interface HttpStatus {
  readonly url: string
  /** Do reads of values and names need no token? */
  readonly public: boolean
  readonly tokenFile: string
  /** Requests that were turned away, since the start. */
  readonly refused: number
}

export interface StatusAnswer extends NodeStatus {
  readonly daemon: {
    readonly pid: number
    readonly directory: string
    readonly socket: string
    readonly http?: HttpStatus
    /** Resident memory of the process, in bytes. */
    readonly residentBytes: number
  }
}

/** One line of an answer that reports its progress: any number of `progress`, then one of the others. */
export type CallEvent<Result> =
  | ({ readonly event: 'progress' } & Omit<Progress, 'totalBytes'> & {
        readonly totalBytes: number | null
      })
  | { readonly event: 'done'; readonly result: Result }
  | { readonly event: 'failed'; readonly problem: Problem }

/** Key of the value, which may have been asked for by a name. */
export const KEY_HEADER = 'dstore-key'

/** Size in bytes of the whole value, also where `Content-Length` cannot be sent. */
export const SIZE_HEADER = 'dstore-size'

/** Sizes in bytes of the values in the body of a batch, in their order: `5,0,17`. */
export const SIZES_HEADER = 'dstore-sizes'

/** Trailer that carries a `Problem` where an answer's bytes end too early. */
export const PROBLEM_TRAILER = 'dstore-problem'

export const PROBLEM_TYPE = 'application/problem+json'
export const LINES_TYPE = 'application/x-ndjson'
export const CHANGES_TYPE = 'text/event-stream'
