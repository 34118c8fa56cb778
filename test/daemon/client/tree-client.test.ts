/** Trees through a daemon that is not what the client expects. */
import { test } from '../../serial.ts'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { Client } from '../../../src/daemon/client/client.ts'
import { temporaryDirectory } from '../serving.ts'

/** A client of a daemon that gives this answer to every call. */
async function clientOf(t: ExecutionContext, status: number, answer: object): Promise<Client> {
  const path = join(temporaryDirectory(t), 'd.sock')
  const server = createServer((request, response) => {
    request.resume()
    const type = status < 400 ? 'application/json' : 'application/problem+json'
    response.writeHead(status, { 'Content-Type': type })
    response.end(`${JSON.stringify(answer)}\n`)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => server.close())
  const client = (await Client.connect(path))!
  t.teardown(() => client.close())
  return client
}

test('R007-215 a daemon of a version without directories is incompatible', async (t) => {
  const problem = { code: 'usage', detail: 'no such path: /v1/holds', status: 404 }
  const client = await clientOf(t, 404, problem)
  const error = await t.throwsAsync(client.trees.openHold(), { code: 'incompatible' })
  t.regex((error as { hint?: string }).hint!, /dstore stop/)
})

test('R007-215 other failures stay what they are', async (t) => {
  const client = await clientOf(t, 503, { code: 'busy', detail: 'busy', status: 503 })
  await t.throwsAsync(client.trees.openHold(), { code: 'busy' })
})
