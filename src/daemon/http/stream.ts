/** Streamed responses: as fast as the client reads, and never whole in looks only (R007-12). */
import type { ServerResponse } from 'node:http'
import { once } from 'node:events'
import { PROBLEM_TRAILER } from '../api/api.ts'
import { untilAborted } from '../../deadline.ts'
import { problemLine } from '../api/problem.ts'
import type { HttpCall } from './call.ts'

export interface StreamedResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number>>
  /** Number of all bytes, if known. */
  readonly length?: number
  readonly bytes: AsyncIterable<Uint8Array>
}

/**
 * Sends the bytes. An error before the first byte is thrown, and becomes a problem document. A
 * later one goes into a trailer if the client accepts trailers (`TE: trailers`); else the
 * connection is cut.
 */
export async function sendBytes(call: HttpCall, streamed: StreamedResponse): Promise<void> {
  const { request, response, signal } = call
  const trailers = request.httpVersion !== '1.0' && /\btrailers\b/i.test(String(request.headers.te))
  const pieces = streamed.bytes[Symbol.asyncIterator]()
  try {
    let next = await pieces.next()
    response.writeHead(streamed.status, {
      ...streamed.headers,
      ...(trailers
        ? { Trailer: PROBLEM_TRAILER }
        : streamed.length === undefined
          ? {}
          : { 'Content-Length': streamed.length }),
    })
    while (next.done !== true) {
      await send(response, next.value, signal)
      next = await pieces.next()
    }
    response.end()
  } catch (error) {
    if (!response.headersSent) throw error
    if (!trailers || signal.aborted) {
      if (!signal.aborted) await sent(response, signal)
      response.destroy()
    } else {
      response.addTrailers({ [PROBLEM_TRAILER]: problemLine(error) })
      response.end()
    }
  } finally {
    await pieces.return?.()
  }
}

/**
 * Resolves when all that was written has left for the system, or the client has: to destroy a
 * response discards the rest.
 */
async function sent(response: ServerResponse, signal: AbortSignal): Promise<void> {
  const left = new Promise<void>((resolve) => response.write('', () => resolve()))
  await untilAborted(left, signal).catch(() => undefined)
}

/** Up to this size a piece is copied, so that the next can follow it without waiting. */
const COPIED_BYTES = 16_384

/**
 * Resolves when the next piece may be requested, which may change this one: a large piece must have
 * left its memory for the system's.
 */
async function send(
  response: ServerResponse,
  piece: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  if (piece.byteLength <= COPIED_BYTES) {
    if (!response.write(new Uint8Array(piece))) await once(response, 'drain', { signal })
    return
  }
  const taken = new Promise<void>((resolve, reject) => {
    response.write(piece, (error) => (error ? reject(error) : resolve()))
  })
  await untilAborted(taken, signal)
}
