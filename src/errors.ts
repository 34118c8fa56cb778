/**
 * All errors that dstore reports, from the wire to the exit code (specs/000-conventions.md,
 * "Errors").
 *
 * A *fault* (of a peer, a disk, an input, a limit) is a `DstoreError` with a code from the table
 * below. A *mistake of the calling program* is a `TypeError` or a `RangeError` that names the
 * argument.
 */

import { systemFault } from './errno.ts'
import type { SystemFault } from './errno.ts'

/** The stable name of a kind of fault. */
export type ErrorCode =
  | 'internal'
  | 'unreadable'
  | 'unwritable'
  | 'changed'
  | 'locked'
  | 'address-in-use'
  | 'unsupported'
  | 'usage'
  | 'malformed-key'
  | 'malformed-range'
  | 'malformed-address'
  | 'not-found'
  | 'removed'
  | 'integrity'
  | 'unreachable'
  | 'timeout'
  | 'incompatible'
  | 'impostor'
  | 'protocol'
  | 'not-permitted'
  | 'range'
  | 'too-large'
  | 'busy'
  | 'no-space'
  | 'partial'
  | 'conflict'
  | 'cancelled'

/** A code's meaning for a program (`status`, `exit`, `retry`) and for a person (`meaning`). */
export interface ErrorKind {
  readonly meaning: string
  /** The party that can fix it. */
  readonly fault: 'caller' | 'peer' | 'node' | 'input'
  /** May the same call succeed later without any change? */
  readonly retry: boolean
  /** HTTP status of the answer on the daemon's API. */
  readonly status: number
  /** Exit code of the command line. */
  readonly exit: number
}

const kind = (
  meaning: string,
  fault: ErrorKind['fault'],
  retry: boolean,
  status: number,
  exit: number,
): ErrorKind => ({ meaning, fault, retry, status, exit })

/** The closed table of codes. A test compares it with that in `specs/000-conventions.md`. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorKind>> = {
  internal: kind('a defect in dstore', 'node', false, 500, 1),
  unreadable: kind('an input file is missing or cannot be read', 'input', false, 422, 1),
  unwritable: kind('an output or the state directory cannot be written', 'input', false, 422, 1),
  changed: kind('an input file changed while it was being read', 'input', true, 422, 1),
  locked: kind('another daemon holds the state directory', 'caller', true, 409, 1),
  'address-in-use': kind('the address to listen on is taken', 'caller', true, 409, 1),
  unsupported: kind(
    'dstore does not run on this operating system, or this node keeps no files',
    'caller',
    false,
    501,
    1,
  ),
  usage: kind('the command or request is malformed', 'caller', false, 400, 2),
  'malformed-key': kind(
    'not a key: another codec, hash, length or spelling',
    'caller',
    false,
    400,
    2,
  ),
  'malformed-range': kind(
    'a byte range that is reversed or cannot be read',
    'caller',
    false,
    400,
    2,
  ),
  'malformed-address': kind('a multiaddr that cannot be used', 'caller', false, 400, 2),
  'not-found': kind('no such key', 'caller', false, 404, 3),
  removed: kind('the value was removed while it was being read', 'caller', false, 410, 3),
  integrity: kind('bytes that do not match their key', 'peer', false, 502, 4),
  unreachable: kind('the daemon or Global cannot be reached', 'node', true, 503, 5),
  timeout: kind('no progress within the time-out', 'peer', true, 504, 5),
  incompatible: kind('the two sides have no protocol version in common', 'peer', false, 502, 5),
  impostor: kind(
    'another peer answers at the address of the one that was meant',
    'peer',
    false,
    502,
    5,
  ),
  protocol: kind('a peer broke the protocol', 'peer', true, 502, 5),
  'not-permitted': kind('the caller may not do this', 'caller', false, 403, 6),
  range: kind('a range beyond the end of the value', 'caller', false, 416, 7),
  'too-large': kind('larger than a limit allows', 'caller', false, 413, 7),
  busy: kind('a limit on work in flight is reached', 'node', true, 429, 7),
  'no-space': kind('no space left', 'node', true, 507, 7),
  partial: kind('some of the work was done', 'node', true, 500, 8),
  conflict: kind('it contradicts what is stored', 'caller', false, 409, 9),
  cancelled: kind('the caller gave up', 'caller', true, 499, 130),
}

/** Details of a fault. */
export interface DstoreErrorOptions {
  /** The error that caused it. */
  cause?: unknown
  /** One line that suggests a remedy. */
  hint?: string
}

/** A fault, with a stable `code` from `ERRORS`. Its message is one line for a person. */
export class DstoreError extends Error {
  override readonly name = 'DstoreError'
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: DstoreErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }

  get kind(): ErrorKind {
    return ERRORS[this.code]
  }

  /**
   * What JSON has of it, for a log: neither the stack nor the cause.
   * @example console.error(JSON.stringify(new DstoreError('usage', 'no file')))
   */
  toJSON(): Readonly<Record<string, string>> {
    const { name, code, message, hint } = this
    return { name, code, message, ...(hint !== undefined && { hint }) }
  }
}

/**
 * Is this string one of the codes? A code from a peer may be any string.
 * @example console.log(isErrorCode('not-found'))
 */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code)
}

/**
 * The error as a fault: unchanged if it is one, `cancelled` for an abort, the meaning of an error
 * of the system, else `internal`.
 */
export function asDstoreError(error: unknown): DstoreError {
  if (error instanceof DstoreError) return error
  const system = systemFault(error)
  if (system !== undefined) {
    const { path } = error as { path?: unknown }
    return systemError(system, typeof path === 'string' ? path : undefined, error)
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return new DstoreError('cancelled', 'cancelled', { cause: error })
  }
  const message = error instanceof Error ? error.message : String(error)
  return new DstoreError('internal', message, { cause: error })
}

/** An error of the system as a fault; `what` is what it hit. */
export function systemError(
  { code, reason, hint }: SystemFault,
  what: string | undefined,
  cause: unknown,
): DstoreError {
  const message = what === undefined ? reason : `${what}: ${reason}`
  return new DstoreError(code, message, { cause, ...(hint !== undefined && { hint }) })
}

/** Throws if the signal is aborted: its reason if that is a fault, else `cancelled`. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  const reason: unknown = signal.reason
  if (reason instanceof DstoreError) throw reason
  throw new DstoreError('cancelled', 'cancelled', { cause: reason })
}
