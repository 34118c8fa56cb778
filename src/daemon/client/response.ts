/** Reading what the daemon answers: whole, in lines, or as the bytes of a value (specs/007, "HTTP API"). */
import type { IncomingMessage } from 'node:http'
import { DstoreError } from '../../errors.ts'
import { HTTP_ANSWER_BYTES } from '../../limits.ts'
import type { Progress } from '../../node/node.ts'
import { PROBLEM_TRAILER } from '../api/api.ts'
import type { CallEvent, ChangeLine, Problem } from '../api/api.ts'
import { errorOf, parseProblem } from '../api/problem.ts'

/** How long a client waits for a daemon that says nothing, and what ends its waiting. */
export interface Patience {
  readonly idleMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * The bytes of an answer. Throws what the trailer tells, and `unreachable` where it ends before it is whole. Only the
 * time spent waiting for the daemon counts, never that of a slow reader.
 */
export async function* pieces(
  response: IncomingMessage,
  patience: Patience,
): AsyncGenerator<Uint8Array> {
  const source = response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  try {
    for (;;) {
      const timer = setTimeout(() => response.destroy(stuck(patience)), patience.idleMs)
      const next = await source.next().finally(() => clearTimeout(timer))
      if (next.done === true) break
      yield next.value
    }
  } catch (error) {
    throw connectionFault(error, patience)
  } finally {
    // Left early: what has not arrived is not wanted.
    if (!response.complete) response.destroy()
  }
  const problem = response.trailers[PROBLEM_TRAILER]
  if (problem !== undefined) throw parseProblem(problem)
}

/** The one JSON document of an answer. */
export async function json<Answer>(response: IncomingMessage, patience: Patience): Promise<Answer> {
  const body = await text(response, patience)
  try {
    return JSON.parse(body) as Answer
  } catch (cause) {
    throw new DstoreError('protocol', 'the daemon gave an answer that is not JSON', { cause })
  }
}

/** A short answer as text. */
export async function text(response: IncomingMessage, patience: Patience): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const piece of pieces(response, patience)) {
    length += piece.byteLength
    if (length > HTTP_ANSWER_BYTES) {
      throw new DstoreError('protocol', 'the daemon gave an answer that is too long')
    }
    parts.push(piece)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** The lines of an answer, without their ends. */
export async function* lines(
  response: IncomingMessage,
  patience: Patience,
): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of pieces(response, patience)) {
    const found = (rest + decoder.decode(piece, { stream: true })).split('\n')
    rest = found.pop()!
    if (rest.length > HTTP_ANSWER_BYTES) {
      throw new DstoreError('protocol', 'the daemon gave a line that is too long')
    }
    yield* found
  }
  if (rest !== '') throw new DstoreError('protocol', 'the daemon ended in the middle of a line')
}

/** The result that the last event of an answer brings; the events before it go to `onProgress`. */
export async function result<Result>(
  response: IncomingMessage,
  patience: Patience,
  onProgress?: (progress: Progress) => void,
): Promise<Result> {
  for await (const line of lines(response, patience)) {
    const event = JSON.parse(line) as CallEvent<Result>
    if (event.event === 'done') return event.result
    if (event.event === 'failed') throw errorOf(event.problem)
    onProgress?.({ ...event, totalBytes: event.totalBytes ?? undefined })
  }
  throw new DstoreError('unreachable', 'the daemon ended before it had an answer')
}

/** The changes that an answer tells of as server-sent events, until it fails. The first id says where they start. */
export async function* changes(
  response: IncomingMessage,
  patience: Patience,
  onStart?: (position: string) => void,
): AsyncGenerator<ChangeLine, void, undefined> {
  let started = false
  let failed = false
  for await (const line of lines(response, patience)) {
    if (!started && line.startsWith('id: ')) {
      started = true
      onStart?.(line.slice('id: '.length))
    }
    if (line === 'event: failed') failed = true
    if (!line.startsWith('data: ')) continue
    const data: unknown = JSON.parse(line.slice('data: '.length))
    if (failed) throw errorOf(data as Problem)
    yield data as ChangeLine
  }
  throw new DstoreError('unreachable', 'the daemon ended')
}

/** What went wrong with the connection, as a fault. */
export function connectionFault(error: unknown, { signal }: Patience): DstoreError {
  // Whatever an abort looks like when it has passed through HTTP.
  if (signal?.aborted === true) return new DstoreError('cancelled', 'cancelled', { cause: error })
  if (error instanceof DstoreError) return error
  const { message, code } = error as NodeJS.ErrnoException
  if (code === undefined) return new DstoreError('internal', message, { cause: error })
  return new DstoreError('unreachable', `the connection to the daemon was lost (${code})`, {
    cause: error,
  })
}

export function stuck({ idleMs }: Patience): DstoreError {
  return new DstoreError('timeout', `the daemon did not answer for ${idleMs / 1000}s`)
}
