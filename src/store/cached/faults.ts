/** What errors of cached files mean. */

/** Does the error mean that the file system, or this user's share of it, is full? */
export function isFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOSPC' || code === 'EDQUOT'
}
