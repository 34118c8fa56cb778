/** Which requests the immediate path may answer (specs/007, R007-210). */
import type { IncomingMessage } from 'node:http'
import { BEAT_HEADER } from '../../api/api.ts'

const VALUES = '/v1/values/'

/** The headers that change the answer to a GET, or say that a body follows. */
const DECIDING: ReadonlySet<string> = new Set([
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'te',
  'expect',
  'content-length',
  'transfer-encoding',
  BEAT_HEADER,
])

/** The key or name of which a request wants the whole value; undefined for any other request. */
export function plainRequest({
  method,
  url,
  httpVersion,
  headers,
}: IncomingMessage): string | undefined {
  if (method !== 'GET' || httpVersion !== '1.1' || !url?.startsWith(VALUES)) return undefined
  for (const name in headers) if (DECIDING.has(name)) return undefined
  const word = url.slice(VALUES.length)
  // What is after a `?` or a `/` means something else, and bytes beyond ASCII are refused.
  if (!/^[!-.0->@-~]+$/.test(word)) return undefined
  if (!word.includes('%')) return word
  try {
    return decodeURIComponent(word)
  } catch {
    return undefined
  }
}
