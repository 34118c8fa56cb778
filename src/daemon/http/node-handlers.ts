/** Handlers of the API that concern the node itself (specs/007, "HTTP API"). */
import { DstoreError } from '../../errors.ts'
import { PROGRESS_MS } from '../../limits.ts'
import type { NodeInactive } from '../../node/node.ts'
import { LINES_TYPE } from '../api/api.ts'
import { callOptions, sendJson, withHeartbeat } from './call.ts'
import type { HttpCall } from './call.ts'
import { statusOf } from './events/status-answer.ts'
import { sendLines } from './json-lines.ts'

/** GET /v1/status */
export async function status(call: HttpCall): Promise<void> {
  sendJson(call, 200, await statusOf(call))
}

/** POST /v1/verify: verifies every value that the node keeps; `?counts=1`: what keeps each key. */
export function verify(call: HttpCall): Promise<void> {
  const { node, query, signal } = call
  const [repair, counts] = [query.get('repair') === '1', query.get('counts') === '1']
  return sendLines(call, findings(node.verify({ signal, repair, counts })), 0)
}

/** POST /v1/inactive-store/upload: uploads the store of an earlier role to Global (R007-149). */
export function uploadInactive(call: HttpCall): Promise<void> {
  return sendLines(call, findings(inactiveOf(call).upload(callOptions(call))), 0)
}

/** GET /v1/inactive-store/values/{key}: a value of that store, by its key or a name. */
export async function findInactive(call: HttpCall): Promise<void> {
  const word = call.parameters['key'] ?? ''
  const found = await inactiveOf(call).find(word)
  if (found === undefined) throw new DstoreError('not-found', `not in the inactive store: ${word}`)
  sendJson(call, 200, found)
}

/** DELETE /v1/inactive-store, `?force=1`: deletes it once Global has all of it. */
export async function dropInactive(call: HttpCall): Promise<void> {
  const options = { ...callOptions(call), force: call.query.get('force') === '1' }
  sendJson(call, 200, await withHeartbeat(call, () => inactiveOf(call).drop(options)))
}

function inactiveOf({ node }: HttpCall): NodeInactive {
  if (node.inactive !== undefined) return node.inactive
  throw new DstoreError('not-found', 'this directory has no store of an earlier role')
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
async function* findings(events: AsyncIterable<{ readonly type: string }>): AsyncGenerator<object> {
  let reportedAt = -Infinity
  for await (const { type: event, ...facts } of events) {
    if (event === 'progress') {
      const now = performance.now()
      if (now - reportedAt < PROGRESS_MS) continue
      reportedAt = now
    }
    yield { event, ...facts }
  }
}
