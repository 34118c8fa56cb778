/** Handlers of the API that concern the node itself (specs/007, "HTTP API"). */
import { PROGRESS_MS } from '../../limits.ts'
import type { Verification } from '../../node/node.ts'
import { LINES_TYPE } from '../api/api.ts'
import type { StatusAnswer } from '../api/api.ts'
import { sendJson } from './call.ts'
import type { HttpCall } from './call.ts'
import { sendLines } from './json-lines.ts'

/** GET /v1/status */
export async function status(call: HttpCall): Promise<void> {
  const { node, directory, socket } = call
  const http = call.http()
  const answer: StatusAnswer = {
    ...(await node.status()),
    daemon: {
      pid: process.pid,
      directory,
      socket,
      ...(http && { http }),
      residentBytes: process.memoryUsage.rss(),
    },
  }
  sendJson(call, 200, answer)
}

/** POST /v1/verify: verifies every value that the node keeps. */
export function verify(call: HttpCall): Promise<void> {
  const { node, query, signal } = call
  const repair = query.get('repair') === '1'
  return sendLines(call, findings(node.verify({ signal, repair })), 0)
}

/**
 * POST /v1/stop. The response is one line, and then stays open until the process ends: a client
 * that waits for the end of the connection has waited for the daemon.
 */
export function stop(call: HttpCall): Promise<void> {
  const { response } = call
  response.shouldKeepAlive = false
  response.useChunkedEncodingByDefault = false
  response.writeHead(202, { 'Content-Type': LINES_TYPE, Connection: 'close' })
  response.write(`${JSON.stringify({ stopping: process.pid })}\n`)
  call.stop()
  return Promise.resolve()
}

/** Every finding, with at most one progress line per `PROGRESS_MS`. */
async function* findings(verification: AsyncIterable<Verification>): AsyncGenerator<object> {
  let reportedAt = -Infinity
  for await (const { type: event, ...facts } of verification) {
    if (event === 'progress') {
      const now = performance.now()
      if (now - reportedAt < PROGRESS_MS) continue
      reportedAt = now
    }
    yield { event, ...facts }
  }
}
