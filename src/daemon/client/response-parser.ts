/**
 * Parses the response to one request, without `node:http` and without copying the body
 * (RFC 9112). It takes what a daemon of dstore sends: a body has a `Content-Length`, or chunks.
 */
import { DstoreError } from '../../errors.ts'
import { HTTP_HEADER_BYTES } from '../../limits.ts'

export interface ResponseHead {
  readonly status: number
  /** Values by name in lower case; those of a repeated name are joined by commas. */
  readonly headers: ReadonlyMap<string, string>
}

type State = 'head' | 'fixed' | 'chunk size' | 'chunk' | 'chunk end' | 'trailers' | 'complete'

const LINE_FEED = 0x0a

export class ResponseParser {
  /** The head of the final response, once it has arrived. */
  head: ResponseHead | undefined
  readonly trailers: Map<string, string> = new Map()
  readonly #onInterim: () => void
  #state: State = 'head'
  /** Bytes left of the body, or of its chunk. */
  #left = 0
  /** The beginning of a line that has not ended yet. */
  #line = ''
  /** Bytes of the lines of a head, or of the trailers. */
  #lineBytes = 0
  #status: number | undefined
  #headers = new Map<string, string>()

  /** `onInterim`: called for each response before the final one, such as 102. */
  constructor(onInterim: () => void = () => undefined) {
    this.#onInterim = onInterim
  }

  /** Has all of the response arrived? */
  get isComplete(): boolean {
    return this.#state === 'complete'
  }

  /**
   * Takes what has arrived; returns the parts of it that are the body's, as views. Throws
   * `protocol` for what is no response.
   */
  push(bytes: Uint8Array): Uint8Array[] {
    const parts: Uint8Array[] = []
    for (let at = 0; at < bytes.byteLength;) {
      if (this.#state === 'complete') throw malformed('goes on after its end')
      if (this.#state === 'fixed' || this.#state === 'chunk') {
        const part = bytes.subarray(at, at + this.#left)
        parts.push(part)
        at += part.byteLength
        this.#left -= part.byteLength
        if (this.#left === 0) this.#state = this.#state === 'fixed' ? 'complete' : 'chunk end'
        continue
      }
      const found = bytes.indexOf(LINE_FEED, at)
      const end = found === -1 ? bytes.byteLength : found
      this.#lineBytes += end - at
      if (this.#lineBytes > HTTP_HEADER_BYTES) throw malformed('has a head that is too long')
      for (; at < end; at++) this.#line += String.fromCharCode(bytes[at]!)
      if (found === -1) break
      at++
      const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line
      this.#line = ''
      this.#take(line)
    }
    return parts
  }

  #take(line: string): void {
    switch (this.#state) {
      case 'chunk size':
        this.#beginChunk(line)
        break
      case 'chunk end':
        if (line !== '') throw malformed('has a chunk that does not end')
        this.#expectLines('chunk size')
        break
      case 'trailers':
        if (line === '') this.#state = 'complete'
        else addField(this.trailers, line)
        break
      default:
        this.#takeHead(line)
    }
  }

  #takeHead(line: string): void {
    if (this.#status === undefined) {
      const match = /^HTTP\/1\.1 ([1-5]\d\d)( |$)/.exec(line)
      if (match === null) throw malformed('is not HTTP')
      this.#status = Number(match[1])
    } else if (line !== '') {
      addField(this.#headers, line)
    } else {
      this.#endHead({ status: this.#status, headers: this.#headers })
    }
  }

  #endHead(head: ResponseHead): void {
    this.#status = undefined
    this.#headers = new Map()
    this.#expectLines('head')
    if (head.status < 200) {
      this.#onInterim()
      return
    }
    this.head = head
    const coding = head.headers.get('transfer-encoding')
    const length = head.headers.get('content-length')
    if (head.status === 204 || head.status === 304) this.#state = 'complete'
    else if (coding?.toLowerCase() === 'chunked' && length === undefined) this.#state = 'chunk size'
    else if (coding === undefined && /^\d{1,15}$/.test(length ?? '')) this.#expect(Number(length))
    else throw malformed('does not say how long it is')
  }

  #expect(length: number): void {
    this.#left = length
    this.#state = length === 0 ? 'complete' : 'fixed'
  }

  #beginChunk(line: string): void {
    const match = /^([0-9a-f]{1,12})[ \t]*(;|$)/i.exec(line)
    if (match === null) throw malformed('has a chunk without a size')
    this.#left = Number.parseInt(match[1]!, 16)
    if (this.#left === 0) this.#expectLines('trailers')
    else this.#state = 'chunk'
  }

  #expectLines(state: State): void {
    this.#state = state
    this.#lineBytes = 0
  }
}

function addField(fields: Map<string, string>, line: string): void {
  const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line)
  if (match === null) throw malformed('has a header that is none')
  const [, name, value] = match as unknown as [string, string, string]
  const key = name.toLowerCase()
  const earlier = fields.get(key)
  fields.set(key, earlier === undefined ? value : `${earlier}, ${value}`)
}

const malformed = (what: string): DstoreError =>
  new DstoreError('protocol', `the daemon sent a response that ${what}`)
