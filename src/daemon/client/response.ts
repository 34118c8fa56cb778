/** Reading a response of the daemon: whole, in lines, or as bytes (specs/007, "HTTP API"). */
import type { IncomingMessage } from 'node:http'
import { concat, piecesOf } from '../../bytes.ts'
import type { Deadline } from '../../deadline.ts'
import { DstoreError } from '../../errors.ts'
import { HTTP_ANSWER_BYTES } from '../../limits.ts'
import type { Progress } from '../../node/node.ts'
import { PROBLEM_TRAILER } from '../api/api.ts'
import { LineSplitter, lineTooLong } from '../api/line-splitter.ts'
import type { CallEvent, Problem } from '../api/api.ts'
import { errorOf, parseProblem } from '../api/problem.ts'
import type { Slot } from './slots.ts'

/** A response whose head has arrived. */
export interface DaemonResponse {
  readonly message: IncomingMessage
  /** Bounds each wait for the daemon; paused while nothing is read. Aborting it ends the call. */
  readonly limit: Deadline
  /** Moves the call from the calls in progress to the streams; undefined if these are too many. */
  becomeStream(): Slot | undefined
}

/**
 * The bytes of the body. Throws the error in the trailer, and `unreachable` if the body is cut off.
 * Only time spent waiting for the daemon counts, never that of a slow reader.
 */
export async function* pieces({
  message,
  limit,
}: Pick<DaemonResponse, 'message' | 'limit'>): AsyncGenerator<Uint8Array> {
  const source = piecesOf(message)
  try {
    for (;;) {
      limit.progress()
      const next = await source.next().finally(() => limit.pauseTimer())
      if (next.done === true) break
      yield next.value
    }
  } catch (error) {
    throw connectionError(error, limit)
  } finally {
    // A reader that leaves early does not want the rest.
    if (!message.complete) message.destroy()
  }
  const problem = message.trailers[PROBLEM_TRAILER]
  if (problem !== undefined) throw parseProblem(problem)
}

/** The JSON document in the body. */
export async function json<Answer>(response: DaemonResponse): Promise<Answer> {
  const body = await text(response)
  try {
    return JSON.parse(body) as Answer
  } catch (cause) {
    throw new DstoreError('protocol', 'the daemon sent a response that is not JSON', { cause })
  }
}

/** The body as text; `protocol` beyond `HTTP_ANSWER_BYTES`. */
export async function text(response: DaemonResponse): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const piece of pieces(response)) {
    length += piece.byteLength
    if (length > HTTP_ANSWER_BYTES) {
      throw new DstoreError('protocol', 'the daemon sent a response that is too long')
    }
    parts.push(piece)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** The lines of the body, without line ends. */
export async function* lines(response: DaemonResponse): AsyncGenerator<string> {
  const found = new LineSplitter()
  for await (const piece of pieces(response)) yield* found.take(piece)
  if (!found.isWhole) throw lineCut()
}

/**
 * The body in pieces of whole lines, as it came: a line that was not sent whole before a failure is
 * left out.
 */
export async function* wholeLines(response: DaemonResponse): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0)
  for await (const piece of pieces(response)) {
    const end = piece.lastIndexOf(NEWLINE) + 1
    if (end > 0)
      yield rest.byteLength === 0 ? piece.subarray(0, end) : concat([rest, piece.subarray(0, end)])
    rest = end > 0 ? piece.slice(end) : concat([rest, piece])
    if (rest.byteLength > HTTP_ANSWER_BYTES) throw lineTooLong()
  }
  if (rest.byteLength > 0) throw lineCut()
}

const NEWLINE = 10

const lineCut = (): DstoreError =>
  new DstoreError('protocol', 'the daemon ended in the middle of a line')

/** The JSON document in each line of the body. */
export async function* documents<Line>(response: DaemonResponse): AsyncGenerator<Line> {
  for await (const line of lines(response)) yield JSON.parse(line) as Line
}

/** The result in the last event of the body; the events before it go to `onProgress`. */
export async function result<Result>(
  response: DaemonResponse,
  onProgress?: (progress: Progress) => void,
): Promise<Result> {
  for await (const event of documents<CallEvent<Result>>(response)) {
    if (event.event === 'done') return event.result
    if (event.event === 'failed') throw errorOf(event.problem)
    onProgress?.({ ...event, totalBytes: event.totalBytes ?? undefined })
  }
  throw new DstoreError('unreachable', 'the daemon ended before it sent a result')
}

/**
 * The data of server-sent events in a body, until it fails. The first id is where they start.
 */
export async function* serverSent<Data>(
  response: DaemonResponse,
  onStart?: (position: string) => void,
): AsyncGenerator<Data, void, undefined> {
  let started = false
  let failed = false
  for await (const line of lines(response)) {
    if (!started && line.startsWith('id: ')) {
      started = true
      onStart?.(line.slice('id: '.length))
    }
    if (line === 'event: failed') failed = true
    if (!line.startsWith('data: ')) continue
    const data: unknown = JSON.parse(line.slice('data: '.length))
    if (failed) throw errorOf(data as Problem)
    yield data as Data
  }
  throw new DstoreError('unreachable', 'the daemon ended')
}

/** What ended a call: its limit, the daemon's own error, or the loss of the connection. */
export function connectionError(error: unknown, { signal }: Deadline): DstoreError {
  // An abort reaches this through HTTP in many shapes.
  if (signal.aborted) return signal.reason as DstoreError
  if (error instanceof DstoreError) return error
  const { message, code } = error as NodeJS.ErrnoException
  if (code === undefined) return new DstoreError('internal', message, { cause: error })
  return new DstoreError('unreachable', `the connection to the daemon was lost (${code})`, {
    cause: error,
  })
}
