import { test } from '../../serial.ts'
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as plain } from 'node:http'
import { request } from 'node:https'
import { connect as open } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import type { ExecutionContext } from 'ava'
import type { StatusAnswer } from '../../../src/daemon/api/api.ts'
import { checkSettings, resolveSettings } from '../../../src/daemon/config/settings.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { readCertificate } from '../../../src/daemon/process/certificate.ts'
import { eventually } from '../../eventually.ts'
import { answerTo, ask, serving, temporaryDirectory, type Answer } from '../serving.ts'
import { servingTcp } from './tcp.ts'

type Which = 'first' | 'second'

const pem = (which: Which, what: 'cert' | 'key'): string => `test/fixtures/tls/${which}.${what}.pem`

/** Copies of a certificate and its key, which a test may replace. */
function files(t: ExecutionContext): { readonly cert: string; readonly key: string } {
  const folder = temporaryDirectory(t)
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  copyFileSync(pem('first', 'cert'), cert)
  copyFileSync(pem('first', 'key'), key)
  chmodSync(key, 0o600)
  return { cert, key }
}

async function servingTls(t: ExecutionContext) {
  const { cert, key } = files(t)
  const directory = stateDirectory(temporaryDirectory(t))
  const settings = { http: '127.0.0.1:0', httpCert: cert, httpKey: key }
  const all = await serving(t, settings, directory)
  const status = await ask(all.daemon.socket, 'GET', '/v1/status')
  const { url } = (JSON.parse(status.body.toString()) as StatusAnswer).daemon.http!
  const port = Number(new URL(url).port)
  const token = readFileSync(directory.token, 'utf8').trim()
  const get = (path: string, which: Which = 'first'): Promise<Answer> => {
    const ca = readFileSync(pem(which, 'cert'))
    const headers = { authorization: `Bearer ${token}` }
    const sent = request({ ca, port, host: '127.0.0.1', path, headers, agent: false })
    const answer = answerTo(sent)
    sent.end()
    return answer
  }
  return { ...all, cert, key, url, port, get, settings }
}

/** The name in the certificate that new connections are shown. */
async function shownOn(port: number): Promise<unknown> {
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return subject.CN
}

test('R007-337 with a certificate TCP is served over TLS, and not without', async (t) => {
  const { get, url, port, node, logged } = await servingTls(t)
  t.true(url.startsWith('https://127.0.0.1:'))
  t.is((await get('/v1/status')).status, 200)
  const { key } = await node.put({ bytes: [Buffer.from('hello')] as never })
  t.is((await get(`/v1/values/${key.toString()}`)).body.toString(), 'hello')
  t.is((await get('/v1/values/absent')).status, 404)
  await t.throwsAsync(get('/v1/status', 'second'))
  const unsafe = plain({ port, host: '127.0.0.1', path: '/v1/status', agent: false })
  unsafe.end()
  await t.throwsAsync(answerTo(unsafe))
  // A client that shakes no hands harms no other.
  const mute = open(port, '127.0.0.1')
  mute.on('error', () => undefined)
  t.teardown(() => mute.destroy())
  await once(mute, 'connect')
  t.is((await get('/v1/status')).status, 200)
  t.is(logged.filter((line) => line.includes(' warn ')).length, 0)
})

test('R007-337 a new pair is used as soon as both files fit; until then the old one is', async (t) => {
  const { cert, key, port, logged, get } = await servingTls(t)
  t.is(await shownOn(port), 'dstore-test-first')
  writeFileSync(cert, 'no certificate')
  await eventually(() => Promise.resolve(logged.some((line) => line.includes('kept the cert'))))
  t.is(await shownOn(port), 'dstore-test-first')
  copyFileSync(pem('second', 'cert'), cert)
  copyFileSync(pem('second', 'key'), key)
  chmodSync(key, 0o644)
  await eventually(() => Promise.resolve(logged.some((line) => line.includes('every user'))))
  t.is(await shownOn(port), 'dstore-test-first')
  // Only the mode changes.
  chmodSync(key, 0o600)
  await eventually(async () => (await shownOn(port)) === 'dstore-test-second')
  t.is((await get('/v1/status', 'second')).status, 200)
  rmSync(key)
  await eventually(() =>
    Promise.resolve(logged.filter((line) => line.includes('kept the cert')).length >= 3),
  )
  t.is((await get('/v1/status', 'second')).status, 200)
})

test('R007-337 files that do not fit, or a key that every user can read, are refused', (t) => {
  const pair = files(t)
  t.notThrows(() => readCertificate(pair))
  chmodSync(pair.key, 0o640)
  t.notThrows(() => readCertificate(pair), 'a group of those that may read keys')
  chmodSync(pair.key, 0o644)
  t.throws(() => readCertificate(pair), { code: 'not-permitted' })
  chmodSync(pair.key, 0o600)
  copyFileSync(pem('second', 'cert'), pair.cert)
  t.throws(() => readCertificate(pair), { code: 'unreadable', message: /do not fit/ })
  rmSync(pair.cert)
  t.throws(() => readCertificate(pair), { code: 'unreadable' })
})

test('R007-336 R007-337 host names and certificates are settings of an API over TCP', (t) => {
  const tls = { httpCert: '/c', httpKey: '/k' }
  const saved = { http: '4481', ...tls, httpHosts: ['cache.corp'] }
  t.deepEqual(resolveSettings({}, saved), saved)
  t.deepEqual(resolveSettings({ http: '4482' }, saved), { ...saved, http: '4482' })
  t.deepEqual(resolveSettings({ http: 'none' }, saved), {})
  t.deepEqual(resolveSettings({ httpHosts: ['none'] }, saved), { http: '4481', ...tls })
  const { httpHosts } = saved
  t.deepEqual(resolveSettings({ httpCert: 'none' }, saved), { http: '4481', httpHosts })
  for (const given of [
    { httpHosts: ['a'] },
    tls,
    { http: '1', httpCert: '/c' },
    { http: '1', httpKey: '/k' },
  ]) {
    t.throws(() => resolveSettings(given, {}), { code: 'usage' }, JSON.stringify(given))
  }
  for (const bad of ['', 'a:80', 'a/b', '*', '-a', 'a b', 'a..b', 'x'.repeat(254)]) {
    t.throws(() => checkSettings({ http: '1', httpHosts: [bad] }), { code: 'usage' }, bad)
  }
})

test('R007-336 R007-11 the names of --http-host are accepted, and no others', async (t) => {
  const { call, token } = await servingTcp(t, { httpHosts: ['Cache.corp', 'other'] })
  for (const host of ['cache.corp', 'CACHE.CORP:80', 'other', 'localhost', '10.0.0.1:1']) {
    t.is((await call('GET', '/v1/keys', { token, headers: { host } })).status, 200, host)
  }
  for (const host of ['evil.corp', 'x.cache.corp', 'cache.corp.evil', 'cache']) {
    const { status, body } = await call('GET', '/v1/keys', { token, headers: { host } })
    t.is(status, 421, host)
    t.regex(body.toString(), new RegExp(`"hint":"start the daemon with --http-host ${host}"`))
  }
  const { body } = await call('GET', '/v1/keys', { token, headers: { host: 'a b' } })
  t.notRegex(body.toString(), /hint/)
})

test('R007-321 R007-322 the password of Basic is a token, but not from a page of another origin', async (t) => {
  const { call, token, port } = await servingTcp(t)
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
  const get = async (
    authorization: string,
    headers: Record<string, string> = {},
  ): Promise<number> =>
    (await call('GET', '/v1/keys', { headers: { authorization, ...headers } })).status
  for (const user of ['', 'ci', 'x@y']) t.is(await get(basic(`${user}:${token}`)), 200, user)
  for (const wrong of [token, `:${token}x`, `${token}:`, `:`, `a:b:${token}`, '']) {
    t.is(await get(basic(wrong)), 401, wrong)
  }
  const right = basic(`ci:${token}`)
  const own = `http://127.0.0.1:${port}`
  t.is(await get(right, { origin: own, 'sec-fetch-site': 'same-origin' }), 200)
  t.is(await get(right, { 'sec-fetch-site': 'none' }), 200)
  for (const headers of [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: `http://127.0.0.1:${port + 1}` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ] as Record<string, string>[]) {
    t.is(await get(right, headers), 403, JSON.stringify(headers))
    t.is(await get(`Bearer ${token}`, headers), 200, 'no browser remembers it')
  }
})

test('R007-324 requests over TCP are logged with the label of their token, and no secret', async (t) => {
  const { call, token, logged, daemon } = await servingTcp(t)
  const body = JSON.stringify({ label: 'ci-7', role: 'writer' })
  const made = await call('POST', '/v1/tokens', { token, body })
  const { token: ours } = JSON.parse(made.body.toString()) as { token: string }
  t.is(made.headers['cache-control'], 'no-store')
  await call('POST', '/v1/values?name=n', { token: ours, body: 'x' })
  await call('GET', `/v1/values/n?token=${ours}`, { token: ours })
  await call('GET', '/v1/values/n', { token: ours })
  await call('POST', `/v1/stop?token=${ours}`, { token: ours })
  await ask(daemon.socket, 'GET', '/v1/keys')
  const ticket = `dstore1${'a'.repeat(200)}`
  for (const secret of [token, ours.slice(0, -1), ticket]) {
    const removed = await call('DELETE', `/v1/tokens/${secret}`, { token })
    t.is(removed.status, secret === token ? 400 : 404)
    t.false(removed.body.includes(secret))
    if (secret !== token) await call('GET', `/v1/names/${secret}`, { token })
    t.false(logged.join('').includes(secret.slice(0, 20)))
  }
  const requests = (): string[] => logged.filter((line) => / request by=/.test(line))
  await eventually(() => Promise.resolve(requests().length === 10))
  t.deepEqual(
    requests()
      .slice(0, 5)
      .map((line) => line.replace(/^\S+ /, '').trim()),
    [
      'info request by=http-token method=POST path=/v1/tokens status=201',
      'info request by=ci-7 method=POST path=/v1/values status=201',
      'debug request by=ci-7 method=GET path=/v1/values/n status=200',
      'debug request by=ci-7 method=GET path=/v1/values/n status=200',
      'info request by=ci-7 method=POST path=/v1/stop status=403',
    ],
  )
  t.false(logged.join('').includes(ours))
  t.false(logged.join('').includes(token))
})
