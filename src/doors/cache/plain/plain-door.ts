/** `/cache/SPACE/PATH`: a build cache over plain HTTP (specs/010-doors.md, R010-10 to R010-21). */
import { hasBody } from '../../../daemon/http/call.ts'
import type { Door, DoorCall } from '../../../daemon/http/doors/door.ts'
import { HttpError } from '../../../daemon/http/http-error.ts'
import { segmentsOf } from '../../door-path.ts'
import { entryBody, entryName, removeEntry, sendEntry, writeEntry } from '../entries.ts'
import { verifiedBody } from './content-address.ts'
import { sendProperties } from './properties.ts'

const METHODS = {
  GET: 'reader',
  HEAD: 'reader',
  OPTIONS: 'reader',
  PROPFIND: 'reader',
  PUT: 'writer',
  DELETE: 'writer',
  MKCOL: 'writer',
} as const

/** What a collection takes. */
const COLLECTION_METHODS = 'OPTIONS, PROPFIND, MKCOL'

type Handle = (call: DoorCall, segments: readonly string[]) => Promise<void>

/** By method, of an entry. */
const ENTRY: Readonly<Record<keyof typeof METHODS, Handle>> = {
  GET: (call, segments) => sendEntry(call, entryName(...segments)),
  HEAD: (call, segments) => sendEntry(call, entryName(...segments)),
  OPTIONS: (call) => sendOptions(call, Object.keys(METHODS).join(', ')),
  PROPFIND: (call, segments) => sendProperties(call, segments, false),
  PUT: putEntry,
  async DELETE(call, segments) {
    await removeEntry(call, entryName(...segments))
    sendEmpty(call, 204)
  },
  MKCOL: makeCollection,
}

/** By method, of a collection. There is one wherever a tool looks for one (R010-18). */
const COLLECTION: Readonly<Partial<Record<string, Handle>>> = {
  OPTIONS: (call) => sendOptions(call, COLLECTION_METHODS),
  PROPFIND: (call, segments) => sendProperties(call, segments, true),
  MKCOL: makeCollection,
}

export function plainDoor(): Door {
  return { root: '/cache', methods: METHODS, handle, nameOf }
}

/** Not checked as `entryName` does: what can be no name is bound to nothing, but for U+FFFD. */
function nameOf(rest: string): string | undefined {
  let segments: readonly string[]
  try {
    segments = segmentsOf(rest)
  } catch {
    return undefined
  }
  const name = ['cache', ...segments].join('/')
  return isCollection(segments, rest) || name.includes('\ufffd') ? undefined : name
}

/** A space is no entry, whether its slash is there or not. */
const isCollection = (segments: readonly string[], rest: string): boolean =>
  segments.length < 2 || rest.endsWith('/')

async function handle(call: DoorCall): Promise<void> {
  const segments = segmentsOf(call.rest)
  const method = call.request.method as keyof typeof METHODS
  if (!isCollection(segments, call.rest)) return ENTRY[method](call, segments)
  const handleOne = COLLECTION[method]
  if (handleOne !== undefined) return handleOne(call, segments)
  if (method === 'GET' || method === 'HEAD') {
    throw new HttpError(404, 'this is no entry: it ends in a slash, or names a space only')
  }
  throw new HttpError(405, `a collection takes ${COLLECTION_METHODS}`, {
    Allow: COLLECTION_METHODS,
  })
}

async function putEntry(call: DoorCall, segments: readonly string[]): Promise<void> {
  const name = entryName(...segments)
  const source = verifiedBody(entryBody(call), segments)
  sendEmpty(call, (await writeEntry(call, name, source)) === 'new' ? 201 : 204)
}

/** Collections are not stored: there is nothing to do but to agree. */
function makeCollection(call: DoorCall, segments: readonly string[]): Promise<void> {
  if (hasBody(call.request)) throw new HttpError(415, 'a collection is made without a body')
  // A path that no entry below it can have.
  entryName(...segments, '-')
  sendEmpty(call, 201)
  return Promise.resolve()
}

function sendOptions(call: DoorCall, allowed: string): Promise<void> {
  sendEmpty(call, 204, { Allow: allowed, DAV: '1' })
  return Promise.resolve()
}

function sendEmpty(
  { response }: DoorCall,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...headers, ...(status !== 204 && { 'Content-Length': 0 }) })
  response.end()
}
