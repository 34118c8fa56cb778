/** One request to the API and its answer, as the handlers see them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { DstoreError } from '../../errors.ts'
import type { ErrorCode } from '../../errors.ts'
import { HTTP_BEAT_MS, HTTP_JSON_BYTES, HTTP_REQUEST_MS, LONGEST_TIMEOUT_MS } from '../../limits.ts'
import type { CallOptions, Node } from '../../node/node.ts'
import { parseKey } from '../../hash/key.ts'
import type { Key } from '../../hash/key.ts'
import { resolveKey } from '../../node/calls/resolve-key.ts'
import type { HttpStatus } from '../api/api.ts'
import type { Access } from './access.ts'

/** What the daemon lets its API reach. */
export interface Served {
  readonly node: Node
  readonly directory: string
  readonly socket: string
  /** What serves over TCP, where something does. */
  readonly http: () => HttpStatus | undefined
  /** Begin to stop; does not wait for it. */
  stop(): void
}

export interface HttpCall {
  readonly served: Served
  readonly entrance: Access
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** What the path's `{key}` stands for, decoded. */
  readonly parameters: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Aborted when the client is gone, or when the daemon stops and can wait no longer. */
  readonly signal: AbortSignal
  /** Aborted as soon as the daemon is to stop: for calls that would never end by themselves. */
  readonly stopping: AbortSignal
}

/** Thrown for what HTTP itself refuses, with a status that the table of errors does not give. */
export class HttpError extends DstoreError {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    code: ErrorCode = 'usage',
  ) {
    super(code, message)
    this.status = status
    this.headers = headers
  }
}

/** The key in the path, or `malformed-key`. */
export function keyOf(exchange: HttpCall): Key {
  return parseKey(exchange.parameters['key'] ?? '')
}

/** The key of the value that the path names, by its key or by a name (R007-36). */
export function keyMeantBy(exchange: HttpCall): Promise<Key> {
  return resolveKey(exchange.served.node, exchange.parameters['key'] ?? '', callOptions(exchange))
}

/** The name in the path, as it was meant. The node says whether it can be one. */
export function nameOf(exchange: HttpCall): string {
  return exchange.parameters['name'] ?? ''
}

/** The signal and, from `?timeout=MILLISECONDS`, the time-out of a call to the node. */
export function callOptions({ query, signal }: HttpCall): CallOptions {
  const text = query.get('timeout')
  if (text === null) return { signal }
  const timeoutMs = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (timeoutMs < 1 || timeoutMs > LONGEST_TIMEOUT_MS) {
    throw new DstoreError('usage', `timeout must be 1 to ${LONGEST_TIMEOUT_MS} milliseconds`)
  }
  return { signal, timeoutMs }
}

/** The request's body. A client that breaks off is `cancelled`; leaving the loop early leaves the answer possible. */
export async function* bodyOf({ request }: HttpCall): AsyncGenerator<Uint8Array> {
  const parts = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
  try {
    yield* parts
  } catch (cause) {
    throw new DstoreError('cancelled', 'the client left', { cause })
  }
}

/** Await a call that may wait long for peers, and show the client meanwhile that it goes on (102 Processing). */
export async function stayingAwake<T>(
  { request, response }: HttpCall,
  call: () => Promise<T>,
): Promise<T> {
  if (request.httpVersion === '1.0') return call()
  const beat = setInterval(() => response.writeProcessing(), HTTP_BEAT_MS)
  try {
    return await call()
  } finally {
    clearInterval(beat)
  }
}

/** Answer with one JSON document. */
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

/** A body that is wanted whole, and so must come in time. */
export async function* shortBody(exchange: HttpCall): AsyncGenerator<Uint8Array> {
  const late = setTimeout(() => exchange.request.destroy(), HTTP_REQUEST_MS)
  try {
    yield* bodyOf(exchange)
  } finally {
    clearTimeout(late)
  }
}

/** The JSON object in the request's body: bounded in bytes and in time. */
export async function readJson(exchange: HttpCall): Promise<Readonly<Record<string, unknown>>> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of shortBody(exchange)) {
    length += part.byteLength
    if (length > HTTP_JSON_BYTES) {
      throw new DstoreError('too-large', `the request is longer than ${HTTP_JSON_BYTES} bytes`)
    }
    parts.push(part)
  }
  let value: unknown
  try {
    value = JSON.parse(Buffer.concat(parts).toString('utf8'))
  } catch (cause) {
    throw new DstoreError('usage', 'the request is not JSON', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DstoreError('usage', 'the request is not a JSON object')
  }
  return value as Record<string, unknown>
}
