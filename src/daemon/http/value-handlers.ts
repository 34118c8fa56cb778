/** Handlers for values (specs/007, "HTTP API"). */
import { DstoreError } from '../../errors.ts'
import { VALUE_BYTES } from '../../limits.ts'
import { noSuch } from '../../node/calls/no-such.ts'
import { parseKey, type Key } from '../../hash/key.ts'
import type { FileIdentity } from '../../store/file/file-identity.ts'
import type { RangeRequest, ReadableValue, RemoveResult, ValueFacts } from '../../node/node.ts'
import { checkOwnFiles, deviceAndInode, pathIn } from '../delivery/own-files.ts'
import { bodyOf, callOptions, readJson, resolveKeyParam, sendJson, withKeyParam } from './call.ts'
import { withBeatIfWanted, withHeartbeat } from './call.ts'
import type { HttpCall } from './call.ts'
import { sendEvents } from './json-lines.ts'
import { namingBeside } from './names/naming-in.ts'
import { keeperIn, keeperOf } from './trees/hold-handlers.ts'
import { mediaTypeIn } from './trees/media-types.ts'
import { HttpError } from './http-error.ts'
import { rateIn } from './pins/rate-in.ts'
import { parseRangeHeader } from './range-header.ts'
import { sendBytes } from './stream.ts'
import { tagOf, valueHeaders } from './immediate/value-headers.ts'

/**
 * POST or, as `curl -T` sends it, PUT /v1/values: stores the body; `?name=` is bound in the same
 * change.
 */
export async function putBytes(call: HttpCall): Promise<void> {
  const { request } = call
  const length = request.headers['content-length']
  const size = length === undefined ? undefined : Number(length)
  if (size !== undefined && size > VALUE_BYTES) {
    throw new DstoreError('too-large', `a value has at most ${VALUE_BYTES} bytes`)
  }
  const bytes = bodyOf(call)
  const source = size === undefined ? { bytes } : { bytes, size }
  const options = { ...callOptions(call), ...keeperIn(call) }
  const stored = await withBeatIfWanted(call, () => call.node.put(source, options))
  const status = stored.existed ? 200 : 201
  sendJson(call, status, stored, { Location: `/v1/values/${stored.key.toString()}` })
}

/**
 * POST /v1/files {"path", "device", "inode", "size", "name", "tag", "expires", "keep", "hold"}: the
 * daemon reads the file.
 * Refused on a socket that other users can open, because the daemon may read files that they may
 * not (R007-19), and where the path leads the daemon to another file than the client (R007-92).
 */
export async function putFile(call: HttpCall): Promise<void> {
  const request = await readJson(call)
  const keeper = keeperOf(request['name'], request['hold'])
  const naming = namingBeside(keeper.name, request)
  checkOwnFiles(call, 'send the bytes to /v1/values')
  const path = pathIn(request)
  const source = { path, identity: identityIn(request) }
  const options = { ...callOptions(call), ...keeper, ...naming }
  await sendEvents(call, (onProgress) => call.node.put(source, { ...options, onProgress }))
}

/** The file that the client means. */
function identityIn(request: Readonly<Record<string, unknown>>): FileIdentity {
  const { size } = request
  const found = deviceAndInode(request)
  if (found !== undefined && Number.isSafeInteger(size)) {
    return { ...found, size: BigInt(size as number) }
  }
  throw new DstoreError('usage', 'the device, inode and size of the file are missing', {
    hint: 'give what `stat` says of the file: "device" and "inode" as decimal strings, "size" as a number',
  })
}

/** GET /v1/values/{key}: the whole value, or one range of it. */
export function getValue(call: HttpCall): Promise<void> {
  const type = mediaTypeIn(call.query, call.parameters['key'] ?? '')
  return withKeyParam(call, (key) => sendValue(call, key, type))
}

/** What a door says of a value in place of the API's own headers. */
export interface OwnHeaders {
  /** The entity tag, in quotes. */
  readonly tag?: string
  /** Sent with the value, and with 304. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Responds with a value, or one range of it, as this content type. */
export async function sendValue(
  call: HttpCall,
  key: Key,
  type: string,
  own: OwnHeaders = {},
): Promise<void> {
  const { request } = call
  if (await isNotModified(call, key, own)) return
  const tag = own.tag ?? tagOf(key)
  // A value never changes: `If-Range` with another tag means another value, so send all of this
  // one.
  const ifRange = request.headers['if-range']
  const header = ifRange === undefined || ifRange === tag ? request.headers.range : undefined
  let range = parseRangeHeader(header)
  let value: ReadableValue
  try {
    value = await call.node.get(key, { ...callOptions(call), ...(range && { range }) })
  } catch (error) {
    if (!(error instanceof DstoreError) || error.code !== 'range') throw error
    const { size } = await factsOf(call, key)
    if (size > 0 || range === undefined || !includesStart(range)) {
      // RFC 9110 wants the size in the refusal of a range beyond the value.
      call.response.setHeader('Content-Range', `bytes */${size}`)
      throw error
    }
    // No `Content-Range` can describe a part of nothing, so send all of it.
    range = undefined
    value = await call.node.get(key, callOptions(call))
  }
  const { start, end } = value.range
  const { bytes } = value
  const sent = {
    status: range === undefined ? 200 : 206,
    headers: {
      ...valueHeaders(value, type),
      ETag: tag,
      ...own.headers,
      ...(range && { 'Content-Range': `bytes ${start}-${end - 1}/${value.size}` }),
    },
    length: end - start,
    bytes,
  }
  await withBeatIfWanted(call, () => sendBytes(call, sent))
}

/** HEAD /v1/values/{key}: the headers of a whole GET, without fetching any bytes. */
export function headValue(call: HttpCall): Promise<void> {
  const type = mediaTypeIn(call.query, call.parameters['key'] ?? '')
  return withKeyParam(call, (key) => sendHead(call, key, type))
}

/** Responds with the headers of a value of this content type. */
export async function sendHead(
  call: HttpCall,
  key: Key,
  type: string,
  own: OwnHeaders = {},
): Promise<void> {
  if (await isNotModified(call, key, own)) return
  const facts = await factsOf(call, key)
  call.response.writeHead(200, {
    ...valueHeaders(facts, type),
    ETag: own.tag ?? tagOf(key),
    ...own.headers,
    'Content-Length': facts.size,
  })
  call.response.end()
}

/** GET /v1/values/{key}/facts */
export function valueFacts(call: HttpCall): Promise<void> {
  return withKeyParam(call, async (key) => sendJson(call, 200, await factsOf(call, key)))
}

/** DELETE /v1/values/{key}; a value with names needs `?force=1`. */
export async function removeValue(call: HttpCall): Promise<void> {
  const options = { ...callOptions(call), force: call.query.get('force') === '1' }
  const key = parseKey(call.parameters['key'] ?? '')
  checkIfMatch(call, tagOf(key))
  const remove = (): Promise<RemoveResult> => call.node.index.remove(key, options)
  sendJson(call, 200, await withHeartbeat(call, remove))
}

/** POST /v1/values/{key}/prefetch?max-rate=BYTES */
export function prefetchValue(call: HttpCall): Promise<void> {
  const options = { ...callOptions(call), ...rateIn(call) }
  return withKeyParam(call, (key) =>
    sendEvents(call, async (onProgress) => {
      await call.node.prefetch(key, { ...options, onProgress })
      return { key }
    }),
  )
}

/** POST /v1/values/{key}/evict */
export async function evictValue(call: HttpCall): Promise<void> {
  const key = await resolveKeyParam(call)
  sendJson(call, 200, { key, freedBytes: await call.node.evict(key) })
}

async function factsOf(call: HttpCall, key: Key): Promise<ValueFacts> {
  const found = await call.node.index.stat(key, callOptions(call))
  if (found !== undefined) return found
  throw await noSuch('key', key, call.node)
}

/** Whether an empty value satisfies the range: caches slice every value from its start. */
function includesStart(range: RangeRequest): boolean {
  return 'last' in range ? range.last > 0 : range.start === 0
}

/**
 * Whether the client has the value already, and was answered 304. Throws 412 for an `If-Match` with
 * other tags. It asks for facts only: a Local makes room in its cache for a value that it opens.
 */
export async function isNotModified(
  call: HttpCall,
  key: Key,
  { tag = tagOf(key), headers = {} }: OwnHeaders = {},
): Promise<boolean> {
  const { 'if-match': ifMatch } = call.request.headers
  const hasIt = isKnown(call, tag)
  if (ifMatch === undefined && !hasIt) return false
  await factsOf(call, key)
  checkIfMatch(call, tag)
  if (!hasIt) return false
  call.response.writeHead(304, { ETag: tag, ...headers })
  call.response.end()
  return true
}

/** Whether the client has what has this tag, by its `If-None-Match`. */
export const isKnown = ({ request }: HttpCall, tag: string): boolean =>
  matches(request.headers['if-none-match']?.replaceAll('W/', ''), tag)

/** Throws 412 for an `If-Match` with other tags than this one of a value. */
function checkIfMatch({ request }: HttpCall, tag: string): void {
  const header = request.headers['if-match']
  if (header === undefined || matches(header, tag)) return
  throw new HttpError(412, `the tag of this value is ${tag}`, { ETag: tag })
}

function matches(header: string | undefined, tag: string): boolean {
  const tags = header?.split(',').map((one) => one.trim()) ?? []
  return tags.includes('*') || tags.includes(tag)
}
