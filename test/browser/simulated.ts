/**
 * An HTTP server with the files of the page and its calls, over a world that no test could set up
 * with daemons. Run by itself it prints its address: `node dist/test/browser/simulated.js`.
 */
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, relative, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { PAGE_HEADERS } from '../../src/daemon/http/page/headers.ts'
import { CHANGES_A_SECOND, keyOf, SimulatedWorld, type ListOptions } from './simulated-world.ts'

const UI = resolve('dist/ui')
const TICK_MS = 250
const CHANGES_MS = 100

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The calls of an admin that the page asks for. */
const CALLS = [
  'DELETE /v1/names/{name}',
  'DELETE /v1/session',
  'DELETE /v1/tokens/{token}',
  'DELETE /v1/transfers/{transfer}',
  'DELETE /v1/values/{key}',
  'GET /v1/changes',
  'GET /v1/events',
  'GET /v1/keys',
  'GET /v1/members',
  'GET /v1/names',
  'GET /v1/names/{name}',
  'GET /v1/names/{name}/history',
  'GET /v1/pins',
  'GET /v1/rules',
  'GET /v1/session',
  'GET /v1/status',
  'GET /v1/store',
  'GET /v1/tokens',
  'GET /v1/transfers',
  'GET /v1/trees/{word}',
  'GET /v1/trees/{word}/{rest}',
  'GET /v1/usage',
  'GET /v1/values/{key}',
  'GET /v1/values/{key}/facts',
  'HEAD /v1/values/{key}',
  'POST /v1/invitations',
  'POST /v1/tokens',
  'POST /v1/trees',
  'POST /v1/values',
]

interface Answer {
  readonly status?: number
  readonly body?: unknown
  /** Sent as lines of JSON. */
  readonly lines?: Iterable<object>
}

export interface Simulated {
  /** Where the page is, with a code. */
  readonly url: string
  /** Calls that it does not know, which the page should not make. */
  readonly unknown: readonly string[]
  close(): Promise<void>
}

export async function startSimulated(): Promise<Simulated> {
  const world = new SimulatedWorld()
  const files = filesOf(UI)
  const unknown: string[] = []
  const server = createServer((request, response) => {
    response.on('error', () => undefined)
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://simulated')
    if (pathname.startsWith('/ui/')) return sendFile(request, response, files.get(pathname))
    if (pathname === '/v1/events') return sendEvents(response, world)
    if (pathname === '/v1/changes') return sendChanges(response, world)
    const { method = 'GET' } = request
    const answer = answerTo(world, method, pathname, searchParams)
    if (answer === undefined && pathname.startsWith('/v1/')) unknown.push(`${method} ${pathname}`)
    send(response, method, answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/ui/#code=simulated`,
    unknown,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The files of the page, by path. */
function filesOf(folder: string): Map<string, { readonly path: string; readonly bytes: Buffer }> {
  if (!existsSync(folder)) throw new Error(`the page is not built: ${folder}`)
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
  const entries = paths.map((path) => {
    const url = `/ui/${relative(folder, path)}`
    return [url.replace(/\/index\.html$/, '/'), { path, bytes: readFileSync(path) }] as const
  })
  return new Map(entries)
}

function sendFile(
  { headers }: IncomingMessage,
  response: ServerResponse,
  file: { readonly path: string; readonly bytes: Buffer } | undefined,
): void {
  if (file === undefined) return send(response, 'GET', undefined)
  const isSmall = /\bgzip\b/.test(headers['accept-encoding']?.toString() ?? '')
  response.writeHead(200, {
    'Content-Type': TYPES[extname(file.path)] ?? 'application/octet-stream',
    ...PAGE_HEADERS,
    ...(isSmall && { 'Content-Encoding': 'gzip' }),
  })
  response.end(isSmall ? gzipSync(file.bytes) : file.bytes)
}

function send(response: ServerResponse, method: string, answer: Answer | undefined): void {
  if (answer === undefined) {
    const problem = { type: 'about:blank', title: 'no such thing', code: 'not-found' }
    response.writeHead(404, { 'Content-Type': 'application/problem+json' })
    response.end(JSON.stringify({ ...problem, status: 404, detail: 'there is none' }))
    return
  }
  const { status = 200, body, lines } = answer
  const type = lines === undefined ? 'application/json' : 'application/x-ndjson'
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' })
  if (method === 'HEAD') return void response.end()
  if (lines === undefined) {
    response.end(body === undefined ? undefined : `${JSON.stringify(body)}\n`)
    return
  }
  Readable.from(inPieces(lines)).pipe(response)
}

/** Lines of JSON in pieces of a thousand. */
function* inPieces(lines: Iterable<object>): Generator<string> {
  let piece: string[] = []
  for (const line of lines) {
    piece.push(`${JSON.stringify(line)}\n`)
    if (piece.length < 1000) continue
    yield piece.join('')
    piece = []
  }
  yield piece.join('')
}

function answerTo(
  world: SimulatedWorld,
  method: string,
  path: string,
  query: URLSearchParams,
): Answer | undefined {
  const [, , collection = '', word = '', more] = path.split('/').map(decodeURIComponent)
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString()
  const session = { label: 'simulated', role: 'admin', expiresAt }
  if (path === '/v1/session') {
    if (method === 'POST') {
      return { status: 201, body: { ...session, calls: CALLS, token: 'simulated' } }
    }
    if (method === 'DELETE') return { status: 204 }
    return { body: { ...session, calls: CALLS } }
  }
  if (method !== 'GET' && method !== 'HEAD') return undefined
  switch (path) {
    case '/v1/status':
      return { body: world.status() }
    case '/v1/transfers':
      return { lines: world.transfers() }
    case '/v1/members':
      return { lines: world.members() }
    case '/v1/names':
      return { lines: world.names(listOptions(query)) }
    case '/v1/usage':
      return { lines: world.usage(query.get('prefix') ?? '', query.get('delimiter') ?? undefined) }
    case '/v1/store':
      return { body: { ...world.status().store, unnamedValues: 0, unnamedBytes: 0 } }
    case '/v1/rules':
    case '/v1/tokens':
    case '/v1/pins':
      return { lines: [] }
    default:
  }
  const facts = world.facts(word)
  if (facts === undefined) return undefined
  if (collection === 'names') return more === undefined ? { body: facts } : { lines: [] }
  if (collection === 'values') return { body: facts }
  return undefined
}

function listOptions(query: URLSearchParams): ListOptions {
  const given = (name: string): string | undefined => query.get(name) ?? undefined
  const limit = given('limit')
  return {
    prefix: given('prefix') ?? '',
    after: given('after'),
    delimiter: given('delimiter'),
    match: given('match'),
    ...(limit !== undefined && { limit: Number(limit) }),
  }
}

/** As the daemon: whatever comes while the client does not read is left out. */
function sendEvents(response: ServerResponse, world: SimulatedWorld): void {
  beginEvents(response)
  const event = (data: object): string => `event: update\ndata: ${JSON.stringify(data)}\n\n`
  response.write(event(world.whole()))
  let ticks = 0
  every(response, TICK_MS, () => response.write(event(world.tick(++ticks % 4 === 0))))
}

function sendChanges(response: ServerResponse, world: SimulatedWorld): void {
  beginEvents(response)
  let { seq } = world.changesSince(undefined)
  response.write(`id: a.${seq}\n\n`)
  every(response, CHANGES_MS, () => {
    const { lines, seq: last } = world.changesSince(seq)
    seq = last
    const text = lines.map((line) => `id: ${line.position}\ndata: ${JSON.stringify(line)}\n\n`)
    response.write(text.join(''))
  })
}

function beginEvents(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
}

function every(response: ServerResponse, ms: number, run: () => void): void {
  const timer = setInterval(() => {
    if (!response.writableNeedDrain) run()
  }, ms)
  response.once('close', () => clearInterval(timer))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startSimulated()
  process.stdout.write(`${CHANGES_A_SECOND} changes a second: ${url}\n(${keyOf(0)})\n`)
}
