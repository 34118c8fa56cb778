/** What a page of another origin, another user of the machine, or a stranger sends. */
import { once } from 'node:events'
import { test } from '../../../serial.ts'
import { HTTP_HEADER_BYTES } from '../../../../src/limits.ts'
import type { CodeAnswer, SessionAnswer, WhoAnswer } from '../../../../src/daemon/api/api.ts'
import { ask } from '../../serving.ts'
import { servingTcp, type ServingTcp } from '../tcp.ts'
import { jsonOf } from '../tokens.ts'

/** Sends these bytes, and returns what comes until the connection ends or is silent. */
async function raw({ connect }: ServingTcp, bytes: string, answers = 1): Promise<string> {
  const socket = await connect()
  socket.setEncoding('latin1')
  let text = ''
  socket.on('data', (part: string) => {
    text += part
    if (text.split('HTTP/1.1 ').length > answers) socket.end()
  })
  socket.write(bytes, 'latin1')
  await once(socket, 'close')
  return text
}

const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n\r\n`
const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])

async function codeOf({ daemon }: ServingTcp, body = '{}'): Promise<string> {
  const answer = await ask(daemon.socket, 'POST', '/v1/session/codes', { body })
  return jsonOf<CodeAnswer>(answer).code
}

const tradeOf = (host: string, code: string, ...more: string[]): string => {
  const body = JSON.stringify({ code })
  const head = lines(
    'POST /v1/session HTTP/1.1',
    `Host: ${host}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...more,
  )
  return head + body
}

test('R013-70 a page that rebinds its name to this machine gets neither the page nor a session', async (t) => {
  const all = await servingTcp(t)
  const code = await codeOf(all)
  for (const host of ['evil.example', `evil.example:${all.port}`, 'localhost.evil.example', '']) {
    t.is(statusOf(await raw(all, tradeOf(host, code))), 421, host)
    const get = await raw(all, lines('GET /ui/ HTTP/1.1', `Host: ${host}`))
    t.is(statusOf(get), 421, host)
    t.false(get.includes('<html'))
  }
  const several = tradeOf('127.0.0.1', code, 'Host: evil.example')
  t.is(statusOf(await raw(all, several)), 400)
  const absolute = tradeOf('127.0.0.1', code).replace('/v1', 'http://evil.example/v1')
  t.is(statusOf(await raw(all, absolute)), 421)
  t.is(statusOf(await raw(all, tradeOf('127.0.0.1', code))), 201, 'none of them has used it')
})

test('R013-71 a request that a page may send without asking opens no session, and no answer invites one', async (t) => {
  const all = await servingTcp(t)
  const code = await codeOf(all)
  const body = JSON.stringify({ code })
  const simple = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']
  for (const type of [...simple, 'text/plain; charset=application/json']) {
    const head = lines(
      'POST /v1/session HTTP/1.1',
      'Host: 127.0.0.1',
      `Content-Type: ${type}`,
      `Content-Length: ${body.length}`,
    )
    t.is(statusOf(await raw(all, head + body)), 415, type)
  }
  const asked = await raw(
    all,
    lines(
      'OPTIONS /v1/session HTTP/1.1',
      'Host: 127.0.0.1',
      'Origin: https://evil.example',
      'Access-Control-Request-Method: POST',
      'Access-Control-Request-Headers: content-type',
    ),
  )
  t.is(statusOf(asked), 401)
  t.notRegex(asked, /access-control/i)
  const foreign = await raw(all, tradeOf('127.0.0.1', code, 'Origin: https://evil.example'))
  t.is(statusOf(foreign), 403)
  t.notRegex(foreign, /access-control/i)
  t.is(statusOf(await raw(all, tradeOf('127.0.0.1', code))), 201)
})

test('R013-71 a remembered password makes no code for a page of another origin', async (t) => {
  const all = await servingTcp(t)
  const password = Buffer.from(`x:${all.token}`).toString('base64')
  const request = lines(
    'POST /v1/session/codes HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Basic ${password}`,
    'Origin: https://evil.example',
    'Content-Type: text/plain',
    'Content-Length: 2',
  )
  t.is(statusOf(await raw(all, `${request}{}`)), 403)
})

test('R013-72 no page frames this one, and its answers name their type', async (t) => {
  const all = await servingTcp(t)
  for (const path of ['/ui', '/ui/', '/ui/none', '/ui/..%2f']) {
    const answer = await raw(all, lines(`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1'))
    t.regex(answer, /X-Content-Type-Options: nosniff/i)
    if (path.includes('%2f')) continue
    t.regex(answer, /X-Frame-Options: DENY/i, path)
    t.regex(answer, /frame-ancestors 'none'/i, path)
  }
})

test('R013-73 trades on one connection, one after another at once, open one session', async (t) => {
  const all = await servingTcp(t)
  const code = await codeOf(all)
  const text = await raw(all, tradeOf('127.0.0.1', code).repeat(10), 10)
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
  t.deepEqual(statuses, ['201', ...Array<string>(9).fill('401')])
})

test('R013-73 a trade that breaks off leaves its code as it was', async (t) => {
  const all = await servingTcp(t)
  const code = await codeOf(all)
  const socket = await all.connect()
  socket.write(tradeOf('127.0.0.1', code).slice(0, -1))
  socket.resume().end()
  await once(socket, 'close')
  t.is(statusOf(await raw(all, tradeOf('127.0.0.1', code))), 201)
})

test('R013-74 paths below /ui lead nowhere else', async (t) => {
  const all = await servingTcp(t)
  const paths = [
    '/ui/../v1/status',
    '/ui/../../../../../../etc/passwd',
    '/ui/..%2f..%2fetc/passwd',
    '/ui/%2e%2e/%2e%2e/package.json',
    '/ui/....//....//etc/passwd',
    '/ui//etc/passwd',
    '/ui/\\..\\..\\etc\\passwd',
    '/ui/vendor/%00',
    '/ui/vendor/uplot.js/',
    '/ui/index.html/..',
    '/ui/%c0%ae%c0%ae/',
    '/ui;/index.html',
    '/UI/',
    '//ui/',
  ]
  for (const path of paths) {
    const answer = await raw(all, lines(`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1'))
    t.true([400, 401, 404].includes(statusOf(answer)), `${path}: ${answer}`)
    t.notRegex(answer, /root:|@dstore|<html/)
  }
  const far = `/ui/${'a/'.repeat(4000)}`
  t.is(statusOf(await raw(all, lines(`GET ${far} HTTP/1.1`, 'Host: 127.0.0.1'))), 404)
})

test('R013-74 huge headers, bodies and strange methods at the open paths are refused', async (t) => {
  const all = await servingTcp(t)
  const huge = lines('GET /ui/ HTTP/1.1', 'Host: 127.0.0.1', `A: ${'a'.repeat(HTTP_HEADER_BYTES)}`)
  t.is(statusOf(await raw(all, huge)), 431)
  const long = lines(
    'POST /v1/session HTTP/1.1',
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    'Content-Length: 1000000000',
  )
  t.is(statusOf(await raw(all, long)), 413)
  const chunks = lines(
    'POST /v1/session HTTP/1.1',
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    'Transfer-Encoding: chunked',
  )
  t.is(statusOf(await raw(all, `${chunks}800\r\n${' '.repeat(0x800)}\r\n`)), 413)
  const body = lines('GET /ui/ HTTP/1.1', 'Host: 127.0.0.1', 'Content-Length: 1000000')
  t.is(statusOf(await raw(all, body)), 200)
  for (const method of ['PUT', 'PROPFIND', 'CONNECT', 'TRACE', 'PURGE']) {
    const answer = await raw(all, lines(`${method} /ui/ HTTP/1.1`, 'Host: 127.0.0.1'))
    t.not(statusOf(answer), 200, method)
  }
  const { call, token } = all
  t.is((await call('GET', '/v1/status', { token })).status, 200, 'it serves others')
})

test('R013-75 a stolen session gets no more than it has: no code, no listener, no other role', async (t) => {
  const all = await servingTcp(t)
  const opened = await raw(all, tradeOf('127.0.0.1', await codeOf(all, '{"role":"reader"}')))
  const { token } = JSON.parse(opened.slice(opened.indexOf('{'))) as SessionAnswer
  const ask = (method: string, path: string, body: string) =>
    all.call(method, path, { token, headers: { 'content-type': 'application/json' }, body })
  t.is((await ask('POST', '/v1/session/codes', '{"role":"reader"}')).status, 403)
  t.is((await ask('POST', '/v1/session/codes', '{"role":"admin"}')).status, 403)
  t.is((await ask('POST', '/v1/http', '{}')).status, 403)
  t.is((await ask('POST', '/v1/tokens', '{"role":"admin"}')).status, 403)
  t.is((await ask('POST', '/v1/session', JSON.stringify({ code: token }))).status, 401)
  const who = jsonOf<WhoAnswer>(await all.call('GET', '/v1/session', { token }))
  t.is(who.role, 'reader')
  t.false(who.calls.some((call) => call.startsWith('DELETE /v1/values')))
  // Its token is no password, no label, and no cookie.
  const cookie = { cookie: `token=${token}; dstore_session=${token}` }
  t.is((await all.call('GET', '/v1/session', { headers: cookie })).status, 401)
  t.is((await all.call('GET', `/v1/session?token=${token}`)).status, 401)
})

test('R013-75 who is not asked for a token learns nothing of the node', async (t) => {
  const all = await servingTcp(t, { httpPublic: true })
  t.is((await all.call('GET', '/v1/session')).status, 401)
  t.is((await all.call('DELETE', '/v1/session')).status, 401)
  t.is((await all.call('POST', '/v1/session/codes', { body: '{}' })).status, 401)
  t.is((await all.call('POST', '/v1/http', { body: '{}' })).status, 401)
})
