/** An error of HTTP itself, with a status that the table of errors (specs/000) does not give. */
import { DstoreError } from '../../errors.ts'
import type { ErrorCode } from '../../errors.ts'

export class HttpError extends DstoreError {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    code: ErrorCode = 'usage',
    hint?: string,
  ) {
    super(code, message, hint === undefined ? {} : { hint })
    this.status = status
    this.headers = headers
  }
}
