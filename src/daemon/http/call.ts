/** One request to the API and its response, as the handlers see them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { DstoreError } from '../../errors.ts'
import { HTTP_BEAT_MS, HTTP_JSON_BYTES, HTTP_REQUEST_MS, LONGEST_TIMEOUT_MS } from '../../limits.ts'
import type { CallOptions, ServedNode } from '../../node/node.ts'
import type { Key } from '../../hash/key.ts'
import { resolveKey, withKey } from '../../node/calls/resolve-key.ts'
import { BEAT_HEADER } from '../api/api.ts'
import { gather } from '../../bytes.ts'
import { decodeUtf8 } from '../../utf8.ts'
import type { HttpStatus } from '../api/api.ts'
import { problemOf } from '../api/problem.ts'
import type { TokenTable } from '../config/tokens/token-table.ts'
import type { Access } from './access.ts'
import type { Serving } from './set/serving.ts'
import type { Sessions } from './session/sessions.ts'
import type { Caller } from './tokens/caller.ts'
import type { DoorCounts } from './doors/door-counts.ts'
import type { EventFeed } from './events/event-feed.ts'
import type { Statistics } from './statistics/statistics.ts'

/** The parts of the daemon that the API reaches. */
export interface ApiContext {
  readonly node: ServedNode
  readonly directory: string
  readonly socket: string
  /** The listener on TCP; undefined without one. */
  readonly http: () => HttpStatus | undefined
  /** Serves the API over TCP on loopback, where it is not served yet; its address (R013-1). */
  readonly openHttp: (port: number) => Promise<string>
  /** Those of the API over TCP. */
  readonly tokens: TokenTable
  /** Those of the page. */
  readonly sessions: Sessions
  /** The paths that open doors serve. */
  readonly doorRoots: readonly string[]
  readonly doorCounts: DoorCounts
  readonly statistics: Statistics
  readonly events: EventFeed
  /** Of a member of a set. */
  readonly member?: Serving | undefined
  /** Begins to stop the daemon, and returns at once. */
  stop(): void
}

export interface HttpCall extends ApiContext {
  readonly access: Access
  readonly caller: Caller
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Decoded values of the path's parameters, such as `{key}`. */
  readonly parameters: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** A path that began at a key which the caller may read leads to this key (R007-332). */
  readonly reach: (key: Key) => void
  /** Aborted when the client leaves, or when a stopping daemon cuts the calls in progress. */
  readonly signal: AbortSignal
  /** Aborted as soon as the daemon begins to stop: for calls that never end otherwise. */
  readonly stopping: AbortSignal
}

/** The key of the value that the path names, by its key or by a name (R007-36). */
export function resolveKeyParam(call: HttpCall): Promise<Key> {
  return resolveKey(call.node, call.parameters['key'] ?? '', callOptions(call))
}

/** Handles a call with that key; once more for a name that was bound to another value meanwhile. */
export function withKeyParam(call: HttpCall, handle: (key: Key) => Promise<void>): Promise<void> {
  const { node, parameters, response } = call
  const canRepeat = (): boolean => !response.headersSent
  return withKey(node, parameters['key'] ?? '', callOptions(call), handle, canRepeat)
}

/** The signal and, from `?timeout=MILLISECONDS`, the timeout of a call to the node. */
export function callOptions({ query, signal }: HttpCall): CallOptions {
  const text = query.get('timeout')
  if (text === null) return { signal }
  const timeoutMs = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (timeoutMs < 1 || timeoutMs > LONGEST_TIMEOUT_MS) {
    throw new DstoreError('usage', `timeout must be 1 to ${LONGEST_TIMEOUT_MS} milliseconds`)
  }
  return { signal, timeoutMs }
}

/** Whether the request says that a body follows. */
export const hasBody = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/**
 * The bytes of the request's body; `cancelled` where the client disconnects. A handler that leaves
 * the loop early can still respond.
 */
export async function* bodyOf({ request, response }: HttpCall): AsyncGenerator<Uint8Array> {
  const { expect } = request.headers
  // A client that waits for this need not send the body of what is refused (R010-16).
  const isAsked = expect === undefined || request.readableDidRead
  if (!isAsked && request.httpVersion !== '1.0') response.writeContinue()
  const parts = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
  try {
    yield* parts
  } catch (cause) {
    throw new DstoreError('cancelled', 'the client left', { cause })
  }
}

/** Bytes of a body that is needed whole, and that must arrive within `HTTP_REQUEST_MS`. */
export async function* timedBody(call: HttpCall): AsyncGenerator<Uint8Array> {
  const timer = setTimeout(() => call.request.destroy(), HTTP_REQUEST_MS)
  try {
    yield* bodyOf(call)
  } finally {
    clearTimeout(timer)
  }
}

/** The same, of at most `maxBytes`; throws `too-large` for a longer body. */
export async function* boundedBody(call: HttpCall, maxBytes: number): AsyncGenerator<Uint8Array> {
  let length = Number(call.request.headers['content-length'] ?? 0)
  const check = (): void => {
    if (length <= maxBytes) return
    throw new DstoreError('too-large', `the request is longer than ${maxBytes} bytes`)
  }
  check()
  length = 0
  for await (const part of timedBody(call)) {
    length += part.byteLength
    check()
    yield part
  }
}

/** Reads a bounded body to its end, and keeps nothing of it. */
export async function dropBody(call: HttpCall, maxBytes: number): Promise<void> {
  for await (const _ of boundedBody(call, maxBytes)) continue
}

/** The text of a bounded body; throws `usage` for what is not UTF-8. */
export async function readText(call: HttpCall, maxBytes: number): Promise<string> {
  const text = decodeUtf8(await gather(boundedBody(call, maxBytes)))
  if (text === undefined) throw new DstoreError('usage', 'the request is not UTF-8')
  return text
}

/** The JSON object in the request's body, bounded in bytes and in time. */
export async function readJson(
  call: HttpCall,
  maxBytes: number = HTTP_JSON_BYTES,
): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(call, maxBytes)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new DstoreError('usage', 'the request is not JSON', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DstoreError('usage', 'the request is not a JSON object')
  }
  return value as Record<string, unknown>
}

/**
 * Refuses members of a request that it does not have: a misspelled `role` must not make a session
 * of a greater one, nor a misplaced `hold` a tree that nothing keeps.
 */
export function refuseOthers(others: Readonly<Record<string, unknown>>): void {
  const [other] = Object.keys(others)
  if (other !== undefined) throw new DstoreError('usage', `the request has no ${other}`)
}

/**
 * Awaits work that may wait long for peers; 102 (Processing), or what `write` writes, keeps the
 * client waiting (R007-35).
 */
export async function withHeartbeat<T>(
  { request, response }: HttpCall,
  work: () => Promise<T>,
  write = (): void => response.writeProcessing(),
): Promise<T> {
  if (request.httpVersion === '1.0') return work()
  const beat = setInterval(() => {
    if (!response.headersSent && !response.destroyed) write()
  }, HTTP_BEAT_MS)
  const stop = (): void => clearInterval(beat)
  // Work may outlast a client that left, and then there is nothing to keep waiting.
  response.once('close', stop)
  try {
    return await work()
  } finally {
    stop()
  }
}

/**
 * The same for a call in which a transfer may take long: only for a client that asks for it, as
 * some take 102 for the response (R007-118).
 */
export function withBeatIfWanted<T>(call: HttpCall, work: () => Promise<T>): Promise<T> {
  return call.request.headers[BEAT_HEADER] === '102' ? withHeartbeat(call, work) : work()
}

/** The fault to report: why the daemon stopped, where the stop cancelled the call. */
export const faultOf = (signal: AbortSignal, fault: unknown): unknown =>
  signal.aborted && problemOf(fault).code === 'cancelled' ? signal.reason : fault

/** Responds with one JSON document. */
export function sendJson(
  { response }: HttpCall,
  status: number,
  document: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = `${JSON.stringify(document)}\n`
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(body)
}
