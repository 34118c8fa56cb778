import { once } from 'node:events'
import type { ExecutionContext } from 'ava'
import { test } from '../../../serial.ts'
import { PAGE_LOOK_MS } from '../../../../src/limits.ts'
import type { CodeAnswer, SessionAnswer, WhoAnswer } from '../../../../src/daemon/api/api.ts'
import { pageAddress } from '../../../../src/daemon/http/session/page-address.ts'
import { callsOf } from '../../../../src/daemon/http/tokens/route-access.ts'
import type { MemberRole } from '../../../../src/membership/role.ts'
import { ROUTES } from '../../../../src/daemon/http/routes.ts'
import { eventually } from '../../../eventually.ts'
import { ask, serving, type Answer } from '../../serving.ts'
import { servingTcp, type ServingTcp } from '../tcp.ts'
import { jsonOf } from '../tokens.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** A code that a client on the socket makes. */
async function codeOf({ daemon }: Pick<ServingTcp, 'daemon'>, body = '{}'): Promise<string> {
  const answer = await ask(daemon.socket, 'POST', '/v1/session/codes', { body })
  return jsonOf<CodeAnswer>(answer).code
}

const trade = ({ call }: ServingTcp, code: string, headers = {}): Promise<Answer> =>
  call('POST', '/v1/session', {
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify({ code }),
  })

async function openSession(all: ServingTcp, role?: string): Promise<string> {
  const code = await codeOf(all, JSON.stringify(role === undefined ? {} : { role }))
  return jsonOf<SessionAnswer>(await trade(all, code)).token
}

async function makeToken({ daemon }: ServingTcp, terms: object): Promise<string> {
  const body = JSON.stringify(terms)
  const answer = await ask(daemon.socket, 'POST', '/v1/tokens', { body })
  return jsonOf<{ token: string }>(answer).token
}

test('R013-1 a client on the socket opens the API over TCP, once, on loopback', async (t) => {
  const { daemon } = await serving(t)
  const open = (body = '{}') => ask(daemon.socket, 'POST', '/v1/http', { body })
  const answers = await Promise.all([open(), open(), open('{"port":0}')])
  const addresses = answers.map((answer) => jsonOf<{ address: string }>(answer).address)
  t.regex(addresses[0]!, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.is(new Set(addresses).size, 1)
  t.is((await fetch(`${addresses[0]}/v1/status`)).status, 401)
  t.is(jsonOf<{ address: string }>(await open('{"port":1}')).address, addresses[0]!)
  const status = jsonOf<{ daemon: object }>(await ask(daemon.socket, 'GET', '/v1/status'))
  t.like(status.daemon, { http: { url: addresses[0], public: false } })
})

test('R013-1 a port that is taken is an error, and another can be asked for', async (t) => {
  const other = await servingTcp(t)
  const { daemon } = await serving(t)
  const open = (body: string) => ask(daemon.socket, 'POST', '/v1/http', { body })
  const refused = await open(`{"port":${other.port}}`)
  t.is(jsonOf(refused)['code'], 'address-in-use')
  for (const body of [
    '{"port":"1"}',
    '{"port":-1}',
    '{"port":65536}',
    '{"host":"0.0.0.0"}',
    '[]',
  ]) {
    t.is((await open(body)).status, 400, body)
  }
  t.is((await open('{}')).status, 200)
})

test('R013-1 over TCP nobody opens it, and a daemon that closes ends it', async (t) => {
  const all = await servingTcp(t)
  const refused = await all.call('POST', '/v1/http', { token: all.token, body: '{}' })
  t.is(refused.status, 403)
  await all.daemon.close()
  await t.throwsAsync(all.call('GET', '/v1/status', { token: all.token }))
})

test('R013-2 the address is one that a browser opens', (t) => {
  t.is(pageAddress('http://0.0.0.0:80', []), 'http://127.0.0.1')
  t.is(pageAddress('http://0.0.0.0:8080', ['a.example']), 'http://127.0.0.1:8080')
  t.is(pageAddress('http://[::]:8080', []), 'http://[::1]:8080')
  t.is(pageAddress('https://0.0.0.0:8443', ['a.example', 'b']), 'https://a.example:8443')
  t.is(pageAddress('https://0.0.0.0:8443', []), 'https://127.0.0.1:8443')
})

test('R013-3 a code becomes a session, which does what its role may', async (t) => {
  const all = await servingTcp(t)
  const made = await ask(all.daemon.socket, 'POST', '/v1/session/codes', { body: '{}' })
  t.is(made.status, 201)
  t.is(made.headers['cache-control'], 'no-store')
  const { code, expiresAt } = jsonOf<CodeAnswer>(made)
  t.true(Date.parse(expiresAt) > Date.now())
  const opened = await trade(all, code)
  t.is(opened.status, 201)
  t.is(opened.headers['cache-control'], 'no-store')
  const { token, ...who } = jsonOf<SessionAnswer>(opened)
  t.is(who.role, 'admin')
  t.deepEqual(who, jsonOf<WhoAnswer>(await all.call('GET', '/v1/session', { token })))
  t.is((await all.call('GET', '/v1/status', { token })).status, 200)
  t.is((await all.call('POST', '/v1/values', { token, body: 'hello' })).status, 201)
  t.is((await all.call('POST', '/v1/session/codes', { token, body: '{}' })).status, 403)
})

test('R013-3 a token makes sessions of its own rights or fewer', async (t) => {
  const all = await servingTcp(t)
  const token = await makeToken(all, { role: 'writer', prefix: 'ci/', label: 'ci' })
  const ask = (body: string) => all.call('POST', '/v1/session/codes', { token, body })
  for (const body of ['{"role":"admin"}']) t.is((await ask(body)).status, 403, body)
  for (const body of ['{"role":"king"}', '{"role":1}', '{"prefix":"a/"}', '{"prefix":""}', '[]']) {
    t.is((await ask(body)).status, 400, body)
  }
  const opened = jsonOf<SessionAnswer>(await trade(all, jsonOf<CodeAnswer>(await ask('{}')).code))
  t.like(opened, { role: 'writer', prefix: 'ci/' })
  const session = opened.token
  t.is((await all.call('GET', '/v1/status', { token: session })).status, 403)
  t.is((await all.call('PUT', '/v1/values?name=other', { token: session, body: 'a' })).status, 403)
  t.is((await all.call('PUT', '/v1/values?name=ci%2Fa', { token: session, body: 'a' })).status, 201)
  const reader = await openSession(all, 'reader')
  t.is((await all.call('POST', '/v1/values', { token: reader, body: 'a' })).status, 403)
})

test('R013-5 of many that trade one code at once, one has a session', async (t) => {
  const all = await servingTcp(t)
  const code = await codeOf(all)
  const answers = await Promise.all(Array.from({ length: 20 }, () => trade(all, code)))
  const won = answers.filter(({ status }) => status === 201)
  const lost = answers.filter(({ status }) => status === 401)
  t.is(won.length, 1)
  t.is(lost.length, 19)
  const wrong = await trade(all, 'dstore_code_0')
  const texts = new Set([...lost, wrong].map(({ body }) => body.toString()))
  t.is(texts.size, 1, 'a used code and a wrong one are refused alike')
  t.is(jsonOf(wrong)['code'], 'not-permitted')
})

test('R013-5 a trade needs JSON, and a page of this origin', async (t) => {
  const all = await servingTcp(t)
  const { port } = all
  const code = await codeOf(all)
  const body = JSON.stringify({ code })
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
  ]
  for (const type of [...types, 'application/jsonp', '']) {
    const headers = type === '' ? {} : { 'content-type': type }
    t.is((await all.call('POST', '/v1/session', { headers, body })).status, 415, type)
  }
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://localhost:${port}` },
    { origin: `http://127.0.0.1:${port + 1}` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: `http://127.0.0.1:${port}` },
  ]
  for (const headers of foreign) {
    t.is((await trade(all, code, headers)).status, 403, JSON.stringify(headers))
  }
  const own = { origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' }
  t.is((await trade(all, code, own)).status, 201, 'none of them has used it')
})

test('R013-5 a trade ignores a token, and refuses what is no code', async (t) => {
  const all = await servingTcp(t)
  const send = (body: string, token?: string) =>
    all.call('POST', '/v1/session', { headers: JSON_TYPE, body, ...(token && { token }) })
  for (const body of ['{}', '{"code":1}', '{"code":"a","role":"admin"}', '[]', '"a"', 'x']) {
    t.is((await send(body)).status, 400, body)
  }
  t.is((await send(JSON.stringify({ code: 'a'.repeat(2000) }))).status, 413)
  t.is((await send(JSON.stringify({ code: all.token }))).status, 401)
  t.is((await send(JSON.stringify({ code: await codeOf(all) }), 'wrong')).status, 201)
})

test('R013-6 a session ends by its own call', async (t) => {
  const all = await servingTcp(t)
  const token = await openSession(all)
  const other = await openSession(all)
  t.is((await all.call('DELETE', '/v1/session', { token })).status, 204)
  t.is((await all.call('GET', '/v1/session', { token })).status, 401)
  t.is((await all.call('GET', '/v1/session', { token: other })).status, 200)
  t.is((await all.call('DELETE', '/v1/session', { token: all.token })).status, 404)
})

/** A stream of changes with this token, and whether it has ended. */
async function watching(t: ExecutionContext, all: ServingTcp, token: string) {
  const socket = await all.connect()
  const head = `Host: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n`
  socket.write(`GET /v1/changes HTTP/1.1\r\n${head}\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  t.regex(answer.toString(), /^HTTP\/1\.1 200/)
  socket.resume()
  const state = { isOver: false }
  socket.once('close', () => (state.isOver = true))
  return state
}

test('R013-6 R013-7 R007-320 with a token its sessions end, and the streams of all of them', async (t) => {
  const all = await servingTcp(t)
  const token = await makeToken(all, { role: 'admin', label: 'ci' })
  const made = await all.call('POST', '/v1/session/codes', { token, body: '{}' })
  const session = jsonOf<SessionAnswer>(await trade(all, jsonOf<CodeAnswer>(made).code)).token
  const ofToken = await watching(t, all, token)
  const ofSession = await watching(t, all, session)
  const own = await openSession(all)
  const ofOther = await watching(t, all, own)
  const begin = performance.now()
  t.is((await all.call('DELETE', '/v1/tokens/ci', { token })).status, 200)
  t.is((await all.call('GET', '/v1/session', { token: session })).status, 401)
  await eventually(() => ofToken.isOver && ofSession.isOver)
  t.true(performance.now() - begin < 10 * PAGE_LOOK_MS)
  t.false(ofOther.isOver)
  t.is((await all.call('DELETE', '/v1/session', { token: own })).status, 204)
  await eventually(() => ofOther.isOver)
})

test('R013-6 sessions do not outlive the daemon', async (t) => {
  const all = await servingTcp(t)
  const token = await openSession(all)
  await all.daemon.close()
  const again = await serving(t, { http: `127.0.0.1:${all.port}` }, all.directory)
  t.truthy(again)
  t.is((await all.call('GET', '/v1/session', { token })).status, 401)
})

test('R013-8 a page of another origin does nothing with a token of a session', async (t) => {
  const all = await servingTcp(t)
  const token = await openSession(all)
  const get = (headers: Record<string, string>) => all.call('GET', '/v1/status', { token, headers })
  t.is((await get({ origin: 'https://evil.example' })).status, 403)
  t.is((await get({ 'sec-fetch-site': 'cross-site' })).status, 403)
  t.is((await get({ 'sec-fetch-site': 'same-origin' })).status, 200)
})

test('R013-9 each call is listed for those that may make it, and for no others', async (t) => {
  const all = await servingTcp(t)
  const every = ROUTES.flatMap(({ path, methods }) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  )
  const onSocket = jsonOf<WhoAnswer>(await ask(all.daemon.socket, 'GET', '/v1/session'))
  t.deepEqual(onSocket.calls.toSorted(), every.toSorted())
  t.like(onSocket, { label: 'socket', role: 'admin' })
  const tokens = {
    admin: all.token,
    session: await openSession(all),
    reader: await openSession(all, 'reader'),
    confined: await makeToken(all, { role: 'writer', prefix: 'ci/' }),
  }
  for (const [name, token] of Object.entries(tokens)) {
    const { calls } = jsonOf<WhoAnswer>(await all.call('GET', '/v1/session', { token }))
    t.true(calls.length > 5)
    for (const call of every) {
      const [method, path] = call.split(' ') as [string, string]
      if (['POST /v1/stop', 'DELETE /v1/session', 'POST /v1/set/step-down'].includes(call)) continue
      const target = path.replace('{key}', '0'.repeat(64)).replaceAll(/\{\w+\}/g, 'ci%2Fx')
      const hasBody = method === 'POST' || method === 'PUT'
      const sent = { token, ...(hasBody && { headers: JSON_TYPE, body: '{}' }) }
      const isStream = path === '/v1/changes' || path === '/v1/events'
      if (isStream) continue
      const answer = await all.call(method, target, sent)
      const text = answer.body.toString()
      // Others are refused for what they name, not for who asks.
      const isRefused =
        answer.status === 403 &&
        (method === 'HEAD' ||
          /this needs the role|this call is not|only a client on|files are used only|no other sessions|means nothing on another machine/.test(
            text,
          ))
      t.is(isRefused, !calls.includes(call), `${name}: ${call} ${answer.status} ${text}`)
    }
  }
})

test('R013-10 R013-11 no code and no token is logged, and trades add no line each', async (t) => {
  const all = await servingTcp(t)
  const code = await codeOf(all)
  const token = jsonOf<SessionAnswer>(await trade(all, code)).token
  await all.call('GET', `/v1/names/${token}`, { token })
  await all.call('GET', `/ui/${code}?code=${code}`)
  await all.call('GET', `/v1/session/${code}`)
  const before = all.logged.filter((line) => !line.includes('debug')).length
  for (let i = 0; i < 50; i++) await trade(all, `${code}${i}`)
  const lines = all.logged.filter((line) => !line.includes('debug'))
  t.true(lines.length - before <= 1, lines.slice(before).join('\n'))
  const log = all.logged.join('\n')
  t.false(log.includes(code.slice(12)))
  t.false(log.includes(token.slice(15)))
  t.true((await all.status()).daemon.http!.refused >= 50)
  t.true(log.includes('session:socket'))
})

test('R013-9 at a Local, calls are also not those that Global refuses for the role of the node', (t) => {
  const caller = { label: 'a', role: 'admin' } as const
  const at = (role?: MemberRole): string[] => callsOf(caller, true, role)
  t.deepEqual(at('admin'), at())
  const hidden = (role: MemberRole): string[] => at().filter((call) => !at(role).includes(call))
  t.true(hidden('writer').includes('DELETE /v1/values/{key}'))
  t.true(hidden('writer').includes('GET /v1/members'))
  t.false(hidden('writer').includes('PUT /v1/values'))
  t.true(hidden('reader').includes('PUT /v1/values'))
  t.true(hidden('reader').includes('POST /v1/trees'))
  // What this machine decides by itself.
  for (const call of ['PUT /v1/pins/{word}', 'POST /v1/values/{key}/evict', 'POST /v1/tokens']) {
    t.false(hidden('reader').includes(call), call)
  }
  // Of two roles the lesser one counts.
  t.false(callsOf({ label: 'b', role: 'reader' }, true, 'admin').includes('PUT /v1/values'))
})
