/** The API over TCP, as any HTTP client would use it. */
import { request } from 'node:http'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { ExecutionContext } from 'ava'
import type { StatusAnswer } from '../../../src/daemon/api/api.ts'
import type { Settings } from '../../../src/daemon/config/settings.ts'
import { answerTo, ask, serving } from '../serving.ts'
import type { Answer, Serving } from '../serving.ts'

export interface ServingTcp extends Serving {
  readonly port: number
  readonly token: string
  /** One request; without a token where none is given. */
  readonly call: (method: string, path: string, sent?: Sent) => Promise<Answer>
  readonly status: () => Promise<StatusAnswer>
  /** A connection that a test writes to as it likes. */
  readonly connect: () => Promise<Socket>
}

interface Sent {
  readonly token?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array
}

/** A daemon that serves over TCP, too, on a free port of this machine. */
export async function servingTcp(
  t: ExecutionContext,
  settings: Settings = {},
): Promise<ServingTcp> {
  const all = await serving(t, { http: '127.0.0.1:0', ...settings })
  const { daemon, directory } = all
  const status = async (): Promise<StatusAnswer> => {
    const { body } = await ask(daemon.socket, 'GET', '/v1/status')
    return JSON.parse(body.toString()) as StatusAnswer
  }
  const port = Number(new URL((await status()).daemon.http!.url).port)
  return {
    ...all,
    port,
    token: readFileSync(directory.token, 'utf8').trim(),
    status,
    call: (method, path, { token, headers = {}, body } = {}) => {
      const authorization: Record<string, string> =
        token === undefined ? {} : { authorization: `Bearer ${token}` }
      const sent = request({
        port,
        host: '127.0.0.1',
        method,
        path,
        agent: false,
        headers: { ...authorization, ...headers },
      })
      const answer = answerTo(sent)
      sent.end(body)
      return answer
    },
    connect: async () => {
      const socket = connect(port, '127.0.0.1')
      t.teardown(() => socket.destroy())
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      return socket
    },
  }
}
