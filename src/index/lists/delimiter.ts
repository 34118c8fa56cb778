/** The delimiter of a list by levels (specs/004-index.md, R004-161). */
import { DstoreError } from '../../errors.ts'

/** One character that a name may have. */
export const isDelimiter = (text: string): boolean => /^[^\p{Cc}\p{Cs}]$/u.test(text)

/** The same text; throws `usage` if it is no delimiter. */
export function checkDelimiter(text: string): string {
  if (isDelimiter(text)) return text
  throw new DstoreError('usage', 'a delimiter is one character, such as /')
}

/** Is the text a common prefix of names that begin with `prefix`? */
export function isCommonPrefix(text: string, prefix: string, delimiter: string): boolean {
  return (
    text.startsWith(prefix) &&
    text.indexOf(delimiter, prefix.length) === text.length - delimiter.length &&
    text.length > prefix.length
  )
}
