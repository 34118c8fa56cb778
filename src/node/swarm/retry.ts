/**
 * Decides whether a transfer that broke off is tried again, because Global may be back soon
 * (specs/003-transfer.md, R003-46). A state machine: the caller waits, and passes in the clock.
 */
import { DstoreError, type ErrorCode } from '../../errors.ts'
import { BROKEN_TRANSFER_MS } from '../../limits.ts'

/** Milliseconds between a failed attempt and the next. */
export const RETRY_MS = 100

/**
 * How an upload breaks that may be resumed. A stream that breaks with its connection, while it is
 * opened, looks like one too many.
 */
export const BROKEN: readonly ErrorCode[] = ['unreachable', 'busy']

const PASSING: readonly ErrorCode[] = [...BROKEN, 'timeout']

const AWAY = 'Global cannot be reached'

export interface RetryOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Only failures with these codes are retried. */
  readonly codes?: readonly ErrorCode[]
  /** Shown with the error once Global has been away for too long. */
  readonly hint?: string
}

export class Retry {
  readonly #options: RetryOptions
  #progressAt: number

  constructor(options: RetryOptions) {
    this.#options = options
    this.#progressAt = options.now()
  }

  /** The transfer got further, or was not waiting for Global: the wait starts over. */
  progress(): void {
    this.#progressAt = this.#options.now()
  }

  /** An attempt failed. Returns the error to fail with, or undefined to try again in `RETRY_MS`. */
  failed(fault: DstoreError): DstoreError | undefined {
    const { now, codes = PASSING, hint } = this.#options
    const isPatient = now() - this.#progressAt < BROKEN_TRANSFER_MS
    return codes.includes(fault.code) && isPatient ? undefined : withoutGlobal(fault, hint)
  }
}

/** The same failure; an `unreachable` says that it is Global that is missing. */
export function withoutGlobal(fault: DstoreError, hint?: string): DstoreError {
  if (fault.code !== 'unreachable') return fault
  const message = fault.message.startsWith(AWAY) ? fault.message : `${AWAY}: ${fault.message}`
  return new DstoreError('unreachable', message, { cause: fault, ...(hint && { hint }) })
}
