/** Errors with the headers by which Hugging Face's client tells them apart (R010-56). */
import { HttpError } from '../../daemon/http/http-error.ts'
import type { ErrorCode } from '../../errors.ts'

/** What the client makes an exception of. */
export type HfErrorCode = 'RepoNotFound' | 'RevisionNotFound' | 'EntryNotFound' | 'GatedRepo'

export class HfError extends HttpError {
  constructor(status: number, hfCode: HfErrorCode | undefined, message: string, hint?: string) {
    const code: ErrorCode = status === 404 ? 'not-found' : 'usage'
    super(status, message, headersOf(message, hfCode), code, hint)
  }
}

/** The headers by which the client knows an error, and what it prints of it. */
export const headersOf = (message: string, code?: HfErrorCode): Record<string, string> => ({
  ...(code !== undefined && { 'X-Error-Code': code }),
  // A header has no characters but these.
  'X-Error-Message': message.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 500),
})
