/** Calls about trees, as any program makes them over a daemon's socket. */
import type { ExecutionContext } from 'ava'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import { ask, type Answer } from '../daemon/serving.ts'
import type { Daemon } from './nodes.ts'

/** One call of the API of a node, as any program makes it. */
export function call(
  node: Daemon,
  method: string,
  path: string,
  body?: string | Buffer,
): Promise<Answer> {
  const headers: Record<string, string> = {}
  if (typeof body === 'string') headers['Content-Type'] = 'application/json'
  const options = body === undefined ? {} : { body, headers }
  return ask(stateDirectory(node.place.state).socket, method, path, options)
}

export async function openHold(t: ExecutionContext, node: Daemon): Promise<string> {
  const { status, body } = await call(node, 'POST', '/v1/holds')
  t.is(status, 201, body.toString())
  return (JSON.parse(body.toString()) as { hold: string }).hold
}

/** What a call refused with: its status and the code of the problem. */
export const refusal = ({ status, body }: Answer): string => {
  const line = body.toString().trim().split('\n').at(-1) ?? ''
  const { code } = (line.startsWith('{') ? JSON.parse(line) : {}) as { code?: string }
  return `${status} ${code}`
}

/** Asks for the edges of a directory whose value is stored. */
export const makeDirectory = (node: Daemon, hold: string, key: string): Promise<Answer> =>
  call(node, 'POST', `/v1/holds/${hold}/directories`, JSON.stringify({ keys: [key] }))
