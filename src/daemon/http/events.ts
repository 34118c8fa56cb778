/** Answers of calls that may take long: lines of progress, then the result or the problem (R007-13). */
import { once } from 'node:events'
import { PROGRESS_MS } from '../../limits.ts'
import type { Progress } from '../../node/node.ts'
import { LINES_TYPE } from '../api/api.ts'
import type { CallEvent } from '../api/api.ts'
import { problemOf } from '../api/problem.ts'
import type { HttpCall } from './call.ts'

/**
 * Run a call and answer with its events. What it throws before it reports any progress is thrown, and becomes a
 * problem document with its own status.
 */
export async function sendEvents<Result>(
  exchange: HttpCall,
  call: (onProgress: (progress: Progress) => void) => Promise<Result>,
): Promise<void> {
  const { response, signal } = exchange
  let reportedAt = -Infinity
  let clogged = false

  const send = (event: CallEvent<Result>): boolean => {
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': LINES_TYPE })
    return response.write(`${JSON.stringify(event)}\n`)
  }
  const onProgress = ({ phase, doneBytes, totalBytes }: Progress): void => {
    const now = performance.now()
    if (signal.aborted || clogged || now - reportedAt < PROGRESS_MS) return
    reportedAt = now
    // A client that does not read misses reports; it does not make the daemon keep them for it.
    clogged = !send({ event: 'progress', phase, doneBytes, totalBytes: totalBytes ?? null })
    if (clogged) void once(response, 'drain', { signal }).then(() => (clogged = false), ignore)
  }

  try {
    const result = await call(onProgress)
    send({ event: 'done', result })
  } catch (error) {
    if (!response.headersSent) throw error
    send({ event: 'failed', problem: problemOf(error) })
  }
  response.end()
}

function ignore(): void {
  // The client left; the call's own signal ends it.
}
