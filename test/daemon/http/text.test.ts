import { test } from '../../serial.ts'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Client } from '../../../src/daemon/client/client.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { findRoute, parseQuery } from '../../../src/daemon/http/routes.ts'
import { ask, serving } from '../serving.ts'

/** Percent-encodings of no text: cut, overlong, of a surrogate, of Latin-1, of no digits. */
const MALFORMED = ['caf%E9', '%C3', '%C0%AF', '%ED%A0%80', '%80', '%F4%90%80%80', '%zz', '%', '%4']

test('R007-97 a path or a query that is not percent-encoded UTF-8 is refused', async (t) => {
  const { daemon, node } = await serving(t)
  for (const text of MALFORMED) {
    for (const [method, path] of [
      ['GET', `/v1/values/${text}`],
      ['GET', `/v1/values/${text}/facts`],
      ['GET', `/v1/names/${text}`],
      ['DELETE', `/v1/names/${text}`],
      ['GET', `/v1/names?prefix=${text}`],
      ['GET', `/v1/names?${text}=1`],
      ['GET', `/v1/changes?after=${text}`],
      ['POST', `/v1/values?name=${text}`],
      ['PUT', `/v1/members/${text}`],
    ] as const) {
      const body = method === 'POST' || method === 'PUT' ? '{}' : ''
      const { status, body: found } = await ask(daemon.socket, method, path, { body })
      t.is(status, 400, `${method} ${path}`)
      t.regex(found.toString(), /not percent-encoded UTF-8/)
    }
  }
  t.is(node.bound.size, 0)
  t.is(node.values.size, 0)
})

/** The status of the answer to a request whose target has these bytes. */
async function statusOf(socket: string, target: Buffer): Promise<string> {
  const connection = connect(socket)
  const rest = Buffer.from(' HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  connection.write(Buffer.concat([Buffer.from('GET '), target, rest]))
  const [piece] = (await once(connection, 'data')) as [Buffer]
  connection.destroy()
  return piece.toString('latin1').slice(9, 12)
}

test('R007-97 bytes of a target that are not ASCII are refused, not read as Latin-1', async (t) => {
  const { daemon } = await serving(t)
  for (const name of [Buffer.from('é'), Buffer.from('e9', 'hex'), Buffer.from('😀')]) {
    for (const path of ['/v1/values/', '/v1/names/', '/v1/names?prefix=']) {
      t.is(await statusOf(daemon.socket, Buffer.concat([Buffer.from(path), name])), '400', path)
    }
  }
})

test('R007-97 a target that is not ASCII is refused, whatever the parser lets through', (t) => {
  for (const text of ['é', 'caf\u00c3\u00a9', '\ufffd', '\n']) {
    t.throws(() => parseQuery(`name=${text}`), { code: 'usage' })
    t.throws(() => findRoute('GET', `/v1/names/${text}`), { code: 'usage' })
  }
})

test('R007-97 a JSON body that is not UTF-8 is refused, and a path that would be replaced', async (t) => {
  const { daemon } = await serving(t)
  const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
  for (const [path, body, problem] of [
    ['/v1/facts', bytes('{"keys":["caf\xe9"]}'), /the request is not UTF-8/],
    ['/v1/files', bytes('{"path":"/tmp/caf\xe9"}'), /the request is not UTF-8/],
    ['/v1/files', bytes('{"path":"/tmp/\xed\xa0\x80"}'), /the request is not UTF-8/],
    ['/v1/files', bytes('{"path":"/tmp/\\ud800"}'), /the path is not UTF-8/],
    ['/v1/files', bytes('{"path":"/tmp/\\ufffd"}'), /the path is not UTF-8/],
    ['/v1/facts', bytes('{"keys":["\\ud800"]}'), /not Unicode/],
    ['/v1/facts', bytes('\xef\xbb\xbf{"keys":[]}'), /not JSON/],
  ] as const) {
    const answer = await ask(daemon.socket, 'POST', path, { body })
    t.is(answer.status, 400, body.toString('latin1'))
    t.regex(answer.body.toString(), problem)
  }
})

test('R007-97 a name with U+FFFD is not bound over HTTP, and read where it is bound', async (t) => {
  const { daemon, node } = await serving(t)
  const name = 'caf\ufffd'
  const path = encodeURIComponent(name)
  const refused = await ask(daemon.socket, 'POST', `/v1/values?name=${path}`, { body: 'abc' })
  t.is(refused.status, 400)
  t.regex(refused.body.toString(), /U\+FFFD/)
  const value = new Uint8Array(3)
  const key = new Key(hash(value).digest)
  node.values.set(key.toString(), value)
  const body = JSON.stringify({ key: key.toString() })
  t.is((await ask(daemon.socket, 'PUT', `/v1/names/${path}`, { body })).status, 400)
  // As an earlier version bound it.
  node.bound.set(name, key)
  t.is((await ask(daemon.socket, 'GET', `/v1/names/${path}`)).status, 200)
  t.is((await ask(daemon.socket, 'GET', `/v1/values/${path}`)).body.byteLength, 3)
  t.is((await ask(daemon.socket, 'DELETE', `/v1/names/${path}?keep=1`)).status, 200)
})

test('R007-97 half of a surrogate pair is no name, prefix or path in a program', async (t) => {
  const { daemon } = await serving(t)
  const client = (await Client.connect(daemon.socket))!
  t.teardown(() => client.close())
  const half = 'a\ud800'
  const calls = [
    () => client.get(half),
    () => client.lookup(half),
    () => client.names(half).next(),
    () => client.factsMany([half]),
    () => client.unbind(half),
  ]
  for (const call of calls) await t.throwsAsync(async () => call(), { code: 'usage' }, String(call))
})

test('R007-104 a parameter that is there twice is refused, and others are read as written', async (t) => {
  const { daemon, node } = await serving(t)
  const answer = await ask(daemon.socket, 'POST', '/v1/values?name=a&name=b', { body: 'abc' })
  t.is(answer.status, 400)
  t.is(node.values.size, 0)
  t.is(parseQuery('').size, 0)
  for (const [text, value] of [
    ['a=b+c', 'b c'],
    ['a=b%2Bc', 'b+c'],
    ['a=b=c', 'b=c'],
    ['a', ''],
    ['&a=%C3%A9&', 'é'],
    ['%61=%EF%BF%BD', '\ufffd'],
  ] as const) {
    t.is(parseQuery(text).get('a'), value, text)
  }
})

test('R007-104 a path with a slash too many hints at %2F', async (t) => {
  const { daemon } = await serving(t)
  for (const [path, hint] of [
    ['/v1/values/docs/readme', '/v1/values/docs%2Freadme'],
    ['/v1/names/docs/a/b', '/v1/names/docs%2Fa%2Fb'],
    ['/v1/values/docs/readme/facts', '/v1/values/docs%2Freadme/facts'],
    ['/v1/names/docs/facts', '/v1/names/docs%2Ffacts'],
  ] as const) {
    const { status, body } = await ask(daemon.socket, 'GET', path)
    t.is(status, 404, path)
    t.is((JSON.parse(body.toString()) as { hint: string }).hint.split(': ')[1], hint)
  }
  for (const path of ['/v1/nowhere', '/v2/values/a/b', '/v1/status/a/b', '/']) {
    const { status, body } = await ask(daemon.socket, 'GET', path)
    t.is(status, 404, path)
    t.false('hint' in (JSON.parse(body.toString()) as object), path)
  }
})
