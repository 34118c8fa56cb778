import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import { ROUTES } from '../../../src/daemon/http/routes.ts'
import { FakePins } from '../fake-pins.ts'
import { fileRequest } from '../file-request.ts'
import { putTree } from '../../node/put-tree.ts'
import { ask, serving, type Answer } from '../serving.ts'
import { treeServing } from '../tree-serving.ts'

interface Described {
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly responses: Record<string, Response> }
}
interface Operation {
  readonly responses: Record<string, Response | { readonly $ref: string }>
}
interface Response {
  readonly content?: Record<string, { readonly schema?: object }>
}

const api = parse(readFileSync('specs/openapi.yaml', 'utf8')) as Described
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/
const ajv = new Ajv2020({ strict: false, formats: { 'date-time': TIME } })
ajv.addSchema(api, 'api')

interface Asked {
  readonly method: string
  readonly path: string
  /** The path as it is described. */
  readonly of: string
  readonly status: number
}

function checkAnswer(
  t: ExecutionContext,
  answer: Answer,
  { method, path, of, status }: Asked,
): void {
  const about = `${method} ${path}: ${answer.body.toString().slice(0, 200)}`
  t.is(answer.status, status, about)
  const { content = {} } = responseOf(of, method.toLowerCase(), status)
  const type = answer.headers['content-type']!.split(';')[0]!
  t.true(Object.hasOwn(content, type), `${about} is ${type}`)
  const schema = content[type]?.schema
  if (schema === undefined || type === 'text/plain') return
  const documents = type.endsWith('ndjson')
    ? answer.body.toString().trimEnd().split('\n')
    : [answer.body.toString()]
  for (const one of documents) t.is(faultsOf(schema, JSON.parse(one)), undefined, about)
}

const PEER = '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'

/** The description with its references made absolute, and what it says of a document. */
function faultsOf(schema: object, document: unknown): unknown {
  const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')) as object
  return ajv.validate(absolute, document) ? undefined : ajv.errors
}

function responseOf(path: string, method: string, status: number): Response {
  const { responses } = api.paths[path]![method]!
  const found = responses[String(status)] ?? responses['default']!
  return '$ref' in found ? api.components.responses[found.$ref.split('/').at(-1)!]! : found
}

test('R007-68 the paths and methods of the API are those that are described', (t) => {
  const described = Object.entries(api.paths).map(([path, one]) => [
    path,
    Object.keys(one)
      .filter((key) => key !== 'parameters')
      .map((method) => method.toUpperCase())
      .toSorted(),
  ])
  const served = ROUTES.map(({ path, methods }) => [path, Object.keys(methods).toSorted()])
  const byPath = (all: unknown[]): unknown[] => all.map((one) => JSON.stringify(one)).toSorted()
  t.deepEqual(byPath(described), byPath(served))
})

/** Of a value that gets a name, and of one that does not. */
const ENTRIES = JSON.stringify([
  { size: 1, name: 'in/a/batch' },
  { size: 1, name: 'mh/none' },
])

test('R007-68 the responses of a running daemon match their description', async (t) => {
  const { daemon, node } = await serving(t)
  Object.assign(node, { pins: new FakePins() })
  const { key } = await node.put({ bytes: [Buffer.from('hello')] as never })
  const text = key.toString()
  const absent = 'f'.repeat(64)
  const calls: [method: string, path: string, of: string, status: number, body?: string][] = [
    ['POST', '/v1/values', '/v1/values', 201, 'new'],
    ['POST', '/v1/values', '/v1/values', 200, 'new'],
    ['POST', '/v1/files', '/v1/files', 200, fileRequest(resolve('package.json'))],
    ['POST', '/v1/files', '/v1/files', 400, '{}'],
    ['POST', '/v1/batch', '/v1/batch', 200, 'hello'],
    ['POST', '/v1/batch?', '/v1/batch', 200, `${ENTRIES}ab`],
    ['POST', '/v1/facts', '/v1/facts', 200, JSON.stringify({ keys: [text, absent] })],
    ['GET', `/v1/values/${text}`, '/v1/values/{key}', 200],
    ['GET', `/v1/values/${absent}`, '/v1/values/{key}', 404],
    ['GET', `/v1/values/${text}/facts`, '/v1/values/{key}/facts', 200],
    ['GET', '/v1/values/no-such-name/facts', '/v1/values/{key}/facts', 404],
    ['GET', `/v1/values/${text}x/facts`, '/v1/values/{key}/facts', 400],
    ['POST', `/v1/values/${text}/prefetch`, '/v1/values/{key}/prefetch', 200],
    ['POST', `/v1/values/${text}/copy`, '/v1/values/{key}/copy', 400, '{}'],
    ['PUT', '/v1/pins/hi%2Fho', '/v1/pins/{word}', 200],
    ['GET', '/v1/pins', '/v1/pins', 200],
    ['GET', '/v1/pins/hi%2Fho', '/v1/pins/{word}', 200],
    ['DELETE', '/v1/pins/hi%2Fho', '/v1/pins/{word}', 200],
    ['DELETE', '/v1/pins/hi%2Fho', '/v1/pins/{word}', 404],
    ['GET', '/v1/keys', '/v1/keys', 200],
    ['POST', '/v1/verify', '/v1/verify', 200],
    ['PUT', '/v1/names/hi', '/v1/names/{name}', 200, JSON.stringify({ key: text })],
    ['GET', '/v1/names/hi', '/v1/names/{name}', 200],
    ['GET', '/v1/names/ho', '/v1/names/{name}', 404],
    ['PUT', '/v1/names/now', '/v1/names/{name}', 200, JSON.stringify({ key: text, kind: 'tag' })],
    ['GET', '/v1/names/now', '/v1/names/{name}', 200],
    ['GET', '/v1/names/now/history', '/v1/names/{name}/history', 200],
    ['GET', '/v1/names/hi/history', '/v1/names/{name}/history', 404],
    ['PUT', '/v1/rules/ci%2F', '/v1/rules/{prefix}', 200, '{"maxNames":3,"unusedMs":1000}'],
    ['GET', '/v1/rules/ci%2F', '/v1/rules/{prefix}', 200],
    ['GET', '/v1/rules/cj%2F', '/v1/rules/{prefix}', 404],
    ['PUT', '/v1/unnamed-rule', '/v1/unnamed-rule', 200, '{"unusedMs":1000}'],
    ['GET', '/v1/rules', '/v1/rules', 200],
    ['DELETE', '/v1/rules/ci%2F', '/v1/rules/{prefix}', 200],
    ['DELETE', '/v1/unnamed-rule', '/v1/unnamed-rule', 200],
    ['GET', '/v1/names', '/v1/names', 200],
    ['GET', '/v1/names?limit=0', '/v1/names', 400],
    ['GET', '/v1/usage', '/v1/usage', 200],
    ['GET', '/v1/store', '/v1/store', 200],
    ['DELETE', '/v1/names/hi?keep=1', '/v1/names/{name}', 200],
    ['POST', '/v1/invitations', '/v1/invitations', 201, '{"role":"reader"}'],
    ['POST', '/v1/invitations', '/v1/invitations', 400, '{"role":"king"}'],
    ['PUT', `/v1/members/${PEER}`, '/v1/members/{peer}', 200, '{"role":"admin"}'],
    ['PUT', `/v1/members/${PEER}`, '/v1/members/{peer}', 400, '{"role":1}'],
    ['GET', '/v1/members', '/v1/members', 200],
    ['DELETE', `/v1/members/${PEER}`, '/v1/members/{peer}', 200],
    ['DELETE', `/v1/members/${PEER}`, '/v1/members/{peer}', 404],
    ['DELETE', '/v1/inactive-store', '/v1/inactive-store', 404],
    ['POST', '/v1/inactive-store/upload', '/v1/inactive-store/upload', 404],
    ['GET', '/v1/inactive-store/values/x', '/v1/inactive-store/values/{key}', 404],
    ['POST', '/v1/http', '/v1/http', 200, '{}'],
    ['POST', '/v1/http', '/v1/http', 400, '{"port":-1}'],
    ['POST', '/v1/session/codes', '/v1/session/codes', 201, '{"role":"reader"}'],
    ['GET', '/v1/session', '/v1/session', 200],
    ['DELETE', '/v1/session', '/v1/session', 404],
    ['GET', '/v1/status', '/v1/status', 200],
    ['GET', '/v1/transfers', '/v1/transfers', 200],
    ['DELETE', '/v1/transfers/7', '/v1/transfers/{transfer}', 404],
    ['GET', '/metrics', '/metrics', 200],
    ['POST', `/v1/values/${text}/evict`, '/v1/values/{key}/evict', 200],
    ['DELETE', `/v1/values/${text}`, '/v1/values/{key}', 200],
    ['DELETE', `/v1/values/${text}`, '/v1/values/{key}', 404],
  ]
  for (const [method, path, of, status, body] of calls) {
    const headers: Record<string, string> =
      path === '/v1/batch'
        ? { 'dstore-sizes': '5' }
        : of === '/v1/batch'
          ? { 'dstore-entries': `${ENTRIES.length}` }
          : {}
    const answer = await ask(daemon.socket, method, path, {
      headers,
      ...(body === undefined ? {} : { body }),
    })
    checkAnswer(t, answer, { method, path, of, status })
  }
})

test('R007-68 a session of the page matches its description', async (t) => {
  const { daemon } = await serving(t)
  const made = await ask(daemon.socket, 'POST', '/v1/session/codes', { body: '{}' })
  const { code } = JSON.parse(made.body.toString()) as { code: string }
  const headers = { 'content-type': 'application/json' }
  const trade = { method: 'POST', path: '/v1/session', of: '/v1/session' }
  for (const status of [201, 401]) {
    const sent = { headers, body: JSON.stringify({ code }) }
    checkAnswer(t, await ask(daemon.socket, 'POST', '/v1/session', sent), { ...trade, status })
  }
})

test('R007-68 the responses about trees match their description', async (t) => {
  const { daemon, node } = await treeServing(t)
  const { key } = await putTree(node, { 'a.txt': Buffer.from('a'), sub: {}, link: 'a.txt' })
  const hold = await node.trees.openHold()
  const keys = JSON.stringify({ keys: [key] })
  const entries = JSON.stringify({ entries: [{ path: 'all', key }] })
  const calls: [method: string, path: string, of: string, status: number, body?: string][] = [
    ['POST', '/v1/holds', '/v1/holds', 201],
    ['POST', `/v1/holds/${hold}/present`, '/v1/holds/{hold}/present', 200, keys],
    ['POST', `/v1/holds/${hold}/directories`, '/v1/holds/{hold}/directories', 200, keys],
    ['POST', `/v1/holds/${hold}/present`, '/v1/holds/{hold}/present', 400, '{}'],
    ['POST', `/v1/trees?hold=${hold}`, '/v1/trees', 200, JSON.stringify({ key })],
    ['POST', '/v1/trees', '/v1/trees', 201, entries],
    ['POST', '/v1/trees', '/v1/trees', 200, JSON.stringify({ path: resolve('src/directory') })],
    ['DELETE', `/v1/holds/${'0'.repeat(32)}`, '/v1/holds/{hold}', 200],
    ['GET', `/v1/trees/${key.toString()}`, '/v1/trees/{word}', 200],
    ['GET', `/v1/trees/${key.toString()}/a.txt`, '/v1/trees/{word}/{rest}', 200],
    ['GET', `/v1/trees/${key.toString()}/link`, '/v1/trees/{word}/{rest}', 200],
    ['GET', `/v1/trees/${key.toString()}/none`, '/v1/trees/{word}/{rest}', 404],
    ['GET', `/v1/values/${key.toString()}/facts`, '/v1/values/{key}/facts', 200],
    ['DELETE', `/v1/values/${key.toString()}?force=1`, '/v1/values/{key}', 200],
  ]
  for (const [method, path, of, status, body] of calls) {
    const sent = body === undefined ? {} : { body }
    checkAnswer(t, await ask(daemon.socket, method, path, sent), { method, path, of, status })
  }
})

test('R007-68 a document that is not described would be found', (t) => {
  const { schema } = responseOf('/v1/values', 'post', 200).content!['application/json']!
  t.truthy(faultsOf(schema!, { key: 'x', size: 1, existed: true }))
  t.truthy(faultsOf(schema!, { size: 1, existed: true }))
})
