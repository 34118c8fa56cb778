/**
 * The protocol of a cache program of the go command: lines of JSON, and bodies in base64 between
 * them (specs/010-doors.md, "Rules: Go"). Nothing here reads or writes.
 */
import { DstoreError } from '../../src/errors.ts'
import { KIB, VALUE_BYTES } from '../../src/limits.ts'

/** Bytes of a SHA-256: what actions and outputs are called. */
const ID_BYTES = 32

/** The longest line of a request without its body, in bytes. */
const LINE_BYTES = 16 * KIB

export const COMMANDS = ['get', 'put', 'close'] as const

/** A request of the go command. Ids are lower-case hex digits. */
export type GoRequest =
  | { readonly id: number; readonly command: 'close' }
  | { readonly id: number; readonly command: 'get'; readonly action: string }
  | {
      readonly id: number
      readonly command: 'put'
      readonly action: string
      /** SHA-256 of the body. */
      readonly output: string
      readonly size: number
    }

export type PutRequest = Extract<GoRequest, { readonly command: 'put' }>

/** Takes the body of a put. */
export interface BodySink {
  write(bytes: Uint8Array): void
  /** All of it was written. */
  end(): void
}

/** Takes requests in their order. */
export interface RequestSink {
  /** A request without a body. */
  request(request: Exclude<GoRequest, PutRequest>): void
  /** What is returned gets the body, which comes next. */
  put(request: PutRequest): BodySink
}

/** What the go command reads. */
export interface GoResponse {
  readonly id: number
  readonly error?: string
  readonly isMiss?: boolean
  readonly output?: string
  readonly size?: number
  /** When it was put, in milliseconds since 1970. */
  readonly time?: number
  readonly path?: string
}

/** The first line: what this program can do. */
export const greeting = (): string => `${JSON.stringify({ ID: 0, KnownCommands: COMMANDS })}\n`

/** A response as a line. */
export function encodeResponse(response: GoResponse): string {
  const { id, error, isMiss, output, size, time, path } = response
  const fields = {
    ID: id,
    Err: error,
    Miss: isMiss,
    OutputID: output === undefined ? undefined : Buffer.from(output, 'hex').toString('base64'),
    Size: size,
    Time: time === undefined ? undefined : new Date(time).toISOString(),
    DiskPath: path,
  }
  return `${JSON.stringify(fields)}\n`
}

const LINE_FEED = 0x0a
const QUOTE = 0x22

/** Reads requests as their bytes arrive; it never holds more than one line without a body. */
export class RequestReader {
  readonly #sink: RequestSink
  #line: Uint8Array[] = []
  #lineBytes = 0
  #body: BodyReader | undefined

  constructor(sink: RequestSink) {
    this.#sink = sink
  }

  /** Throws `protocol` for bytes that are no requests. */
  push(bytes: Uint8Array): void {
    let rest = bytes
    while (rest.byteLength > 0) {
      rest = this.#body === undefined ? this.#pushLine(rest) : this.#pushBody(this.#body, rest)
    }
  }

  /** Whether a request has begun and not ended. */
  get isWithin(): boolean {
    return this.#body !== undefined || this.#lineBytes > 0
  }

  #pushLine(bytes: Uint8Array): Uint8Array {
    const end = bytes.indexOf(LINE_FEED)
    const part = end < 0 ? bytes : bytes.subarray(0, end)
    this.#lineBytes += part.byteLength
    if (this.#lineBytes > LINE_BYTES) throw fault(`a request is longer than ${LINE_BYTES} bytes`)
    // The bytes belong to their reader; the line may end in another piece.
    this.#line.push(Uint8Array.from(part))
    if (end < 0) return new Uint8Array()
    const line = Buffer.concat(this.#line).toString('utf8')
    this.#line = []
    this.#lineBytes = 0
    // The go command writes an empty line after each request.
    if (line.trim() !== '') this.#take(parseRequest(line))
    return bytes.subarray(end + 1)
  }

  #take(request: GoRequest): void {
    if (request.command !== 'put') return this.#sink.request(request)
    const sink = this.#sink.put(request)
    // An empty body is not sent.
    if (request.size === 0) sink.end()
    else this.#body = new BodyReader(request.size, sink)
  }

  #pushBody(body: BodyReader, bytes: Uint8Array): Uint8Array {
    const rest = body.push(bytes)
    if (body.isComplete) this.#body = undefined
    return rest
  }
}

/** Reads one body: a line with a text in quotes, in base64. */
class BodyReader {
  readonly #sink: BodySink
  #left: number
  #isOpen = false
  /** Digits that do not fill three bytes yet: at most 3. */
  #digits = ''
  isComplete = false

  constructor(size: number, sink: BodySink) {
    this.#left = size
    this.#sink = sink
  }

  /** Takes bytes, and returns those behind the body. */
  push(bytes: Uint8Array): Uint8Array {
    let from = 0
    while (!this.#isOpen) {
      if (from === bytes.byteLength) return new Uint8Array()
      const byte = bytes[from++]
      if (byte === QUOTE) this.#isOpen = true
      else if (byte !== LINE_FEED) throw fault('a body does not begin with a quote')
    }
    const quote = bytes.indexOf(QUOTE, from)
    const end = quote < 0 ? bytes.byteLength : quote
    this.#decode(latin1(bytes.subarray(from, end)), quote >= 0)
    if (quote < 0) return new Uint8Array()
    if (this.#left !== 0) throw fault('a body is shorter than its request says')
    this.isComplete = true
    this.#sink.end()
    return bytes.subarray(quote + 1)
  }

  #decode(text: string, isLast: boolean): void {
    const digits = this.#digits + text
    const whole = isLast ? digits.length : digits.length - (digits.length % 4)
    this.#digits = digits.slice(whole)
    if (whole === 0) return
    const part = Buffer.from(digits.slice(0, whole), 'base64')
    this.#left -= part.byteLength
    // Node skips what is no digit: then there are too few bytes.
    if (this.#left < 0) throw fault('a body is longer than its request says')
    this.#sink.write(part)
  }
}

const latin1 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1')

function parseRequest(line: string): GoRequest {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw fault('a request is not JSON')
  }
  if (typeof value !== 'object' || value === null) throw fault('a request is no object')
  const { ID: id, Command: command, ActionID, OutputID, BodySize: size = 0 } = value as Fields
  if (!isCount(id)) throw fault('a request has no ID')
  if (command === 'close') return { id, command }
  if (command !== 'get' && command !== 'put') throw fault('a request has an unknown command')
  const action = idIn(ActionID, 'ActionID')
  if (command === 'get') return { id, command, action }
  if (!isCount(size) || size > VALUE_BYTES) throw fault('a put has no possible BodySize')
  return { id, command, action, output: idIn(OutputID, 'OutputID'), size }
}

type Fields = Readonly<Record<string, unknown>>

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0

function idIn(text: unknown, field: string): string {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'base64') : undefined
  if (bytes?.byteLength === ID_BYTES) return bytes.toString('hex')
  throw fault(`${field} is not ${ID_BYTES} bytes in base64`)
}

const fault = (message: string): DstoreError =>
  new DstoreError('protocol', `standard input does not come from the go command: ${message}`, {
    hint: 'the go command starts this one: GOCACHEPROG="dstore gocache" go build ./...',
  })
