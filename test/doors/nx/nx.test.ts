import { test } from '../../serial.ts'
import { connect } from 'node:net'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../../src/errors.ts'
import { ask, type Answer } from '../../daemon/serving.ts'
import { treeServing, type TreeServing } from '../../daemon/tree-serving.ts'

interface Nx extends TreeServing {
  /** A request below `/nx/v1/cache/`. */
  readonly ask: (method: string, hash: string, body?: string | Uint8Array) => Promise<Answer>
}

async function nx(t: ExecutionContext): Promise<Nx> {
  const serving = await treeServing(t, { doors: ['cache'] })
  return {
    ...serving,
    ask: (method, hash, body) =>
      ask(
        serving.daemon.socket,
        method,
        `/nx/v1/cache/${hash}`,
        body === undefined ? {} : { body },
      ),
  }
}

test('R010-36 what was put comes back, under a fixed name', async (t) => {
  const { ask, node } = await nx(t)
  t.is((await ask('GET', '1')).status, 404)
  const body = Buffer.alloc(200_000, 'nx')
  const put = await ask('PUT', '1', body)
  t.deepEqual([put.status, put.body.byteLength], [200, 0])
  const got = await ask('GET', '1')
  t.is(got.status, 200)
  t.true(got.body.equals(body))
  t.is(got.headers['content-length'], '200000')
  t.is((await ask('HEAD', '1')).status, 200)
  t.is((await node.index.lookup('cache/nx/1'))?.kind, 'fixed')
})

test('R010-37 a second PUT with other bytes is refused, and one with the same is not', async (t) => {
  const { ask } = await nx(t)
  await ask('PUT', '1', 'first')
  t.is((await ask('PUT', '1', 'first')).status, 200)
  const { status, body } = await ask('PUT', '1', 'second')
  t.is(status, 409)
  t.regex(body.toString(), /Cannot override an existing record/)
  t.is((await ask('GET', '1')).body.toString(), 'first')
})

test('R010-37 of writers side by side one is first, and the others hear it', async (t) => {
  const { ask } = await nx(t)
  const texts = Array.from({ length: 8 }, (_, i) => `writer ${i} `.repeat(5000))
  const answers = await Promise.all(texts.map((text) => ask('PUT', '1', text)))
  t.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 409, 409, 409, 409, 409, 409, 409],
  )
  const won = texts[answers.findIndex(({ status }) => status === 200)]!
  t.is((await ask('GET', '1')).body.toString(), won)
})

test('R010-37 the whole body of a refused PUT is read before the answer', async (t) => {
  const { daemon, node } = await nx(t)
  // It need not read the body to know.
  Object.assign(node, { put: () => Promise.reject(new DstoreError('conflict', 'it is bound')) })
  const size = 3_000_000
  const socket = connect(daemon.socket)
  socket.write(`PUT /nx/v1/cache/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n\r\n`)
  let answer = ''
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text))
  const part = Buffer.alloc(100_000)
  for (let sent = 0; sent < size; sent += part.byteLength) {
    t.is(answer, '')
    await new Promise<void>((resolve, reject) => {
      socket.write(part, (error) => (error ? reject(error) : resolve()))
    })
  }
  while (!answer.includes('\r\n\r\n')) {
    await new Promise((resolve) => socket.once('data', resolve))
  }
  t.regex(answer, /^HTTP\/1\.1 409 /)
  // The connection is still good: the body was taken.
  t.notRegex(answer, /connection: close/i)
  socket.destroy()
})

for (const [code, title] of [
  ['unreachable', 'with Global away'],
  ['no-space', 'full'],
  ['too-large', 'too small for it'],
  ['busy', 'busy'],
] as const) {
  test(`R010-38 a store that is ${title}: Nx gets statuses that fail no build`, async (t) => {
    const { ask, node } = await nx(t)
    await ask('PUT', '1', 'first')
    const fault = (): Promise<never> => Promise.reject(new DstoreError(code, 'so it is'))
    Object.assign(node, { put: fault, get: fault })
    const put = await ask('PUT', '2', 'second '.repeat(100_000))
    t.is(put.status, 403)
    t.like(JSON.parse(put.body.toString()), { code, detail: 'so it is' })
    t.is((await ask('GET', '1')).status, 404)
  })
}

test('R010-36 other paths, and hashes that can be no part of a name, are refused', async (t) => {
  const { ask: askFor, daemon, node } = await nx(t)
  for (const hash of ['a%2Fb', '..', '%2e', 'a%00', '%ff', 'a%20b', 'h'.repeat(129), 'a*']) {
    for (const method of ['GET', 'PUT']) t.is((await askFor(method, hash, 'b')).status, 400, hash)
  }
  for (const path of ['/nx', '/nx/v1/cache', '/nx/v2/cache/1', '/nx/v1/cache/1/2']) {
    t.is((await ask(daemon.socket, 'GET', path)).status, 404, path)
  }
  t.is((await askFor('DELETE', '1')).status, 405)
  for await (const { name } of node.index.names('')) t.fail(name)
})
