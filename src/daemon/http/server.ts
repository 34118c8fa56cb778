/** The API's server: bounds, dispatch, and an end that waits for what is in progress (specs/007, "HTTP API"). */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { DstoreError } from '../../errors.ts'
import {
  HTTP_CONNECTIONS,
  HTTP_HEADER_BYTES,
  HTTP_IDLE_MS,
  HTTP_REQUEST_MS,
  SHUTDOWN_MS,
} from '../../limits.ts'
import { PROBLEM_TYPE } from '../api/api.ts'
import type { Log } from '../../log.ts'
import { problemOf } from '../api/problem.ts'
import type { Access } from './access.ts'
import { HttpError } from './call.ts'
import type { HttpCall, Served } from './call.ts'
import { findRoute, isOpen } from './routes.ts'

/** How long a client that is still sending may take to find that it was refused, in milliseconds: it may be one of many. */
const HTTP_REFUSAL_MS = 5_000

export interface ApiServer {
  readonly server: Server
  /** Take nothing new, wait for what is in progress, and after `graceMs` cut what is left. */
  close(graceMs?: number): Promise<void>
}

/** For browsers: a value is what it is, never a page, a script or a picture of somebody else's page. */
const SAFETY = {
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const

/** A server for those who come in by this entrance. */
export function createApiServer(served: Served, entrance: Access, log: Log): ApiServer {
  const active = new Map<AbortController, Promise<void>>()
  const stopping = new AbortController()
  /** What ends the calls of a connection: an answer that waits behind others there is not told when that is gone. */
  const leaving = new WeakMap<Socket, Set<() => void>>()
  const server = createServer(
    {
      maxHeaderSize: HTTP_HEADER_BYTES,
      headersTimeout: HTTP_REQUEST_MS,
      // A value may come in for as long as its writer takes; JSON bodies have a bound of their own.
      requestTimeout: 0,
      keepAliveTimeout: HTTP_IDLE_MS,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      const aborter = new AbortController()
      const leave = (): void => {
        if (!response.writableFinished)
          aborter.abort(new DstoreError('cancelled', 'the client left'))
      }
      response.once('close', leave)
      const calls = leaving.get(request.socket)
      calls?.add(leave)
      const signals = { signal: aborter.signal, stopping: stopping.signal }
      const work = answer({ served, entrance, request, response, ...signals }, log)
      active.set(aborter, work)
      void work.finally(() => {
        active.delete(aborter)
        calls?.delete(leave)
      })
    },
  )
  server.on('connection', (socket) => {
    const calls = new Set<() => void>()
    leaving.set(socket, calls)
    socket.once('close', () => calls.forEach((leave) => leave()))
  })
  server.maxConnections = HTTP_CONNECTIONS
  server.timeout = entrance.silenceMs

  return {
    server,
    close: async (graceMs = SHUTDOWN_MS) => {
      stopping.abort(new DstoreError('unreachable', 'the daemon is stopping'))
      server.close()
      server.closeIdleConnections()
      const settled = Promise.allSettled(active.values())
      if (await within(graceMs, settled)) return
      for (const aborter of active.keys()) {
        aborter.abort(stopping.signal.reason)
      }
      if (!(await within(graceMs, settled))) log.error('calls did not end', { calls: active.size })
    },
  }
}

/** Did it settle within this time? */
async function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds)
  })
  const done = await Promise.race([work.then(() => true), late])
  clearTimeout(timer)
  return done
}

async function answer(call: Omit<HttpCall, 'parameters' | 'query'>, log: Log): Promise<void> {
  const { entrance, request, response } = call
  const { method = '', url = '' } = request
  // A client that breaks off is no fault of the daemon; the signal tells the handler.
  request.on('error', () => undefined)
  response.on('error', () => undefined)
  try {
    for (const [name, value] of Object.entries(SAFETY)) response.setHeader(name, value)
    const [path, query] = splitUrl(url)
    entrance.admit(request, () => isOpen(path))
    const { handle, parameters } = findRoute(method, path)
    await handle({ ...call, parameters, query })
  } catch (error) {
    refuse(request, response, error)
    const { code, detail } = problemOf(error)
    const level = code === 'internal' ? 'error' : 'debug'
    log[level]('request failed', { method, url, code, detail, stack: stackOf(error, code) })
  }
}

/** Answer with the problem, and let go of a body that nobody will read. */
function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const problem = problemOf(error)
  const status = error instanceof HttpError ? error.status : problem.status
  const body = `${JSON.stringify({ ...problem, status })}\n`
  response.writeHead(status, {
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': Buffer.byteLength(body),
    ...(error instanceof HttpError ? error.headers : {}),
    ...(request.complete ? {} : { Connection: 'close' }),
  })
  if (request.complete) {
    response.end(request.method === 'HEAD' ? undefined : body)
    return
  }
  // A client in the middle of sending is to find the answer, not a broken pipe: to end the answer would close the
  // connection, so take and drop for a moment first. All of the answer is sent by now, as its length tells.
  if (request.method === 'HEAD') response.flushHeaders()
  else response.write(body)
  const late = setTimeout(() => request.destroy(), HTTP_REFUSAL_MS).unref()
  request.resume().once('close', () => {
    clearTimeout(late)
    response.end()
  })
}

function splitUrl(url: string): [path: string, query: URLSearchParams] {
  const at = url.indexOf('?')
  if (at === -1) return [url, new URLSearchParams()]
  return [url.slice(0, at), new URLSearchParams(url.slice(at + 1))]
}

function stackOf(error: unknown, code: string): string | undefined {
  return code === 'internal' && error instanceof Error ? error.stack : undefined
}
