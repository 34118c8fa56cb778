/** The API's calls on the node itself. */
import { LINES_TYPE } from '../api/api.ts'
import type { StatusAnswer } from '../api/api.ts'
import { sendJson } from './call.ts'
import type { HttpCall } from './call.ts'

/** GET /v1/status */
export async function status(exchange: HttpCall): Promise<void> {
  const { node, directory, socket, http } = exchange.served
  const overTcp = http()
  const answer: StatusAnswer = {
    ...(await node.status()),
    daemon: {
      pid: process.pid,
      directory,
      socket,
      ...(overTcp === undefined ? {} : { http: overTcp }),
      residentBytes: process.memoryUsage.rss(),
    },
  }
  sendJson(exchange, 200, answer)
}

/**
 * POST /v1/stop. The answer is one line, and then stays open until the process is gone: whoever waits for the end of
 * the connection has waited for the daemon.
 */
export function stop({ served, response }: HttpCall): Promise<void> {
  response.shouldKeepAlive = false
  response.useChunkedEncodingByDefault = false
  response.writeHead(202, { 'Content-Type': LINES_TYPE, Connection: 'close' })
  response.write(`${JSON.stringify({ stopping: process.pid })}\n`)
  served.stop()
  return Promise.resolve()
}
