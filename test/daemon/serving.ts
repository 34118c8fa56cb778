/**
 * A daemon in this process for the length of one test, over a `FakeNode` and in a directory of its
 * own.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import type { ClientRequest, IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { TokenTable } from '../../src/daemon/config/tokens/token-table.ts'
import type { ServerContext } from '../../src/daemon/http/server.ts'
import { Sessions } from '../../src/daemon/http/session/sessions.ts'
import { DoorCounts } from '../../src/daemon/http/doors/door-counts.ts'
import { watched } from '../../src/daemon/http/statistics/watched.ts'
import { startDaemon } from '../../src/daemon/process/daemon.ts'
import type { Daemon } from '../../src/daemon/process/daemon.ts'
import { createLog } from '../../src/daemon/process/log.ts'
import type { Settings } from '../../src/daemon/config/settings.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import type { StateDirectory } from '../../src/daemon/config/state-directory.ts'
import { openDoors } from '../../src/doors/doors.ts'
import { FakeNode } from './fake-node.ts'

export interface Serving {
  readonly daemon: Daemon
  readonly node: FakeNode
  readonly directory: StateDirectory
  /** What was logged, a line each. */
  readonly logged: string[]
}

export function temporaryDirectory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'dstore-test-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** What a server of the API alone reaches, without a daemon and without tokens. */
export const contextOf = (node: FakeNode, socket = ''): ServerContext => {
  const described = { node, directory: '', socket, doorRoots: [], http: () => undefined }
  return {
    ...described,
    ...watched(described, []),
    openHttp: () => Promise.reject(new Error('no TCP here')),
    tokens: new TokenTable(''),
    sessions: new Sessions({ now: Date.now, randomBytes, isToken: () => true }),
    doors: [],
    doorCounts: new DoorCounts(),
    stop: () => undefined,
  }
}

export async function serving(
  t: ExecutionContext,
  settings: Settings = {},
  directory: StateDirectory = stateDirectory(temporaryDirectory(t)),
): Promise<Serving> {
  const node = new FakeNode()
  const logged: string[] = []
  const daemon = await startDaemon({
    directory,
    settings,
    log: createLog('debug', (line) => logged.push(line)),
    openNode: () => Promise.resolve(node),
    openDoors,
  })
  t.teardown(() => daemon.close())
  return { daemon, node, directory, logged }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly trailers: NodeJS.Dict<string>
  readonly body: Buffer
  /** Did the answer arrive whole? */
  readonly whole: boolean
}

/** One request over the socket, as any HTTP client would send it. */
export function ask(
  socketPath: string,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: string | Uint8Array } = {},
): Promise<Answer> {
  const sent = request({ socketPath, method, path, headers: { host: 'localhost', ...headers } })
  const answer = answerTo(sent)
  sent.end(body)
  return answer
}

/** What comes back, to its end. */
export function answerTo(sent: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    sent.on('error', reject)
    sent.on('response', (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', () => undefined)
      response.on('close', () =>
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          trailers: response.trailers,
          body: Buffer.concat(parts),
          whole: response.complete,
        }),
      )
    })
  })
}
