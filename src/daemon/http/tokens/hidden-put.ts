/** What a token with a prefix gets to know of a put (specs/007, R007-333). */
import type { PutResult } from '../../../node/node.ts'

/**
 * Neither the answer nor its status says whether the value existed; nor, of a tag that was moved,
 * whether the old target is kept, as that says whether anything else holds it.
 */
export const hidden = ({ key, size, previous }: PutResult): PutResult => ({
  key,
  size,
  existed: false,
  ...(previous && { previous, silent: [] }),
})
