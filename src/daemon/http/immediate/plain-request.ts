/** Which requests the immediate path may answer (specs/007, R007-210). */
import type { IncomingMessage } from 'node:http'
import { BEAT_HEADER } from '../../api/api.ts'
import { doorAt, type Door } from '../doors/door.ts'
import { BYTES_TYPE, mediaTypeOf } from '../trees/media-types.ts'

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

/** A request that wants all of a value, and nothing else. */
export interface PlainRequest {
  /** A key or a name; of a door, a name. */
  readonly word: string
  readonly type: string
  /** The door that it came to. */
  readonly door?: Door
}

/** What a request wants, if it wants the whole of a value; undefined for any other. */
export function plainRequest(
  { method, url = '', httpVersion, headers }: IncomingMessage,
  doors: readonly Door[],
): PlainRequest | undefined {
  if (method !== 'GET' || httpVersion !== '1.1') return undefined
  for (const name in headers) if (DECIDING.has(name)) return undefined
  if (!url.startsWith(VALUES)) return throughDoor(doors, url)
  const word = decoded(url.slice(VALUES.length))
  return word === undefined ? undefined : { word, type: mediaTypeOf(word) }
}

function decoded(word: string): string | undefined {
  // What is after a `?` or a `/` means something else, and bytes beyond ASCII are refused.
  if (!/^[!-.0->@-~]+$/.test(word)) return undefined
  if (!word.includes('%')) return word
  try {
    return decodeURIComponent(word)
  } catch {
    return undefined
  }
}

function throughDoor(doors: readonly Door[], url: string): PlainRequest | undefined {
  if (!/^[!->@-~]+$/.test(url)) return undefined
  const found = doorAt(doors, url)
  const word = found?.door.nameOf?.(found.rest)
  if (found === undefined || word === undefined) return undefined
  return { word, type: BYTES_TYPE, door: found.door }
}
