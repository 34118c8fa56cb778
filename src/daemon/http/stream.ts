/** Answers of many bytes: sent as the client takes them, and never ended as if whole when they are not (R007-12). */
import type { ServerResponse } from 'node:http'
import { once } from 'node:events'
import { isLent } from '../../bytes.ts'
import { PROBLEM_TRAILER } from '../api/api.ts'
import { untilAborted } from '../../deadline.ts'
import { problemLine } from '../api/problem.ts'
import type { HttpCall } from './call.ts'

export interface StreamedResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number>>
  /** Length of all bytes, where it is known. */
  readonly length?: number
  readonly bytes: AsyncIterable<Uint8Array>
}

/**
 * Send the bytes. What fails before the first of them is thrown, and can still become a problem document. What fails
 * later goes into a trailer for clients that take trailers (`TE: trailers`); for the others the connection is cut.
 */
export async function sendBytes(exchange: HttpCall, answer: StreamedResponse): Promise<void> {
  const { request, response, signal } = exchange
  const trailers = request.httpVersion !== '1.0' && /\btrailers\b/i.test(String(request.headers.te))
  const pieces = answer.bytes[Symbol.asyncIterator]()
  try {
    let next = await pieces.next()
    response.writeHead(answer.status, {
      ...answer.headers,
      ...(trailers
        ? { Trailer: PROBLEM_TRAILER }
        : answer.length === undefined
          ? {}
          : { 'Content-Length': answer.length }),
    })
    while (next.done !== true) {
      await send(response, next.value, signal)
      next = await pieces.next()
    }
    response.end()
  } catch (error) {
    if (!response.headersSent) throw error
    endBroken(response, trailers && !signal.aborted ? problemLine(error) : undefined)
  } finally {
    await pieces.return?.()
  }
}

/** Resolves when more may be sent; for lent bytes when the system has taken them. Else they would be sent as others. */
async function send(
  response: ServerResponse,
  piece: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  if (!isLent(piece)) {
    if (!response.write(piece)) await once(response, 'drain', { signal })
    return
  }
  const taken = new Promise<void>((resolve, reject) => {
    response.write(piece, (error) => (error ? reject(error) : resolve()))
  })
  await untilAborted(taken, signal)
}

function endBroken(response: ServerResponse, problem: string | undefined): void {
  if (problem === undefined) {
    response.destroy()
    return
  }
  response.addTrailers({ [PROBLEM_TRAILER]: problem })
  response.end()
}
