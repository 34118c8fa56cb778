/** Faults as problem documents (RFC 9457) and back. */
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

/** The problem as one line of ASCII, which a header can carry. */
export function problemLine(error: unknown): string {
  return JSON.stringify(problemOf(error)).replaceAll(
    /[^\u0020-\u007e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The fault that the text of a problem document tells of; `protocol` where it is none. */
export function parseProblem(text: string): DstoreError {
  try {
    return errorOf(JSON.parse(text) as Partial<Problem>)
  } catch (cause) {
    return new DstoreError('protocol', 'the daemon gave an answer that is not its own', { cause })
  }
}

/** The fault that a problem document tells of; `protocol` where its code is none of ours. */
export function errorOf({ code, detail, hint }: Partial<Problem>): DstoreError {
  if (typeof code !== 'string' || !isErrorCode(code)) {
    return new DstoreError('protocol', 'the daemon gave an answer that is not its own')
  }
  return new DstoreError(
    code,
    typeof detail === 'string' ? detail : ERRORS[code].meaning,
    typeof hint === 'string' ? { hint } : {},
  )
}
