/** Converts errors to problem documents (RFC 9457) and back. */
import { DstoreError, ERRORS, asDstoreError, isErrorCode } from '../../errors.ts'
import type { Problem } from './api.ts'

export function problemOf(error: unknown): Problem {
  const fault = asDstoreError(error)
  const { meaning, status } = fault.kind
  return {
    type: `/problems/${fault.code}`,
    title: meaning,
    status,
    detail: fault.message,
    code: fault.code,
    ...(fault.hint === undefined ? {} : { hint: fault.hint }),
  }
}

/** The problem document as one line of ASCII, for a header. */
export function problemLine(error: unknown): string {
  return JSON.stringify(problemOf(error)).replaceAll(
    /[^\u0020-\u007e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Parses a problem document; gives `protocol` for any other text. */
export function parseProblem(text: string): DstoreError {
  try {
    return errorOf(JSON.parse(text) as Partial<Problem>)
  } catch (cause) {
    return new DstoreError('protocol', 'the daemon sent a response that is no problem document', {
      cause,
    })
  }
}

/** The error in a problem document; `protocol` for an unknown code. */
export function errorOf({ code, detail, hint }: Partial<Problem>): DstoreError {
  if (typeof code !== 'string' || !isErrorCode(code)) {
    return new DstoreError('protocol', 'the daemon sent a response that is no problem document')
  }
  return new DstoreError(
    code,
    typeof detail === 'string' ? detail : ERRORS[code].meaning,
    typeof hint === 'string' ? { hint } : {},
  )
}
