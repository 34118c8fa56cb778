/** A daemon with trees and TCP, and requests with tokens that a test makes. */
import { request } from 'node:http'
import type { ExecutionContext } from 'ava'
import type { Settings } from '../../../src/daemon/config/settings.ts'
import type { StatusAnswer, TokenAnswer } from '../../../src/daemon/api/api.ts'
import type { ServedNode } from '../../../src/node/node.ts'
import { answerTo, ask, type Answer } from '../serving.ts'
import { treeServing } from '../tree-serving.ts'

export interface Sent {
  readonly body?: string | Uint8Array
  readonly headers?: Record<string, string>
}

/** One request with a token. */
export type Call = (method: string, path: string, sent?: Sent) => Promise<Answer>

export interface TokenServing {
  readonly node: ServedNode
  readonly socket: string
  readonly port: number
  /** Makes a token over the socket. */
  readonly make: (terms: object) => Promise<TokenAnswer>
  /** Requests that carry this token. */
  readonly as: (token: string) => Call
}

export async function tokenServing(
  t: ExecutionContext,
  role: 'standalone' | 'global' = 'standalone',
  settings: Settings = {},
): Promise<TokenServing> {
  const { node, daemon } = await treeServing(t, { http: '127.0.0.1:0', ...settings }, role)
  const { socket } = daemon
  const status = await ask(socket, 'GET', '/v1/status')
  const { url } = (JSON.parse(status.body.toString()) as StatusAnswer).daemon.http!
  const port = Number(new URL(url).port)
  return {
    node,
    socket,
    port,
    make: async (terms) => {
      const answer = await ask(socket, 'POST', '/v1/tokens', { body: JSON.stringify(terms) })
      if (answer.status !== 201) throw new Error(answer.body.toString())
      return JSON.parse(answer.body.toString()) as TokenAnswer
    },
    as:
      (token) =>
      (method, path, { body, headers = {} } = {}) => {
        const authorization = `Bearer ${token}`
        const all = { authorization, ...headers }
        const sent = request({ port, host: '127.0.0.1', method, path, agent: false, headers: all })
        const answer = answerTo(sent)
        sent.end(body)
        return answer
      },
  }
}

export const jsonOf = <T = Record<string, unknown>>({ body }: Answer): T =>
  JSON.parse(body.toString()) as T

export const linesOf = <T = Record<string, unknown>>({ body }: Answer): T[] =>
  body
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
