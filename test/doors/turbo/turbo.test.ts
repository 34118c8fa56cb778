import { test } from '../../serial.ts'
import { once } from 'node:events'
import { connect } from 'node:net'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { TURBO_HEAD_BYTES, TURBO_QUERY_HASHES } from '../../../src/limits.ts'
import { answerTo, ask, type Answer } from '../../daemon/serving.ts'
import { treeServing, type TreeServing } from '../../daemon/tree-serving.ts'

interface Turbo extends TreeServing {
  /** A request below `/turbo/v8/artifacts`. */
  readonly ask: (
    method: string,
    rest: string,
    options?: Parameters<typeof ask>[3],
  ) => Promise<Answer>
}

async function turbo(t: ExecutionContext): Promise<Turbo> {
  const serving = await treeServing(t, { doors: ['cache'] })
  return {
    ...serving,
    ask: (method, rest, options) =>
      ask(serving.daemon.socket, method, `/turbo/v8/artifacts${rest}`, options),
  }
}

const FACTS = { 'x-artifact-duration': '1234', 'x-artifact-tag': 'c2lnbmVk' }
const SIZES = [0, 1, TURBO_HEAD_BYTES - 1, TURBO_HEAD_BYTES, 300_000]

test('R010-30 to R010-33 an artifact comes back with its facts, whatever its size', async (t) => {
  const { ask, node } = await turbo(t)
  for (const size of SIZES) {
    const body = Buffer.alloc(size, '\nx')
    const hash = `hash${size}`
    const put = await ask('PUT', `/${hash}?slug=team`, { body, headers: FACTS })
    t.is(put.status, 202)
    t.deepEqual(JSON.parse(put.body.toString()), { urls: [`/turbo/v8/artifacts/${hash}`] })
    const got = await ask('GET', `/${hash}?slug=team`)
    t.is(got.status, 200)
    t.true(got.body.equals(body))
    for (const { headers } of [got, await ask('HEAD', `/${hash}?slug=team`)]) {
      t.is(headers['content-length'], String(size))
      t.is(headers['x-artifact-duration'], '1234')
      t.is(headers['x-artifact-tag'], 'c2lnbmVk')
      t.is(headers['x-artifact-sha'], undefined)
      t.is(headers['content-encoding'], undefined)
    }
    t.is((await node.index.lookup(`cache/turbo/team/${hash}`))?.kind, 'tag')
  }
})

test('R010-30 a team is a space, and a request without one has its own', async (t) => {
  const { ask } = await turbo(t)
  await ask('PUT', '/h?teamId=team_1&slug=other', { body: 'one' })
  await ask('PUT', '/h', { body: 'none' })
  const get = async (query: string): Promise<string> =>
    (await ask('GET', `/h${query}`)).body.toString()
  t.is(await get('?teamId=team_1'), 'one')
  t.is(await get(''), 'none')
  t.is(await get('?slug=default'), 'none')
  t.is((await ask('GET', '/h?slug=other')).status, 404)
})

test('R010-32 a replaced artifact has its own facts, and none of the old one', async (t) => {
  const { ask } = await turbo(t)
  await ask('PUT', '/h', { body: 'same', headers: { ...FACTS, 'x-artifact-sha': 'abc' } })
  await ask('PUT', '/h', { body: 'same', headers: { 'x-artifact-tag': 'other' } })
  const { body, headers } = await ask('GET', '/h')
  t.is(body.toString(), 'same')
  t.is(headers['x-artifact-tag'], 'other')
  t.is(headers['x-artifact-duration'], undefined)
  t.is(headers['x-artifact-sha'], undefined)
})

test('R010-32 readers see one artifact with its facts while it is replaced', async (t) => {
  const { ask } = await turbo(t)
  const put = (n: number): Promise<Answer> =>
    ask('PUT', '/h', { body: `body ${n}`, headers: { 'x-artifact-tag': `tag${n}` } })
  await put(0)
  const state = { isDone: false }
  const writing = (async () => {
    for (let n = 1; n <= 20; n++) await put(n)
    state.isDone = true
  })()
  let reads = 0
  while (!state.isDone) {
    const { status, body, headers } = await ask('GET', '/h')
    t.is(status, 200)
    t.is(headers['x-artifact-tag'], `tag${body.toString().slice(5)}`)
    reads++
  }
  await writing
  t.true(reads > 0)
})

test('R010-32 facts that are not fit are refused, and nothing is bound', async (t) => {
  const { ask, node } = await turbo(t)
  for (const headers of [
    { 'x-artifact-duration': 'soon' },
    { 'x-artifact-tag': 'x'.repeat(2000) },
  ]) {
    t.is((await ask('PUT', '/h', { body: 'b', headers })).status, 400)
  }
  t.is(await node.index.lookup('cache/turbo/default/h'), undefined)
})

test('R010-33 what is not there, and what is no artifact, is a miss', async (t) => {
  const { ask, node } = await turbo(t)
  const bind = async (name: string, text: string): Promise<void> => {
    const bytes = (async function* () {
      if (text !== '') yield Buffer.from(text)
    })()
    await node.put({ bytes }, { name: `cache/turbo/default/${name}`, naming: { kind: 'tag' } })
  }
  await bind('empty', '')
  await bind('plain', 'bytes of someone else')
  await bind('long', 'x'.repeat(100_000))
  await bind('evil', '{"turbo":1,"tag":"a\\r\\nSet-Cookie: a=b"}\nbody')
  for (const hash of ['none', 'empty', 'plain', 'long', 'evil']) {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await ask(method, `/${hash}`)
      t.is(status, 404, `${method} ${hash}`)
      t.is(headers['set-cookie'], undefined)
    }
  }
})

test('R010-30 a hash or team that can be no part of a name is refused', async (t) => {
  const { ask, node } = await turbo(t)
  const wrong = [
    '/a%2Fb',
    '/%2e%2e',
    '/..',
    '/a%00b',
    '/%ff',
    '/a%0d%0ab',
    `/${'h'.repeat(129)}`,
    '/a*b',
  ]
  const teams = ['a%2Fb', '..', '.', '', 'a%0ab', 'x'.repeat(129), 'a%20b']
  const paths = [...wrong, ...teams.map((team) => `/h?slug=${team}`)]
  for (const path of paths) {
    for (const method of ['GET', 'HEAD', 'PUT']) {
      const { status } = await ask(method, path, method === 'PUT' ? { body: 'b' } : {})
      t.is(status, 400, `${method} ${path}`)
    }
  }
  for await (const { name } of node.index.names('')) t.fail(name)
})

test('R010-30 other paths and methods are refused', async (t) => {
  const { ask } = await turbo(t)
  const statuses = async (method: string, ...paths: string[]): Promise<number[]> =>
    Promise.all(paths.map(async (path) => (await ask(method, path)).status))
  t.deepEqual(await statuses('GET', '', '/a/b', '/../v9/artifacts/h'), [404, 404, 400])
  t.deepEqual(await statuses('POST', '/h', '/status', '/events/x'), [404, 404, 404])
  t.deepEqual(await statuses('DELETE', '/h'), [405])
  t.deepEqual(await statuses('PROPFIND', '/h'), [405])
})

test('R010-34 the status is enabled, and events are taken', async (t) => {
  const { ask } = await turbo(t)
  const { status, body } = await ask('GET', '/status?slug=team')
  t.deepEqual([status, JSON.parse(body.toString())], [200, { status: 'enabled' }])
  const events = JSON.stringify([{ event: 'HIT', hash: 'h', source: 'REMOTE' }])
  t.is((await ask('POST', '/events', { body: events })).status, 200)
  t.is((await ask('POST', '/events', { body: Buffer.alloc(2 << 20) })).status, 413)
})

test('R010-35 a query says what each artifact is', async (t) => {
  const { ask } = await turbo(t)
  await ask('PUT', '/one?slug=team', { body: 'four', headers: FACTS })
  await ask('PUT', '/two?slug=team', { body: '' })
  const query = (hashes: unknown): Promise<Answer> =>
    ask('POST', '?slug=team', { body: JSON.stringify({ hashes }) })
  const answer = await query(['one', 'two', 'three', '__proto__'])
  t.is(answer.status, 200)
  const found = JSON.parse(answer.body.toString()) as object
  t.deepEqual(Object.entries(found), [
    ['one', { size: 4, taskDurationMs: 1234, tag: 'c2lnbmVk' }],
    ['two', { size: 0, taskDurationMs: 0 }],
    ['three', null],
    ['__proto__', null],
  ])
  const many = Array.from({ length: TURBO_QUERY_HASHES + 1 }, (_, i) => `h${i}`)
  for (const wrong of [many, 'one', [1], ['a/b'], undefined]) {
    t.is((await query(wrong)).status, 400)
  }
  t.is((await ask('POST', '', { body: '[]' })).status, 400)
  t.is((await ask('POST', '', { body: 'x' })).status, 400)
})

test('R010-32 an artifact that ends early is not bound', async (t) => {
  const { daemon, node } = await turbo(t)
  const socket = connect(daemon.socket)
  const head =
    'PUT /turbo/v8/artifacts/h HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n'
  socket.write(`${head}only this`)
  await once(socket, 'connect')
  await sleep(50)
  socket.destroy()
  await sleep(50)
  t.is(await node.index.lookup('cache/turbo/default/h'), undefined)
})

test('R010-32 a body without a length is an artifact, too', async (t) => {
  const { daemon, ask } = await turbo(t)
  const { socket } = daemon
  const path = '/turbo/v8/artifacts/h'
  const sent = request({ socketPath: socket, method: 'PUT', path, headers: { host: 'localhost' } })
  const answer = answerTo(sent)
  for (const part of ['a', 'b', 'c']) sent.write(part)
  sent.end()
  t.is((await answer).status, 202)
  const { body, headers } = await ask('GET', '/h')
  t.deepEqual([body.toString(), headers['content-length']], ['abc', '3'])
})
