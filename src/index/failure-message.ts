/** The answer to a request that failed (specs/004-index.md, "Messages"). */
import type { ErrorCode } from '../errors.ts'

export interface Failure {
  readonly type: 'failure'
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | undefined
}
