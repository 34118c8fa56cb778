/** The document of a node and its daemon, which `GET /v1/status` answers and events tell. */
import type { ServedNode } from '../../../node/node.ts'
import type { HttpStatus, StatusAnswer } from '../../api/api.ts'

/** What the document is made of, beside the process. */
export interface StatusParts {
  readonly node: Pick<ServedNode, 'status'>
  readonly directory: string
  readonly socket: string
  readonly doorRoots: readonly string[]
  readonly http: () => HttpStatus | undefined
}

export async function statusOf(parts: StatusParts): Promise<StatusAnswer> {
  const { node, directory, socket, doorRoots } = parts
  const http = parts.http()
  return {
    ...(await node.status()),
    daemon: {
      pid: process.pid,
      directory,
      socket,
      ...(http && { http }),
      ...(doorRoots.length > 0 && { doors: doorRoots }),
      residentBytes: process.memoryUsage.rss(),
    },
  }
}
