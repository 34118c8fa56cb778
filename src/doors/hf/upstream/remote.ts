/** Requests to the upstream: redirects, its token, bounds (specs/010-doors.md, R010-73 to 75). */
import type { Outgoing, OutgoingResponse } from '../../../daemon/outgoing/outgoing.ts'
import { DstoreError } from '../../../errors.ts'
import { inTime } from '../../../deadline.ts'
import { HF_JSON_BYTES, HF_PACE_BYTES, HF_PACE_MS } from '../../../limits.ts'
import { HF_REDIRECTS, HF_SILENCE_MS } from '../../../limits.ts'
import { decodeUtf8 } from '../../../utf8.ts'
import type { Reach } from '../../../daemon/outgoing/address-reach.ts'
import { refusalOf } from './refusal.ts'

export interface RemoteOptions {
  readonly url: string
  readonly token?: string
  /** Sends requests to the upstream itself. */
  readonly own: Outgoing
  /** Sends requests to other hosts, that an upstream of this reach may lead to. */
  readonly others: (from: Reach) => Outgoing
  /** How long a host may be silent, in milliseconds. */
  readonly silenceMs?: number
  /** As `HF_PACE_MS`. */
  readonly paceMs?: number
}

/** A JSON document, and where the next page of it is. */
export interface JsonPage {
  readonly document: unknown
  /** The query of the next page; undefined: this is the last. */
  readonly next: string | undefined
}

/** The bytes of a file from some offset on. */
export interface RemoteBytes {
  readonly bytes: AsyncIterable<Uint8Array>
  end(): void
}

/** One endpoint like Hugging Face's. */
export class Remote {
  readonly #options: RemoteOptions
  readonly #base: string
  readonly #origin: string
  readonly #silenceMs: number
  readonly #paceMs: number

  constructor(options: RemoteOptions) {
    this.#options = options
    this.#base = options.url.replace(/\/+$/, '')
    this.#origin = new URL(options.url).origin
    this.#silenceMs = options.silenceMs ?? HF_SILENCE_MS
    this.#paceMs = options.paceMs ?? HF_PACE_MS
  }

  /** What messages call it: without a path or a query. */
  get host(): string {
    return this.#origin
  }

  /** A document in JSON. `path` begins with a slash. */
  async json(path: string, query: string, signal: AbortSignal): Promise<JsonPage> {
    const url = `${this.#base}${path}${query}`
    const response = await this.#follow(url, { Accept: 'application/json' }, signal)
    try {
      if (response.status !== 200) throw refusalOf(response, this.#origin)
      const text = decodeUtf8(await this.#whole(response, signal))
      if (text === undefined) throw new DstoreError('protocol', `${this.#origin}: no UTF-8`)
      return { document: parse(text, this.#origin), next: nextQuery(response.headers.link) }
    } finally {
      response.end()
    }
  }

  /** The bytes of a file from `start` on. */
  async bytes(path: string, start: number, signal: AbortSignal): Promise<RemoteBytes> {
    const range = start > 0 ? { Range: `bytes=${start}-` } : undefined
    const response = await this.#follow(`${this.#base}${path}`, { ...range }, signal)
    try {
      if (response.status !== (start > 0 ? 206 : 200)) {
        if (response.status >= 300) throw refusalOf(response, this.#origin)
        throw new DstoreError('protocol', `${this.#origin} did not continue where it stopped`)
      }
      const at = /^bytes (\d+)-/i.exec(response.headers['content-range'] ?? '')?.[1]
      if (start > 0 && at !== String(start)) {
        throw new DstoreError('protocol', `${this.#origin} did not continue where it stopped`)
      }
      checkPlain(response, this.#origin)
    } catch (error) {
      response.end()
      throw error
    }
    return { bytes: this.#timed(response, signal), end: () => response.end() }
  }

  /** The last response of a chain of redirects. */
  async #follow(
    first: string,
    wanted: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<OutgoingResponse> {
    let url = new URL(first)
    // Once a redirect has left the upstream, no later one leads back to its trust.
    let isOwn = true
    let reach: Reach = 'public'
    for (let hops = 0; ; hops++) {
      const { token, own, others } = this.#options
      const response = await (isOwn ? own : others(reach)).send(url, {
        method: 'GET',
        headers: {
          'User-Agent': 'dstore',
          'Accept-Encoding': 'identity',
          ...wanted,
          ...(isOwn && token !== undefined && { Authorization: `Bearer ${token}` }),
        },
        timeoutMs: this.#silenceMs,
        signal,
      })
      if (!REDIRECTS.has(response.status)) return response
      response.end()
      if (isOwn) reach = response.reach
      if (hops === HF_REDIRECTS) throw this.#misled('too many redirects')
      url = this.#next(url, response.headers.location)
      isOwn &&= url.origin === this.#origin
    }
  }

  /** Where a redirect leads. */
  #next(from: URL, location: string | undefined): URL {
    if (location === undefined || !URL.canParse(location, from.href)) {
      throw this.#misled('a redirect without an address')
    }
    const to = new URL(location, from)
    const isSafe =
      to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:')
    if (!isSafe) throw this.#misled(`a redirect to ${to.protocol}`)
    if (to.username + to.password !== '') throw this.#misled('a redirect with a password')
    to.hash = ''
    return to
  }

  #misled(what: string): DstoreError {
    return new DstoreError('protocol', `${this.#origin} answered with ${what}`)
  }

  async #whole(response: OutgoingResponse, signal: AbortSignal): Promise<Uint8Array> {
    checkPlain(response, this.#origin)
    const pieces: Uint8Array[] = []
    let length = 0
    for await (const piece of this.#timed(response, signal)) {
      length += piece.byteLength
      if (length > HF_JSON_BYTES) {
        const message = `${this.#origin} answered with more than ${HF_JSON_BYTES} bytes of JSON`
        throw new DstoreError('too-large', message)
      }
      pieces.push(piece)
    }
    return Buffer.concat(pieces, length)
  }

  /**
   * The bytes of a response; throws `timeout` for one that is silent or drips, `unreachable` for a
   * broken one. The time that the reader takes does not count.
   */
  async *#timed(response: OutgoingResponse, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const pieces = response.bytes[Symbol.asyncIterator]()
    const limit = { ms: this.#silenceMs, what: `${this.#origin} sent nothing more`, signal }
    let [waitedMs, came] = [0, 0]
    try {
      for (;;) {
        const asked = performance.now()
        const next = await inTime<IteratorResult<Uint8Array, unknown>>(limit, (resolve, reject) => {
          pieces.next().then((found) => resolve(() => found), reject)
          return () => undefined
        }).catch((error: unknown) => {
          if (error instanceof DstoreError) throw error
          throw new DstoreError('unreachable', `${this.#origin} broke off`)
        })
        if (next.done === true) return
        waitedMs += performance.now() - asked
        came += next.value.byteLength
        if (waitedMs > this.#paceMs) {
          if (came < HF_PACE_BYTES) throw new DstoreError('timeout', `${this.#origin} is too slow`)
          waitedMs = came = 0
        }
        yield next.value
      }
    } finally {
      response.end()
    }
  }
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** Throws for a body that is not sent as it is: it was asked for that way. */
function checkPlain({ headers }: OutgoingResponse, host: string): void {
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity') return
  throw new DstoreError('protocol', `${host} compressed what was to be sent as it is`)
}

function parse(text: string, host: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new DstoreError('protocol', `${host} answered with what is not JSON`)
  }
}

/** The query of the link to the next page; its host and path are not believed. */
function nextQuery(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header.join(', ') : header
  const target = /<([^<>]*)>\s*;\s*rel="?next"?/.exec(text ?? '')?.[1]
  if (target === undefined || !URL.canParse(target, 'http://host')) return undefined
  return new URL(target, 'http://host').search
}
