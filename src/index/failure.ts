/** Failure messages, and the errors that they stand for. */
import { DstoreError, asDstoreError, type ErrorCode } from '../errors.ts'
import type { Failure } from './message.ts'

export const failure = (code: ErrorCode, message: string, hint?: string): Failure => ({
  type: 'failure',
  code,
  message,
  hint,
})

export function failureOf(error: unknown): Failure {
  const { code, message, hint } = asDstoreError(error)
  return failure(code, message, hint)
}

export function errorOf({ code, message, hint }: Failure): DstoreError {
  return new DstoreError(code, message, hint === undefined ? {} : { hint })
}
