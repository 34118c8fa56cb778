/** Opens paths as any program would: one request over the socket of a daemon. */
import { request, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import type { Daemon } from '../../e2e/nodes.ts'

/** A file that the daemon holds until the connection ends. */
export interface OpenedPath {
  readonly path: string
  readonly key: string
  readonly size: number
  /** Resolves when the daemon says that the value was removed. */
  readonly removed: Promise<void>
  readonly close: () => void
}

/** The daemon refused; `code` is that of its problem. */
export class Refused extends Error {
  readonly code: string

  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`)
    this.code = code
  }
}

type Line = Readonly<Record<string, unknown>>

/** Asks for the path of a value, and holds it until `close`. Throws `Refused`. */
export async function openPath(daemon: Daemon, word: string): Promise<OpenedPath> {
  const response = await answer(daemon, `/v1/values/${encodeURIComponent(word)}/path`)
  const lines = createInterface({ input: response })[Symbol.asyncIterator]()
  const next = async (): Promise<Line | undefined> => {
    try {
      const line: IteratorResult<string, undefined> = await lines.next()
      return line.done === true ? undefined : (JSON.parse(line.value) as Line)
    } catch {
      return undefined
    }
  }
  for (;;) {
    const line = await next()
    if (line === undefined) throw new Error('the daemon ended before it answered')
    const problem = (line['problem'] ?? line) as {
      readonly code?: string
      readonly detail: string
    }
    if (problem.code !== undefined) throw new Refused(problem.code, problem.detail)
    if (line['event'] === 'progress') continue
    const { path, key, size } = line['result'] as OpenedPath
    return { path, key, size, removed: removal(next), close: () => void response.destroy() }
  }
}

/** Each has a connection of its own, as the end of the connection ends the hold. */
async function answer(daemon: Daemon, path: string): Promise<IncomingMessage> {
  const socketPath = stateDirectory(daemon.place.state).socket
  const headers = { host: 'localhost', 'content-type': 'application/json' }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { socketPath, path, method: 'POST', headers, agent: false }
    request(options, resolve).on('error', reject).end('{}')
  })
  return response.on('error', () => undefined)
}

async function removal(next: () => Promise<Line | undefined>): Promise<void> {
  for (;;) {
    const line = await next()
    // The connection ended: nothing more is heard of the value.
    if (line === undefined) return new Promise(() => undefined)
    if (line['event'] === 'removed') return
  }
}
