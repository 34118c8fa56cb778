/** GET and HEAD of the page's files (specs/013, R013-12 to R013-15). */
import type { HttpCall } from '../call.ts'
import { HttpError } from '../http-error.ts'
import { isKnown } from '../value-handlers.ts'
import { PAGE_HEADERS } from './headers.ts'
import { readPageFiles, type PageFiles } from './page-files.ts'

let files: Promise<PageFiles> | undefined

/** GET /ui: the page itself is one level below, so that its relative addresses are right. */
export function toPage({ response }: HttpCall): Promise<void> {
  response.writeHead(308, { ...PAGE_HEADERS, Location: '/ui/', 'Content-Length': 0 }).end()
  return Promise.resolve()
}

/** GET /ui/...: a file of the page. */
export async function getPage(call: HttpCall): Promise<void> {
  const { response } = call
  for (const [name, value] of Object.entries(PAGE_HEADERS)) response.setHeader(name, value)
  sendPage(call, await allFiles())
}

/** Reads and compresses the files before a browser asks. A fault meets the one that asks. */
export function readPageAhead(): void {
  allFiles().catch(() => undefined)
}

function allFiles(): Promise<PageFiles> {
  files ??= readPageFiles()
  // A fault of the disk may pass.
  files.catch(() => (files = undefined))
  return files
}

/** Responds with the file of this table that the path names. Throws 404. */
export function sendPage(call: HttpCall, table: PageFiles): void {
  const { request, response, parameters } = call
  if (table.size === 0) {
    const hint = 'npm run build makes it; a published dstore has it'
    throw new HttpError(404, 'this build of dstore has no page', {}, 'usage', hint)
  }
  const path = parameters['rest'] ?? ''
  const file = table.get(path === '' ? 'index.html' : path)
  if (file === undefined) throw new HttpError(404, `the page has no such file: ${path}`)
  const { type, bytes, zipped, tag } = file
  const isZipped = zipped !== undefined && takesGzip(request.headers['accept-encoding'])
  const headers = { ETag: isZipped ? `${tag.slice(0, -1)}-gzip"` : tag, Vary: 'Accept-Encoding' }
  // Asked for at each load: another version of the daemon may serve other files.
  const always = { ...headers, 'Cache-Control': 'no-cache' }
  if (isKnown(call, headers.ETag)) {
    response.writeHead(304, always).end()
    return
  }
  const body = isZipped ? zipped : bytes
  response.writeHead(200, {
    ...always,
    'Content-Type': type,
    'Content-Length': body.byteLength,
    ...(isZipped && { 'Content-Encoding': 'gzip' }),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Whether an `Accept-Encoding` names gzip, and not with the weight 0. */
function takesGzip(header = ''): boolean {
  const match = /(?:^|,)\s*gzip\s*(?:;\s*q=([\d.]+)\s*)?(?:,|$)/i.exec(header)
  return match !== null && Number(match[1] ?? '1') > 0
}
