/** Tags and rules through a daemon that is not what the client expects. */
import { test } from '../../serial.ts'
import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { Client } from '../../../src/daemon/client/client.ts'
import { Key } from '../../../src/hash/key.ts'
import { temporaryDirectory } from '../serving.ts'

const KEY = new Key(new Uint8Array(32).fill(1)).toString()

async function clientOf(t: ExecutionContext, listener: RequestListener): Promise<Client> {
  const path = join(temporaryDirectory(t), 'd.sock')
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const client = (await Client.connect(path))!
  t.teardown(() => client.close())
  return client
}

/** A daemon that gives this answer to every call. */
const answering =
  (status: number, answer: object): RequestListener =>
  (request, response) => {
    request.resume()
    const type = status < 400 ? 'application/json' : 'application/problem+json'
    response.writeHead(status, { 'Content-Type': type })
    response.end(`${JSON.stringify(answer)}\n`)
  }

test('R007-290 a daemon that binds a fixed name in place of a tag is incompatible', async (t) => {
  const bound = { name: 'now', key: KEY, size: 1, incarnation: 2, heldBytes: 1, confirmed: true }
  for (const answer of [bound, { ...bound, kind: 'fixed' }, { ...bound, kind: 'tag' }]) {
    const client = await clientOf(t, answering(200, answer))
    const error = await t.throwsAsync(client.tags.move('now', KEY), { code: 'incompatible' })
    t.is(error.message, 'the daemon has no tags: it bound now for good')
  }
})

test('R007-292 R007-293 a daemon of a version without tags and rules is incompatible', async (t) => {
  const problem = { code: 'usage', detail: 'no such path: /v1/somewhere', status: 404 }
  const client = await clientOf(t, answering(404, problem))
  const calls = [
    () => client.tags.history('now').next(),
    () => client.rules.set('cache/', { maxNames: 1 }),
    () => client.rules.list().next(),
    () => client.rules.remove('cache/'),
    () => client.rules.remove(undefined),
  ]
  for (const call of calls) {
    const error = await t.throwsAsync(call(), { code: 'incompatible' })
    t.regex((error as { hint?: string }).hint!, /dstore stop/)
  }
  const busy = await clientOf(t, answering(503, { code: 'busy', detail: 'busy', status: 503 }))
  await t.throwsAsync(busy.rules.remove('cache/'), { code: 'busy' })
  await t.throwsAsync(busy.tags.history('now').next(), { code: 'busy' })
})

test('R007-116 the move of a tag is not repeated, the binding of a fixed name is', async (t) => {
  const seen: string[] = []
  const client = await clientOf(t, (request, response) => {
    const { method, url } = request
    seen.push(`${method} ${url}`)
    if (seen.length === 1) {
      answering(200, {})(request, response)
      return
    }
    request.socket.destroy()
  })
  // The next call finds a connection that was in use, and may be lost.
  await client.status()
  await t.throwsAsync(client.tags.move('now', KEY), { code: 'unreachable' })
  t.deepEqual(seen.slice(1), ['PUT /v1/names/now'])
  await t.throwsAsync(client.bind('fixed', KEY), { code: 'unreachable' })
  t.deepEqual(seen.slice(2), ['PUT /v1/names/fixed', 'PUT /v1/names/fixed'])
})
