/** Who may do what at a door: roles, prefixes, hosts, and what is counted of it. */
import { test } from '../serial.ts'
import { once as event } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import type { ExecutionContext } from 'ava'
import type { StatusAnswer, TokenAnswer } from '../../src/daemon/api/api.ts'
import type { Settings } from '../../src/daemon/config/settings.ts'
import { once } from '../../src/bytes.ts'
import { answerTo, ask, type Answer } from '../daemon/serving.ts'
import { treeServing } from '../daemon/tree-serving.ts'
import { putTree } from '../node/put-tree.ts'

interface Sent {
  readonly authorization?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

interface DoorServing {
  readonly socket: string
  readonly port: string
  readonly call: (method: string, path: string, sent?: Sent) => Promise<Answer>
  /** The header for a new token. */
  readonly bearer: (terms: object) => Promise<string>
}

async function doorServing(t: ExecutionContext, more: Settings = {}): Promise<DoorServing> {
  const settings = { http: '127.0.0.1:0', doors: ['cache', 'dav'], ...more }
  const { node, daemon } = await treeServing(t, settings)
  const { socket } = daemon
  for (const name of ['mine/a', 'other/b', 'cache/space/c']) {
    await node.put({ bytes: once(Buffer.from(name)) }, { name, naming: { kind: 'tag' } })
  }
  const deep = { deep: { f: Buffer.from('in a tree') }, link: 'deep/f' }
  await putTree(node, deep, 'mine/tree')
  const status = JSON.parse(
    (await ask(socket, 'GET', '/v1/status')).body.toString(),
  ) as StatusAnswer
  const { port } = new URL(status.daemon.http!.url)
  return {
    socket,
    port,
    call: (method, path, { authorization, headers = {}, body } = {}) => {
      const all = { ...(authorization !== undefined && { authorization }), ...headers }
      const to = { host: '127.0.0.1', port, agent: false }
      const sent = request({ ...to, method, path, headers: all })
      const answer = answerTo(sent)
      sent.end(body)
      return answer
    },
    bearer: async (terms) => {
      const made = await ask(socket, 'POST', '/v1/tokens', { body: JSON.stringify(terms) })
      return `Bearer ${(JSON.parse(made.body.toString()) as TokenAnswer).token}`
    },
  }
}

const codeOf = ({ body }: Answer): unknown => (JSON.parse(body.toString()) as { code: string }).code

test('R010-2 R010-3 R010-39 a door asks for a token, and for its role', async (t) => {
  const { call, bearer } = await doorServing(t)
  const [reader, writer] = [
    await bearer({ role: 'reader', label: 'r' }),
    await bearer({ role: 'writer', label: 'w' }),
  ]
  for (const authorization of [undefined, 'Bearer wrong', 'Basic eDp5']) {
    const sent = authorization === undefined ? {} : { authorization }
    for (const path of ['/dav/', '/dav/none', '/cache/space/c', '/dav/%']) {
      const answer = await call('GET', path, sent)
      t.is(answer.status, 401, path)
      const challenge = String(answer.headers['www-authenticate'])
      t.is(/Basic /.test(challenge), authorization !== 'Bearer wrong', challenge)
      t.regex(challenge, /^Bearer /)
    }
  }
  const password = Buffer.from(`any:${reader.slice('Bearer '.length)}`).toString('base64')
  for (const authorization of [reader, writer, `Basic ${password}`]) {
    t.is((await call('GET', '/dav/mine/a', { authorization })).body.toString(), 'mine/a')
    t.is((await call('GET', '/cache/space/c', { authorization })).status, 200)
  }
  const refused = await call('PUT', '/cache/space/new', { authorization: reader, body: 'x' })
  t.is(refused.status, 403)
  // Turborepo prints what it finds in `error`.
  const turbo = await call('PUT', '/turbo/v8/artifacts/a', { authorization: reader, body: 'x' })
  const { status, code, error } = JSON.parse(turbo.body.toString()) as Record<string, unknown>
  t.deepEqual([turbo.status, status, code], [403, 403, 'not-permitted'])
  t.deepEqual(error, { code, message: 'this needs the role writer, not reader' })
  t.is(refused.headers['content-type'], 'application/problem+json')
  t.is(codeOf(refused), 'not-permitted')
  const put = await call('PUT', '/cache/space/new', { authorization: writer, body: 'x' })
  t.is(put.status, 201)
  t.is((await call('PUT', '/dav/mine/a', { authorization: writer, body: 'x' })).status, 405)
})

test('R010-2 the challenges have a line each, as browsers read them', async (t) => {
  const { port } = await doorServing(t)
  const sent = request({ host: '127.0.0.1', port, path: '/dav/', agent: false }).end()
  const [response] = (await event(sent, 'response')) as [IncomingMessage]
  response.resume()
  t.deepEqual(response.headersDistinct['www-authenticate'], [
    'Bearer realm="dstore"',
    'Basic realm="dstore", charset="UTF-8"',
  ])
})

test('R010-3 a token with a prefix sees through a door what is below it', async (t) => {
  const { call, bearer } = await doorServing(t)
  const authorization = await bearer({ role: 'reader', label: 'm', prefix: 'mine/' })
  const page = await call('GET', '/dav/', { authorization })
  t.deepEqual(
    [...page.body.toString().matchAll(/href="([^"]+)"/g)].map(([, link]) => link),
    ['mine/'],
  )
  t.is((await call('GET', '/dav/mine/a', { authorization })).body.toString(), 'mine/a')
  for (const path of ['/dav/mine/tree/deep/f', '/dav/mine/tree/link']) {
    t.is((await call('GET', path, { authorization })).body.toString(), 'in a tree')
    t.is((await call('HEAD', path, { authorization })).headers['content-length'], '9')
  }
  const headers = { depth: '1' }
  const found = await call('PROPFIND', '/dav/mine/tree/deep', { authorization, headers })
  t.regex(found.body.toString(), /<D:href>\/dav\/mine\/tree\/deep\/f</)
  for (const path of ['/dav/other/b', '/dav/other/none', '/cache/space/c']) {
    const answer = await call('GET', path, { authorization })
    t.true([403, 404].includes(answer.status), `${path}: ${answer.status}`)
    t.false(answer.body.toString().includes('cache/space/c\n'))
  }
  const other = await call('GET', '/dav/other/b', { authorization })
  const none = await call('GET', '/dav/other/none', { authorization })
  t.is(other.status, none.status)
})

test('R010-4 what a reader may do needs no token where reads are public', async (t) => {
  const { call } = await doorServing(t, { httpPublic: true })
  t.is((await call('GET', '/dav/mine/a')).status, 200)
  t.is((await call('HEAD', '/dav/mine/a')).status, 200)
  t.is((await call('OPTIONS', '/dav/')).status, 200)
  t.is((await call('PROPFIND', '/dav/', { headers: { depth: '1' } })).status, 207)
  t.is((await call('GET', '/cache/space/c')).status, 200)
  for (const method of ['PUT', 'DELETE']) {
    t.is((await call(method, '/cache/space/c')).status, 401, method)
  }
  t.is((await call('GET', '/hf/x')).status, 401)
  t.is((await call('GET', '/v1/status')).status, 401)
})

test('R010-2 a host that is not served is refused before a door sees the request', async (t) => {
  const { call, bearer, socket } = await doorServing(t)
  const authorization = await bearer({ role: 'reader', label: 'r' })
  const headers = { host: 'attacker.example' }
  t.is((await call('GET', '/dav/mine/a', { authorization, headers })).status, 421)
  t.is((await ask(socket, 'GET', '/dav/mine/a', { headers })).status, 421)
})

test('R010-6 requests are counted by door, method and status', async (t) => {
  const { call, bearer, socket } = await doorServing(t)
  const authorization = await bearer({ role: 'reader', label: 'r' })
  await call('GET', '/dav/mine/a', { authorization })
  await call('GET', '/dav/mine/a', { authorization })
  await call('GET', '/dav/none', { authorization })
  await call('PROPFIND', '/dav/', { authorization, headers: { depth: '1' } })
  await call('PUT', '/cache/space/new', { authorization, body: 'x' })
  const { body } = await ask(socket, 'GET', '/metrics')
  const lines = body.toString().split('\n')
  const counted = lines.filter((line) => line.startsWith('dstore_door_requests_total{'))
  t.deepEqual(counted.toSorted(), [
    'dstore_door_requests_total{door="/cache",method="PUT",status="403"} 1',
    'dstore_door_requests_total{door="/dav",method="GET",status="200"} 2',
    'dstore_door_requests_total{door="/dav",method="GET",status="404"} 1',
    'dstore_door_requests_total{door="/dav",method="PROPFIND",status="207"} 1',
  ])
})
