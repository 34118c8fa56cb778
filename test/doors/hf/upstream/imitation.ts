/** A server that answers like Hugging Face's endpoint, and a second one that it redirects to. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { ExecutionContext } from 'ava'

/** A file that is served; `lfs`: from the second server. */
export interface ImitatedFile {
  readonly bytes: Uint8Array
  readonly lfs?: boolean
}

/** Answers a request in place of the imitation; false: it does not. */
export type Instead = (
  request: IncomingMessage,
  response: ServerResponse,
  host: 'hub' | 'cdn',
) => boolean

export interface SeenRequest {
  readonly host: 'hub' | 'cdn'
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

export const sha1 = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex')

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex')

export class Imitation {
  /** Of the model `acme/tiny`: its files, by commit. */
  readonly commits: Map<string, Readonly<Record<string, ImitatedFile>>> = new Map()
  readonly refs: Map<string, string> = new Map()
  readonly seen: SeenRequest[] = []
  /** Entries of one page of a tree. */
  pageEntries = 1000
  instead: Instead = () => false
  readonly #servers: Server[] = []

  static async start(t: ExecutionContext): Promise<Imitation> {
    const imitation = new Imitation()
    for (const host of ['hub', 'cdn'] as const) {
      const server = createServer((request, response) => imitation.#answer(host, request, response))
      await once(server.listen(0, '127.0.0.1'), 'listening')
      imitation.#servers.push(server)
    }
    t.teardown(() => imitation.stop())
    return imitation
  }

  get url(): string {
    return this.#url(0)
  }

  get cdn(): string {
    return this.#url(1)
  }

  /** Adds a commit, and moves `main` there. */
  commit(digit: string, files: Readonly<Record<string, ImitatedFile>>): string {
    const sha = digit.repeat(40)
    this.commits.set(sha, files)
    this.refs.set('main', sha)
    return sha
  }

  /** The paths of the requests to one host, of what contains this text. */
  paths(host: 'hub' | 'cdn', text = ''): string[] {
    return this.seen
      .filter((one) => one.host === host && one.path.includes(text))
      .map(({ path }) => path)
  }

  stop(): void {
    for (const server of this.#servers) {
      server.close()
      server.closeAllConnections()
    }
  }

  #url(at: number): string {
    return `http://127.0.0.1:${(this.#servers[at]!.address() as AddressInfo).port}`
  }

  #answer(host: 'hub' | 'cdn', request: IncomingMessage, response: ServerResponse): void {
    const { url = '', headers } = request
    this.seen.push({ host, path: url, headers })
    if (this.instead(request, response, host)) return
    if (host === 'cdn') this.#sendBlob(request, response)
    else this.#sendHub(request, response)
  }

  #sendHub(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://host')
    const [, what, sha, path] =
      /^(?:\/api\/models)?\/acme\/tiny\/(revision|tree|resolve)\/([^/]+)(?:\/(.*))?$/.exec(
        pathname,
      ) ?? []
    if (what === undefined) return refuse(response, 401, 'RepoNotFound')
    const revision = decodeURIComponent(sha!)
    const commit = this.refs.get(revision) ?? revision
    const files = this.commits.get(commit)
    if (files === undefined) return refuse(response, 404, 'RevisionNotFound')
    if (what === 'revision') {
      return sendJson(response, { id: 'acme/tiny', sha: commit, lastModified: '2026-01-02' })
    }
    if (what === 'tree') return this.#sendTree(response, pathname, searchParams, files)
    const file = files[decodeURIComponent(path ?? '')]
    if (file === undefined) return refuse(response, 404, 'EntryNotFound')
    if (file.lfs !== true) return sendBytes(request, response, file.bytes)
    // A file of a real repository has many of these.
    response.writeHead(302, {
      'X-Repo-Commit': commit,
      'X-Linked-Etag': `"${sha256(file.bytes)}"`,
      'X-Linked-Size': file.bytes.byteLength,
      Location: `${this.cdn}/blobs/${sha256(file.bytes)}?signature=secret`,
    })
    response.end('Found. Redirecting')
  }

  #sendTree(
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
    files: Readonly<Record<string, ImitatedFile>>,
  ): void {
    const entries = Object.entries(files).map(([name, file]) => entryOf(name, file))
    const folders = new Set(Object.keys(files).flatMap((name) => name.split('/').slice(0, -1)))
    const all = [
      ...[...folders].map((name) => ({ type: 'directory', oid: '', path: name })),
      ...entries,
    ]
    const start = Number(query.get('cursor') ?? 0)
    const end = start + this.pageEntries
    if (end < all.length) {
      const next = `https://elsewhere.example${path}?recursive=true&expand=false&cursor=${end}`
      response.setHeader('Link', `<${next}>; rel="next"`)
    }
    sendJson(response, all.slice(start, end))
  }

  #sendBlob(request: IncomingMessage, response: ServerResponse): void {
    const digest = /^\/blobs\/([0-9a-f]{64})\?signature=secret$/.exec(request.url ?? '')?.[1]
    const found = [...this.commits.values()]
      .flatMap((files) => Object.values(files))
      .find(({ bytes }) => sha256(bytes) === digest)
    if (found === undefined) refuse(response, 403)
    else sendBytes(request, response, found.bytes)
  }
}

export function entryOf(path: string, { bytes, lfs }: ImitatedFile): object {
  const size = bytes.byteLength
  if (lfs !== true) return { type: 'file', path, size, oid: sha1(bytes) }
  const pointer = { oid: sha256(bytes), size, pointerSize: 134 }
  return { type: 'file', path, size, oid: sha1(Buffer.from(sha256(bytes))), lfs: pointer }
}

export function sendBytes(
  { headers }: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
): void {
  const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
  const part = bytes.subarray(start)
  response.writeHead(start > 0 ? 206 : 200, {
    'Content-Length': part.byteLength,
    ...(start > 0 && {
      'Content-Range': `bytes ${start}-${bytes.byteLength - 1}/${bytes.byteLength}`,
    }),
  })
  response.end(part)
}

export function sendJson(response: ServerResponse, document: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(document))
}

export function refuse(
  response: ServerResponse,
  status: number,
  code?: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...(code !== undefined && { 'X-Error-Code': code }), ...headers })
  response.end()
}
