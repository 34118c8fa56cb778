/** The headers of a value (specs/007, R007-12, R007-17). */
import type { Key } from '../../../hash/key.ts'
import { KEY_HEADER, SIZE_HEADER } from '../../api/api.ts'

export function valueHeaders(
  { key, size }: { readonly key: Key; readonly size: number },
  type: string,
): Record<string, string | number> {
  return {
    'Content-Type': type,
    'Accept-Ranges': 'bytes',
    ETag: tagOf(key),
    [KEY_HEADER]: key.toString(),
    [SIZE_HEADER]: size,
  }
}

export function tagOf(key: Key): string {
  return `"${key.toString()}"`
}
