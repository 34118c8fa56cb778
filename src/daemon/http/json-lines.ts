/** Responses of JSON lines: listings, and the events of long calls (specs/007, "HTTP API"). */
import { once } from 'node:events'
import { HTTP_BEAT_MS, PROGRESS_MS } from '../../limits.ts'
import type { Progress } from '../../node/node.ts'
import { LINES_TYPE } from '../api/api.ts'
import type { CallEvent } from '../api/api.ts'
import { problemOf } from '../api/problem.ts'
import { faultOf, withBeatIfWanted, type HttpCall } from './call.ts'
import { sendBytes } from './stream.ts'

/** Characters that a listing collects before it sends them: few writes for many short lines. */
const LISTING_CHARS = 32_768

/**
 * Responds with the documents, one per line, as fast as the client reads them. A listing that fails
 * midway never looks whole. Collects `chars` characters per write; with 0, sends each line at once.
 */
export function sendLines(
  call: HttpCall,
  documents: AsyncIterable<unknown>,
  chars: number = LISTING_CHARS,
): Promise<void> {
  const bytes = linesOf(documents, chars)
  return sendBytes(call, { status: 200, headers: { 'Content-Type': LINES_TYPE }, bytes })
}

async function* linesOf(
  documents: AsyncIterable<unknown>,
  chars: number,
): AsyncGenerator<Uint8Array> {
  let text = ''
  let failure: { readonly error: unknown } | undefined
  try {
    for await (const document of documents) {
      text += `${JSON.stringify(document)}\n`
      if (text.length < chars) continue
      yield Buffer.from(text)
      text = ''
    }
  } catch (error) {
    failure = { error }
  }
  // The lines before a failure are sent before it.
  if (text !== '') yield Buffer.from(text)
  if (failure !== undefined) throw failure.error
}

/**
 * Runs `work` and responds with its events (R007-13). An error before the first progress event is
 * thrown, and becomes a problem document with its own status. With `after` the response stays open
 * behind the result until that resolves, to a last event or to none. It must not reject.
 */
export async function sendEvents(
  call: HttpCall,
  work: (onProgress: (progress: Progress) => void) => Promise<unknown>,
  after?: () => Promise<object | undefined>,
): Promise<void> {
  await withBeatIfWanted(call, () => sendEventsOf(call, work))
  const last = await after?.()
  if (last !== undefined) call.response.write(`${JSON.stringify(last)}\n`)
  call.response.end()
}

async function sendEventsOf(
  { response, signal }: HttpCall,
  work: (onProgress: (progress: Progress) => void) => Promise<unknown>,
): Promise<void> {
  let reportedAt = -Infinity
  let needsDrain = false
  let last: CallEvent<unknown> | undefined

  const send = (event: CallEvent<unknown>): boolean => {
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': LINES_TYPE })
    return response.write(`${JSON.stringify(event)}\n`)
  }
  const onProgress = ({ phase, doneBytes, totalBytes }: Progress): void => {
    const now = performance.now()
    if (signal.aborted || needsDrain || now - reportedAt < PROGRESS_MS) return
    reportedAt = now
    // A client that does not read misses events, so that the daemon need not buffer them.
    last = { event: 'progress', phase, doneBytes, totalBytes: totalBytes ?? null }
    needsDrain = !send(last)
    if (!needsDrain) return
    const resume = (): void => void (needsDrain = false)
    // An abort ends the work itself, through the signal of the call.
    void once(response, 'drain', { signal }).then(resume, () => undefined)
  }

  // The last event again: the call is still in progress, though it gets no further.
  const beat = setInterval(() => {
    if (last !== undefined && !signal.aborted && !needsDrain) send(last)
  }, HTTP_BEAT_MS)
  try {
    const result = await work(onProgress)
    send({ event: 'done', result })
  } catch (error) {
    if (!response.headersSent) throw error
    send({ event: 'failed', problem: problemOf(faultOf(signal, error)) })
  } finally {
    clearInterval(beat)
  }
}
