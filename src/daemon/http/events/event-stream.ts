/** Server-sent events: the head, and a comment now and then that shows a client we are there. */
import type { ServerResponse } from 'node:http'
import { HTTP_BEAT_MS } from '../../../limits.ts'
import { CHANGES_TYPE } from '../../api/api.ts'

export function beginEvents(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': CHANGES_TYPE, 'Cache-Control': 'no-store' })
}

/** Does work, with a comment after each `HTTP_BEAT_MS` once the events have begun. */
export async function withBeats(
  response: ServerResponse,
  work: () => Promise<void>,
): Promise<void> {
  const beat = setInterval(() => {
    if (response.headersSent && !response.writableNeedDrain) response.write(':\n\n')
  }, HTTP_BEAT_MS)
  try {
    await work()
  } finally {
    clearInterval(beat)
  }
}
