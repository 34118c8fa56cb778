/**
 * Gets one value from a daemon as fast as the machine allows, for a command that does nothing else
 * (specs/007, "HTTP API"). It opens a connection for each request.
 */
import { deadline } from '../../deadline.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { HTTP_ANSWER_BYTES } from '../../limits.ts'
import type { Progress, RangeRequest } from '../../node/node.ts'
import { BEAT_HEADER, KEY_HEADER, PROBLEM_TRAILER, SIZE_HEADER } from '../api/api.ts'
import { LineSplitter } from '../api/line-splitter.ts'
import type { CallEvent, CopyAnswer } from '../api/api.ts'
import { errorOf, parseProblem } from '../api/problem.ts'
import type { FetchedValue } from './client.ts'
import { idleMsOf, isLost, queryText, type ClientOptions } from './client-options.ts'
import { openedPath, type OpenedPath, type PathRequest } from './paths/opened-path.ts'
import { RawConnection, type Answer, type RawRequest } from './raw-connection.ts'
import { connectionError } from './response.ts'
import { checkRangeOfEmpty, rangeGiven, rangeHeader, valuePath } from './value-path.ts'

/** An empty file that this process holds open. */
export interface HandedFile {
  /** Absolute. */
  readonly path: string
  readonly device: bigint
  readonly inode: bigint
  /** What messages call it. */
  readonly name: string
}

export class ValueClient {
  readonly #socket: string
  readonly #options: ClientOptions
  /** The connection that found the daemon, for the first request. */
  #first: RawConnection | undefined

  private constructor(socket: string, options: ClientOptions, first: RawConnection) {
    this.#socket = socket
    this.#options = options
    this.#first = first
  }

  /** Connects to the daemon on this socket; undefined if none serves it. */
  static async connect(
    socket: string,
    options: ClientOptions = {},
  ): Promise<ValueClient | undefined> {
    const first = await RawConnection.open(socket, options.signal)
    return first && new ValueClient(socket, options, first)
  }

  /**
   * A value, or a range of it, by its key or a name. Each part of its bytes is valid until the next
   * is asked for. Errors: those of the daemon; `unreachable` if the connection breaks.
   */
  async get(keyOrName: string, range?: RangeRequest): Promise<FetchedValue> {
    const headers = { TE: 'trailers', ...(range && { Range: rangeHeader(range) }) }
    const answer = await this.#call({ method: 'GET', target: valuePath(keyOrName), headers })
    const { headers: given } = answer.head
    const key = given.get(KEY_HEADER) ?? ''
    const size = Number(given.get(SIZE_HEADER))
    try {
      checkRangeOfEmpty(range, size)
    } catch (error) {
      answer.end()
      throw error
    }
    const extent = rangeGiven(given.get('content-range'), size)
    return { key, size, range: extent, bytes: exactly(extent.end - extent.start, answer) }
  }

  /** Whether the value exists. Errors: as of `get`, but for `not-found`. */
  async exists(key: string): Promise<boolean> {
    const request = { method: 'GET', target: `${valuePath(key)}/facts`, headers: {} }
    try {
      const answer = await this.#call(request)
      answer.end()
      return true
    } catch (error) {
      if (asDstoreError(error).code === 'not-found') return false
      throw error
    }
  }

  /**
   * Has the daemon write a value, or a range of it, to an empty file of this process; undefined if
   * it does not, and the bytes must be sent (R007-183).
   */
  async copy(
    keyOrName: string,
    file: HandedFile,
    range: RangeRequest | undefined,
    onProgress: (progress: Progress) => void,
  ): Promise<CopyAnswer | undefined> {
    const { path, name, device, inode } = file
    const identity = { device: String(device), inode: String(inode) }
    const part = range === undefined ? {} : { range: rangeHeader(range) }
    const body = JSON.stringify({ path, name, ...identity, ...part })
    let answer: Answer
    try {
      answer = await this.#call({
        method: 'POST',
        target: `${valuePath(keyOrName)}/copy`,
        headers: {},
        body,
      })
    } catch (error) {
      // A daemon of an earlier version knows no such path.
      if (/^(unwritable|not-permitted|usage)$/.test(asDstoreError(error).code)) return undefined
      throw error
    }
    return resultIn<CopyAnswer>(answer, onProgress)
  }

  /**
   * A file of a value, or a folder of a directory, that stays while it is held (R007-351). Errors:
   * those of the daemon; `unreadable` if the path is another file for this process.
   */
  async openPath(
    keyOrName: string,
    request: PathRequest,
    onProgress?: (progress: Progress) => void,
  ): Promise<OpenedPath> {
    const target = `${valuePath(keyOrName)}/path`
    const body = JSON.stringify(request)
    const call = { method: 'POST', target, headers: {}, body }
    const answer = await this.#call(call).catch((error: unknown): never => {
      const { code, message } = asDstoreError(error)
      if (code !== 'usage' || !message.startsWith(`no such path: ${target}`)) throw error
      throw new DstoreError('incompatible', 'the daemon is of a version without paths', {
        hint: '`dstore stop` ends it, and the next command starts one of this version',
      })
    })
    return openedPath(answer, onProgress)
  }

  /** Sends a request; throws the problem in its response. */
  async #call({ target, ...request }: RawRequest): Promise<Answer> {
    const { timeoutMs, signal, onAnswer } = this.#options
    const idleMs = idleMsOf(this.#options)
    let aliveAt = -Infinity
    const limit = deadline(idleMs, 'the daemon did not answer', signal, () => aliveAt)
    limit.pauseTimer()
    const ask = async (): Promise<void> => {
      if (limit.isRunning && (await this.#ask(idleMs))) aliveAt = performance.now()
    }
    const asker = setInterval(() => void ask(), idleMs / 3).unref()
    let connection: RawConnection | undefined
    const end = (): void => {
      clearInterval(asker)
      limit.clear()
      connection?.destroy()
    }
    const sent = { ...request, target: target + queryText({ timeout: timeoutMs?.toString() }) }
    sent.headers = { ...sent.headers, [BEAT_HEADER]: '102' }
    const startedAt = performance.now()
    try {
      for (let attempt = 1; ; attempt++) {
        connection = await this.#open()
        try {
          const head = await connection.request(sent, limit)
          const ms = performance.now() - startedAt
          onAnswer?.(`${sent.method} ${sent.target} ${head.status}`, ms)
          const answer = { connection, head, limit, end }
          if (head.status >= 400) throw await problemIn(answer)
          return answer
        } catch (error) {
          connection.destroy()
          const isFinal = attempt === 2 || sent.method !== 'GET' || limit.signal.aborted
          if (isFinal || !isLost(error)) throw error
        }
      }
    } catch (error) {
      end()
      throw connectionError(error, limit)
    }
  }

  async #open(): Promise<RawConnection> {
    const first = this.#first
    this.#first = undefined
    const connection = first ?? (await RawConnection.open(this.#socket, this.#options.signal))
    if (connection !== undefined) return connection
    throw new DstoreError('unreachable', 'the daemon has stopped')
  }

  /** Whether the daemon answers another call: then it may still work on this one (R007-118). */
  async #ask(idleMs: number): Promise<boolean> {
    const limit = deadline(idleMs, 'the daemon did not answer')
    const connection = await RawConnection.open(this.#socket).catch(() => undefined)
    try {
      const request = { method: 'GET', target: '/v1/status', headers: {} }
      await connection?.request(request, limit)
      return connection !== undefined
    } catch {
      return false
    } finally {
      limit.clear()
      connection?.destroy()
    }
  }
}

/** The result in the last event of a response; the events before it go to `onProgress`. */
async function resultIn<Result>(
  answer: Answer,
  onProgress: (progress: Progress) => void,
): Promise<Result> {
  const lines = new LineSplitter()
  for await (const part of bodyOf(answer)) {
    for (const line of lines.take(part)) {
      const event = JSON.parse(line) as CallEvent<Result>
      if (event.event === 'done') return event.result
      if (event.event === 'failed') throw errorOf(event.problem)
      onProgress({ ...event, totalBytes: event.totalBytes ?? undefined })
    }
  }
  throw new DstoreError('unreachable', 'the daemon ended before it sent a result')
}

/** The body of a response that must have this many bytes, and the problem that ends it early. */
async function* exactly(length: number, answer: Answer): AsyncGenerator<Uint8Array> {
  let left = length
  for await (const part of bodyOf(answer)) {
    left -= part.byteLength
    if (left < 0) break
    yield part
  }
  if (left === 0) return
  throw new DstoreError('protocol', `the daemon sent ${length - left} bytes of ${length}`)
}

/** The bytes before a failure, then the failure (R007-107). */
async function* bodyOf({ connection, limit, end }: Answer): AsyncGenerator<Uint8Array> {
  try {
    yield* connection.body(limit)
    const problem = connection.trailers.get(PROBLEM_TRAILER)
    if (problem !== undefined) throw parseProblem(problem)
  } catch (error) {
    throw connectionError(error, limit)
  } finally {
    end()
  }
}

async function problemIn(answer: Answer): Promise<DstoreError> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of bodyOf(answer)) {
    length += part.byteLength
    if (length > HTTP_ANSWER_BYTES) break
    parts.push(Uint8Array.from(part))
  }
  const problem = parseProblem(Buffer.concat(parts).toString('utf8'))
  if (problem.code !== 'protocol') return problem
  return new DstoreError('protocol', `${problem.message} (HTTP ${answer.head.status})`)
}
