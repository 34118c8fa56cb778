/** An error of HTTP itself, with a status that the table of errors (specs/000) does not give. */
import { DstoreError } from '../../errors.ts'
import type { ErrorCode } from '../../errors.ts'

/** A header with several values is sent a line each. */
export type HttpErrorHeaders = Readonly<Record<string, string | readonly string[]>>

export class HttpError extends DstoreError {
  readonly status: number
  readonly headers: HttpErrorHeaders

  constructor(
    status: number,
    message: string,
    headers: HttpErrorHeaders = {},
    code: ErrorCode = 'usage',
    hint?: string,
  ) {
    super(code, message, hint === undefined ? {} : { hint })
    this.status = status
    this.headers = headers
  }
}
