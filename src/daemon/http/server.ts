/** The HTTP server of the API: limits, dispatch and graceful shutdown (specs/007, "HTTP API"). */
import { STATUS_CODES, createServer as createHttp } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Duplex } from 'node:stream'
import { inTime } from '../../deadline.ts'
import { DstoreError } from '../../errors.ts'
import { HTTP_HEADER_BYTES, HTTP_IDLE_MS, HTTP_REQUEST_MS, SHUTDOWN_MS } from '../../limits.ts'
import { PROBLEM_TYPE } from '../api/api.ts'
import type { Log } from '../../log.ts'
import { problemOf } from '../api/problem.ts'
import type { Access } from './access.ts'
import { faultOf, hasBody, type ApiContext, type HttpCall } from './call.ts'
import { BOUNDS, Connections, HTTP_REFUSAL_MS } from './connections.ts'
import type { ConnectionBounds } from './connections.ts'
import { checkDoorCall, findDoor, isOpenDoor } from './doors/door-calls.ts'
import { doorAt, type Door } from './doors/door.ts'
import { HttpError } from './http-error.ts'
import { getImmediate } from './immediate/immediate-get.ts'
import { findRoute, isFree, isOpen, parseQuery } from './routes.ts'
import { LiveCalls } from './session/live-calls.ts'
import { OTHER } from './statistics/request-counts.ts'
import { checkServing, holdUnlessOwn, mayAnswerNow } from './set/serving.ts'
import { isBelowPrefix, PUBLIC_CALLER } from './tokens/caller.ts'
import { nodeFor } from './tokens/confined-node.ts'
import { requestLog, type RequestLog } from './tokens/request-log.ts'
import { checkCall } from './tokens/route-access.ts'
import { withoutSecrets } from './tokens/without-secrets.ts'

/** What a server reaches, and the doors that it serves. */
export interface ServerContext extends ApiContext {
  readonly doors: readonly Door[]
}

export interface ApiServer {
  readonly server: Server
  /**
   * Accepts no more requests, lets those in progress finish for `graceMs`, then aborts the rest.
   */
  close(graceMs?: number): Promise<void>
  /** The same, but keeps listening until the process ends: closing would delete the socket. */
  drain(graceMs?: number): Promise<void>
}

/** Keeps browsers from taking a value for a page or script, and other origins from embedding it. */
const BROWSER_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const

/** Statuses of the faults of Node's parser that are not 400. */
const PARSER_STATUSES: ReadonlyMap<string, number> = new Map([
  ['HPE_HEADER_OVERFLOW', 431],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
])

/** A server for the clients that `access` admits, over TLS with a certificate. */
export function createApiServer(
  { doors, ...context }: ServerContext,
  access: Access,
  log: Log,
  bounds: ConnectionBounds = BOUNDS,
  tls?: { readonly cert: Buffer; readonly key: Buffer },
): ApiServer {
  const active = new Map<AbortController, Promise<void>>()
  const stopping = new AbortController()
  const live = new LiveCalls()
  const onAnswer = access.isLogged ? requestLog(log) : ignore
  const common = Object.entries(BROWSER_HEADERS).flat()
  const { node, doorCounts, member, statistics } = context
  const { requests } = statistics
  const immediate = { node, access, doors, doorCounts, requests, common, onAnswer }
  const options = {
    maxHeaderSize: HTTP_HEADER_BYTES,
    headersTimeout: HTTP_REQUEST_MS,
    // An upload may take as long as its writer needs; `timedBody` bounds the other bodies.
    requestTimeout: 0,
    keepAliveTimeout: HTTP_IDLE_MS,
    connectionsCheckingInterval: 1000,
    // Node's own refusal has no problem document; `access` checks the host.
    requireHostHeader: false,
  }
  const onRequest: RequestListener = (request, response) => {
    const isFree = connections.mayAnswerNow(request.socket) && mayAnswerNow(member)
    if (isFree && !stopping.signal.aborted && getImmediate(immediate, request, response)) return
    holdUnlessOwn(response, member, request.url ?? '')
    const beganAt = performance.now()
    let slot = OTHER
    const aborter = new AbortController()
    const leave = (): void => {
      if (!response.writableFinished) aborter.abort(new DstoreError('cancelled', 'the client left'))
    }
    response.once('close', () => {
      leave()
      if (!response.writableFinished) requests.cut(slot)
      else requests.answered(slot, response.statusCode, performance.now() - beganAt)
    })
    const { socket } = request
    connections.begin(socket, response, leave)
    const signals = { signal: aborter.signal, stopping: stopping.signal }
    const onRoute = (path: string): void => {
      slot = requests.slot(path, request.method ?? '')
    }
    const call = { ...context, access, request, response, ...signals }
    const work = handle(call, { log, onAnswer, onRoute, doors, live })
    active.set(aborter, work)
    void work.finally(() => {
      active.delete(aborter)
      connections.end(socket, response)
    })
  }
  const server =
    tls === undefined
      ? createHttp(options, onRequest)
      : createHttps({ ...options, ...tls, handshakeTimeout: HTTP_REQUEST_MS }, onRequest)
  const connections = new Connections(server, bounds, sendBusy)
  statistics.addCallers(() => connections.bytes())
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const responses = connections.responses(socket)
    // A refusal must not end up in the middle of another response, or look like one.
    const isFree = responses.length === 0 || (responses.length === 1 && !responses[0]!.headersSent)
    // What follows a request that was refused half read is no request.
    if (refusedHalfRead.has(socket)) socket.end(() => socket.destroy())
    else if (socket.writable && isFree) refuseUnparsed(socket, error)
    else socket.destroy(error)
  })
  // Node's own refusal has no problem document; `handle` refuses what it cannot expect.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  // Node would ask for the body before `handle` has seen the request; `bodyOf` asks for it.
  server.on('checkContinue', (request, response) => server.emit('request', request, response))
  server.timeout = access.silenceMs

  const drain = async (graceMs = SHUTDOWN_MS): Promise<void> => {
    stopping.abort(new DstoreError('unreachable', 'the daemon is stopping'))
    connections.close()
    const settled = Promise.allSettled(active.values())
    if (await within(graceMs, settled)) return
    for (const aborter of active.keys()) aborter.abort(stopping.signal.reason)
    if (!(await within(graceMs, settled))) log.error('calls did not end', { calls: active.size })
  }
  return {
    server,
    close: (graceMs) => {
      server.close()
      return drain(graceMs)
    },
    drain: (graceMs) => {
      server.unref()
      return drain(graceMs)
    },
  }
}

const ignore = (): void => undefined

/** Whether the work settles within this time. */
function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  return inTime<boolean>({ ms, what: 'the calls did not end' }, (resolve) => {
    void work.then(() => resolve(() => true))
    return () => undefined
  }).catch(() => false)
}

interface Handling {
  readonly log: Log
  readonly onAnswer: RequestLog
  /** Called with the route of the request, or the root of its door, once it is known. */
  readonly onRoute: (path: string) => void
  readonly doors: readonly Door[]
  readonly live: LiveCalls
}

async function handle(
  call: Omit<HttpCall, 'parameters' | 'query' | 'reach' | 'caller'>,
  { log, onAnswer, onRoute, doors, live }: Handling,
): Promise<void> {
  const { access, request, response } = call
  let unwatch = (): void => undefined
  toOriginForm(request)
  const { method = '', url = '' } = request
  // A disconnect is not an error of the daemon; the signal tells the handler.
  request.on('error', ignore)
  response.on('error', ignore)
  try {
    for (const [name, value] of Object.entries(BROWSER_HEADERS)) response.setHeader(name, value)
    if (call.stopping.aborted) {
      // A connection that was busy until now: what is asked on it later would meet a closed node.
      response.setHeader('Connection', 'close')
      throw call.stopping.reason as DstoreError
    }
    const [path = '', ...search] = url.split('?')
    const caller = access.admit(request, {
      isFree: () => isFree(path, method),
      isOpen: () => isOpen(path, method) || isOpenDoor(doors, path, method),
    })
    // A line each for what anybody may send would let anybody fill the log (R013-11).
    if (!isFree(path, method)) onAnswer(request, response, caller)
    // What is removed gives nothing away: who revokes its own token has an answer.
    if (caller.hash !== undefined && method !== 'DELETE') {
      unwatch = live.watch(
        () => access.isLive(caller),
        () => request.socket.destroy(),
      )
    }
    const { expect, 'transfer-encoding': coding = 'chunked' } = request.headers
    // Node only takes the chunks apart: what is compressed besides would be stored so.
    if (coding.toLowerCase() !== 'chunked') throw new HttpError(501, `cannot undo ${coding}`)
    if (expect !== undefined && !/\b100-continue\b/i.test(expect)) {
      throw new HttpError(417, `nothing meets this expectation: ${expect}`)
    }
    const entrance = findDoor(doors, path)
    if (entrance !== undefined) {
      const { door, rest } = entrance
      onRoute(door.root)
      // A method that no door takes is not counted: a client may invent any number of them.
      if (Object.hasOwn(door.methods, method)) call.doorCounts.watch(door.root, method, response)
      checkDoorCall(door, method, caller)
      checkServing(call.member, path)
      const query = parseQuery(search.join('?'), { mayRepeat: true })
      // A client of another protocol does not know our trailer: a response that fails is cut.
      delete request.headers.te
      const mayFetch = caller !== PUBLIC_CALLER
      const seen = nodeFor(call.node, caller)
      const maySee = (name: string): boolean => isBelowPrefix(name, caller.prefix)
      const known = { ...call, ...seen, caller, parameters: {}, query }
      await door.handle({ ...known, rest, mayFetch, maySee })
      return
    }
    const { route, handler, parameters } = findRoute(method, path)
    onRoute(route)
    checkCall(caller, route, method)
    checkServing(call.member, route)
    const query = parseQuery(search.join('?'))
    await handler({ ...call, ...nodeFor(call.node, caller), caller, parameters, query })
  } catch (fault) {
    const error = faultOf(call.signal, fault)
    const door = doorAt(doors, url.replace(/\?.*$/s, ''))?.door
    addDoorHeaders(door, response, error)
    refuse(request, response, error, door?.errorMembers?.(error))
    const { code, detail } = problemOf(error)
    const level = code === 'internal' ? 'error' : 'debug'
    // Without the query, in which a client may have sent a secret.
    const [path = ''] = url.split('?')
    const [where, why] = [path, detail].map(withoutSecrets)
    const stack = stackOf(error, code)
    log[level]('request failed', { method, path: where, code, detail: why, stack })
  } finally {
    unwatch()
  }
}

/** What the clients of a door need of its refusals. */
function addDoorHeaders(door: Door | undefined, response: ServerResponse, error: unknown): void {
  if (response.headersSent) return
  for (const [name, value] of Object.entries(door?.errorHeaders?.(error) ?? {})) {
    response.setHeader(name, value)
  }
}

/**
 * Splits a target in absolute form, as clients send it to a proxy: its authority takes the place of
 * the `Host` (RFC 9112, section 3.2.2).
 */
function toOriginForm(request: IncomingMessage): void {
  const match = /^https?:\/\/([^/?]*)(.*)$/i.exec(request.url ?? '')
  if (match === null) return
  const [, authority = '', rest = ''] = match
  request.headers.host = authority
  request.url = rest.startsWith('/') ? rest : `/${rest}`
}

/** Responds to bytes that Node's parser refuses, and ends the connection. */
function refuseUnparsed(socket: Duplex, { code = '', message }: NodeJS.ErrnoException): void {
  const refused = PARSER_STATUSES.get(code) ?? 400
  socket.end(responseTo(new HttpError(refused, message)), () => socket.destroy())
}

/** All connections are in use. */
function sendBusy(socket: Duplex): void {
  const message = 'all connections to the daemon are in use'
  socket.end(responseTo(new HttpError(503, message, { 'Retry-After': '1' }, 'busy')))
}

function responseTo(error: HttpError): string {
  const { status, headers, body } = refusalOf(error)
  const lines = Object.entries({ ...BROWSER_HEADERS, ...headers, Connection: 'close' })
  const head = lines
    .flatMap(([name, values]) => [values].flat().map((value) => `${name}: ${value}\r\n`))
    .join('')
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`
}

function refusalOf(
  error: unknown,
  members: Readonly<Record<string, unknown>> = {},
): {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number | string[]>>
  readonly body: string
} {
  const problem = problemOf(error)
  const status = error instanceof HttpError ? error.status : problem.status
  const body = `${JSON.stringify({ ...problem, status, ...members })}\n`
  const headers = {
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': Buffer.byteLength(body),
    ...(error instanceof HttpError ? error.headers : {}),
  }
  return { status, headers, body }
}

/** Connections that end with a refusal, as it says. */
const refusedHalfRead = new WeakSet<Duplex>()

/** Responds with the problem, and discards the rest of the request's body. */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  members?: Readonly<Record<string, unknown>>,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const { status, headers, body } = refusalOf(error, members)
  // Node completes a request without a body only after the turn in which it came.
  const isWhole = request.complete || !hasBody(request)
  response.writeHead(status, { ...headers, ...(isWhole ? {} : { Connection: 'close' }) })
  if (isWhole) {
    response.end(request.method === 'HEAD' ? undefined : body)
    return
  }
  // Ending the response closes the connection, and a client that is still sending would find a
  // broken pipe instead of the problem. So discard its bytes for a while; `Content-Length` marks
  // the end.
  refusedHalfRead.add(request.socket)
  if (request.method === 'HEAD') response.flushHeaders()
  else response.write(body)
  const timer = setTimeout(() => request.destroy(), HTTP_REFUSAL_MS).unref()
  request.resume().once('close', () => {
    clearTimeout(timer)
    response.end()
  })
}

function stackOf(error: unknown, code: string): string | undefined {
  return code === 'internal' && error instanceof Error ? error.stack : undefined
}
