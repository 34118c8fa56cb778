/**
 * A server that speaks the part of S3 that the node uses, with conditions that are kept under
 * concurrency, and faults on demand. Unsigned: it only wants to see that a request was signed.
 *
 *     const stub = await startS3Stub()
 *     stub.inject({ kind: 'lost' }, { operation: 'PutObject' })
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { S3State, fault } from './s3-state.ts'
import type { S3Answer, S3Operation, S3Request } from './s3-state.ts'

/** What goes wrong with a request. */
export type S3Fault =
  /** Answers so instead of doing anything. `code` is S3's, such as `SlowDown`. */
  | { readonly kind: 'refused'; readonly status: number; readonly code: string }
  /** Answers so instead of doing anything, whatever that is. */
  | { readonly kind: 'answer'; readonly answer: S3Answer }
  /** Drops the connection, and has not done it. */
  | { readonly kind: 'dropped' }
  /** Does it, and drops the connection instead of the answer. */
  | { readonly kind: 'lost' }
  /** Waits before it does it. */
  | { readonly kind: 'late'; readonly ms: number }
  /** Does it, and answers later. */
  | { readonly kind: 'answered-late'; readonly ms: number }
  /** Drops the connection after so many bytes of the answer's body. */
  | { readonly kind: 'cut'; readonly bytes: number }

/** Which requests a fault hits; all if nothing is stated. */
export interface FaultAim {
  readonly operation?: S3Operation
  readonly key?: string
  /** How many requests, 1 by default. */
  readonly times?: number
  /** Let so many pass before. */
  readonly after?: number
}

export interface LoggedRequest {
  readonly operation: S3Operation
  readonly key: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly bodyBytes: number
  /** Undefined while there is no answer, and where the connection was dropped. */
  status: number | undefined
}

export interface S3Stub {
  /** Of the client: `http://127.0.0.1:PORT`. */
  readonly endpoint: string
  readonly port: number
  readonly state: S3State
  /** Keys are without the bucket. */
  readonly objects: Map<string, Uint8Array>
  readonly log: LoggedRequest[]
  /** The most requests that were under way at once. */
  readonly mostAtOnce: number
  inject(fault: S3Fault, aim?: FaultAim): void
  /** Forgets every fault that was injected. */
  heal(): void
  /** Ends every connection, and refuses new ones until it comes back at the same port. */
  goAway(): Promise<void>
  comeBack(): Promise<void>
  close(): Promise<void>
}

export interface S3StubOptions {
  /** Only this bucket exists; every one by default. */
  readonly bucket?: string
  readonly port?: number
}

/** Environment for a process that uses the stub. */
export const STUB_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'AKIDSTUB',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_REGION: 'us-east-1',
} as const

export async function startS3Stub(options: S3StubOptions = {}): Promise<S3Stub> {
  const stub = new Stub(options)
  await stub.comeBack()
  return stub
}

/** An answer that comes too late for every test does not keep the process. */
const UNREF = { ref: false }

class Stub implements S3Stub {
  readonly state = new S3State()
  readonly log: LoggedRequest[] = []
  readonly #bucket: string | undefined
  #port: number
  #server: Server | undefined
  #faults: { fault: S3Fault; aim: FaultAim; passes: number; left: number }[] = []
  #underWay = 0
  mostAtOnce = 0

  constructor({ bucket, port = 0 }: S3StubOptions) {
    this.#bucket = bucket
    this.#port = port
  }

  get port(): number {
    return this.#port
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get objects(): Map<string, Uint8Array> {
    return this.state.objects
  }

  inject(what: S3Fault, aim: FaultAim = {}): void {
    this.#faults.push({ fault: what, aim, passes: aim.after ?? 0, left: aim.times ?? 1 })
  }

  heal(): void {
    this.#faults = []
  }

  async goAway(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }

  async comeBack(): Promise<void> {
    if (this.#server !== undefined) return
    this.#server = createServer((incoming, outgoing) => {
      this.#underWay++
      this.mostAtOnce = Math.max(this.mostAtOnce, this.#underWay)
      this.#answer(incoming, outgoing)
        .catch(() => incoming.socket.destroy())
        .finally(() => this.#underWay--)
    })
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    await this.goAway()
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const url = new URL(incoming.url!, this.endpoint)
    const [, bucket, key] = /^\/([^/]*)\/?(.*)$/s.exec(decodeURIComponent(url.pathname))!
    const what = {
      operation: operationOf(incoming.method!, key!, url.searchParams),
      key: key!,
      query: url.searchParams,
      headers: incoming.headers as Record<string, string | undefined>,
    }
    const request: S3Request = { ...what, body: Buffer.concat(chunks) }
    const { byteLength } = request.body
    const logged: LoggedRequest = { ...what, bodyBytes: byteLength, status: undefined }
    this.log.push(logged)
    const hit = this.#faultFor(request)
    if (hit?.kind === 'dropped') return void incoming.socket.destroy()
    if (hit?.kind === 'late') await sleep(hit.ms, undefined, UNREF)
    const answer = this.#refusal(hit, bucket!, request) ?? this.state.do(request)
    if (hit?.kind === 'lost') return void incoming.socket.destroy()
    if (hit?.kind === 'answered-late') await sleep(hit.ms, undefined, UNREF)
    logged.status = answer.status
    await send(outgoing, request, answer, hit?.kind === 'cut' ? hit.bytes : undefined)
  }

  #refusal(hit: S3Fault | undefined, bucket: string, request: S3Request): S3Answer | undefined {
    if (hit?.kind === 'refused') return fault(hit.status, hit.code)
    if (hit?.kind === 'answer') return hit.answer
    if (request.headers['authorization'] === undefined) return fault(403, 'AccessDenied')
    if (this.#bucket !== undefined && bucket !== this.#bucket) return fault(404, 'NoSuchBucket')
    return undefined
  }

  #faultFor({ operation, key }: S3Request): S3Fault | undefined {
    for (const one of this.#faults) {
      if (one.left === 0 || (one.aim.operation ?? operation) !== operation) continue
      if ((one.aim.key ?? key) !== key) continue
      if (one.passes > 0) {
        one.passes--
        continue
      }
      one.left--
      return one.fault
    }
    return undefined
  }
}

async function send(
  outgoing: ServerResponse,
  { operation }: S3Request,
  { status, headers = {}, body = '' }: S3Answer,
  cutAt: number | undefined,
): Promise<void> {
  const bytes = Buffer.from(body as Uint8Array)
  const hasBody = !operation.startsWith('Head') && status !== 204
  outgoing.writeHead(status, {
    ...(hasBody && { 'content-length': `${bytes.byteLength}` }),
    'x-amz-request-id': 'stub',
    ...headers,
  })
  if (cutAt === undefined) {
    outgoing.end(hasBody ? bytes : undefined)
    if (!outgoing.writableFinished)
      await Promise.race([once(outgoing, 'finish'), once(outgoing, 'close')])
    return
  }
  outgoing.write(bytes.subarray(0, cutAt), () => outgoing.destroy())
}

const UPLOADS: Readonly<Record<string, S3Operation>> = {
  PUT: 'UploadPart',
  POST: 'CompleteMultipartUpload',
  DELETE: 'AbortMultipartUpload',
}

const OBJECTS: Readonly<Record<string, S3Operation>> = {
  GET: 'GetObject',
  HEAD: 'HeadObject',
  PUT: 'PutObject',
  DELETE: 'DeleteObject',
}

function operationOf(method: string, key: string, query: URLSearchParams): S3Operation {
  if (query.has('uploads')) return key === '' ? 'ListMultipartUploads' : 'CreateMultipartUpload'
  if (query.has('delete')) return 'DeleteObjects'
  if (query.has('uploadId')) return UPLOADS[method]!
  if (key === '') return method === 'HEAD' ? 'HeadBucket' : 'ListObjectsV2'
  return OBJECTS[method]!
}
