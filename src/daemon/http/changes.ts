/**
 * GET /v1/changes: every change as a server-sent event, until the client leaves (R007-34). The id
 * of an event is its position, so that a client which reconnects misses nothing.
 */
import { once } from 'node:events'
import type { ChangeEvent } from '../../node/node.ts'
import type { ChangeLine } from '../api/api.ts'
import { problemOf } from '../api/problem.ts'
import type { HttpCall } from './call.ts'
import { beginEvents, withBeats } from './events/event-stream.ts'

export async function watchChanges(call: HttpCall): Promise<void> {
  const { request, response, query, node, stopping } = call
  const signal = AbortSignal.any([call.signal, stopping])
  const header = request.headers['last-event-id']
  const after = query.get('after') ?? (typeof header === 'string' ? header : undefined)
  // The head promises every later change. Its id lets a client that leaves before the first resume.
  const onStart = (position: string): void => {
    beginEvents(response)
    response.write(`id: ${position}\n\n`)
  }
  await withBeats(response, async () => {
    try {
      const changes = node.index.watch({ signal, onStart, ...(after !== undefined && { after }) })
      for await (const change of changes) {
        if (!response.write(eventOf(change))) await once(response, 'drain', { signal })
      }
      signal.throwIfAborted()
    } catch (error) {
      if (!response.headersSent) throw error
      const fault: unknown = stopping.aborted ? stopping.reason : error
      response.write(`event: failed\ndata: ${JSON.stringify(problemOf(fault))}\n\n`)
    }
  })
  response.end()
}

function eventOf({ key, size, previous, ...rest }: ChangeEvent): string {
  const line: ChangeLine = {
    ...rest,
    ...(key !== undefined && { key: key.toString() }),
    ...(size !== undefined && { size }),
    ...(previous !== undefined && { previous: previous.toString() }),
  }
  return `id: ${rest.position}\ndata: ${JSON.stringify(line)}\n\n`
}
