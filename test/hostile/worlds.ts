/**
 * Two nodes that differ only outside the prefix of a token, for comparing what it is answered.
 */
import { Agent, request } from 'node:http'
import type { ExecutionContext } from 'ava'
import { once as whole } from '../../src/bytes.ts'
import { encodeDirectory } from '../../src/directory/encoder.ts'
import type { Entry } from '../../src/directory/directory.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import type { PutOptions, ServedNode } from '../../src/node/node.ts'
import { ROUTES } from '../../src/daemon/http/routes.ts'
import { accessOf } from '../../src/daemon/http/tokens/route-access.ts'
import { tokenServing, type Call, type Sent, type TokenServing } from '../daemon/http/tokens.ts'
import { answerTo, type Answer } from '../daemon/serving.ts'

export const PREFIX = 'ci/builds/'

/** A request, and what its answer is remembered by in later ones. */
export interface Step {
  readonly method: string
  readonly path: string
  readonly sent?: Sent
}

export const keyOf = (text: string): Key => new Key(hash(Buffer.from(text)).digest)

/** The bytes of a directory with files of these texts, each named after its text. */
export const directoryOf = (...texts: readonly string[]): Uint8Array =>
  encodeDirectory(
    new Map(
      texts
        .toSorted()
        .map((text): [string, Entry] => [
          text,
          { type: 'file', digest: keyOf(text).digest, size: text.length, executable: false },
        ]),
    ),
  )

export const directoryKey = (...texts: readonly string[]): Key =>
  new Key(hash(directoryOf(...texts)).digest, 'directory')

const put = async (node: ServedNode, text: string, options: PutOptions = {}): Promise<void> => {
  await node.put({ bytes: whole(Buffer.from(text)) }, options)
}

async function putTree(node: ServedNode, name: string, ...texts: string[]): Promise<void> {
  const { trees } = node
  const hold = await trees.openHold()
  for (const text of texts) await put(node, text, { hold })
  await node.put({ bytes: whole(directoryOf(...texts)) }, { hold })
  const root = directoryKey(...texts)
  await trees.makeDirectories(hold, [root])
  await trees.commitTree(hold, root, { name })
}

/** What both worlds have below the prefix. */
async function populate(node: ServedNode): Promise<void> {
  for (const text of ['mine', 'shared', 'held', 'unnamed', 'first', 'next']) {
    await put(node, text, { name: `${PREFIX}${text}` })
  }
  const tag = `${PREFIX}latest`
  await node.index.tag(tag, keyOf('first'))
  await node.index.tag(tag, keyOf('next'))
  await put(node, 'gone', { name: `${PREFIX}moving`, naming: { kind: 'tag', keepMs: 0 } })
  await put(node, 'soon', { name: `${PREFIX}soon`, naming: { expiresMs: 3_600_000 } })
  await putTree(node, `${PREFIX}tree`, 'inside', 'within')
}

/** What only one world has. */
async function populateOutside(node: ServedNode): Promise<void> {
  await put(node, 'secret', { name: 'other/secret' })
  await put(node, 'secret', { name: 'ci/other' })
  await put(node, 'secret', { name: 'ci/buildsx' })
  await put(node, 'alone')
  for (const text of ['shared', 'gone', 'first']) await put(node, text, { name: `other/${text}` })
  await put(node, 'unnamed')
  await putTree(node, 'other/tree', 'held', 'secret', 'deep')
  await putTree(node, 'other/copy', 'inside', 'within')
  await put(node, 'guessed', { name: 'other/guessed' })
  await node.index.tag('other/tag', keyOf('secret'))
  await node.rules?.set('other/', { maxNames: 1000 })
  await node.members.admit('12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X', 'reader')
}

export interface World extends TokenServing {
  /** With an admin's token for the prefix. */
  readonly call: Call
  /** With another token, over the same connection. */
  readonly callWith: (token: string) => Call
}

/** `isFull`: with much outside the prefix. */
export async function world(t: ExecutionContext, isFull: boolean): Promise<World> {
  const serving = await tokenServing(t, 'global')
  if (isFull) await populateOutside(serving.node)
  await populate(serving.node)
  const { token } = await serving.make({ role: 'admin', prefix: PREFIX, label: 'confined' })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const callWith =
    (shown: string): Call =>
    (method, path, { body, headers = {} } = {}) => {
      const all = { authorization: `Bearer ${shown}`, ...headers }
      const { port } = serving
      const sent = request({ port, host: '127.0.0.1', method, path, agent, headers: all })
      const answer = answerTo(sent)
      sent.end(body)
      return answer
    }
  return { ...serving, call: callWith(token), callWith }
}

/** What differs between any two runs. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/dstore_code_[0-9a-f]{64}/g, 'CODE'],
  [/\b[0-9a-f]{32}(?=-\d)/g, 'RUN'],
  [/\bRUN-\d+/g, 'POSITION'],
  [/"(seq|incarnation)":\d+/g, '"$1":N'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/(?<="hold":"|\/v1\/holds\/|of this hold: )[0-9a-f]{32}/g, 'HOLD'],
]

const shown = (text: string): string =>
  VOLATILE.reduce((done, [pattern, word]) => done.replaceAll(pattern, word), text)

/** An answer as far as it may not depend on what is outside the prefix. */
export function view({ status, headers, trailers, body, whole: isWhole }: Answer): string {
  const { date: _, 'content-length': __, ...rest } = headers
  return shown(
    `${status} ${JSON.stringify(rest)} ${JSON.stringify(trailers)} ${isWhole}\n${String(body)}`,
  )
}

/** Keys and names of everything in either world, and of nothing in both. */
const TEXTS = ['mine', 'shared', 'held', 'unnamed', 'first', 'gone', 'inside', 'secret', 'alone']
const ABSENT = ['deep', 'guessed', 'nothing']
const KEYS = [
  ...[...TEXTS, ...ABSENT].map((text) => keyOf(text).toString()),
  directoryKey('inside', 'within').toString(),
  directoryKey('inside', 'within').as('bytes').toString(),
  directoryKey('held', 'secret', 'deep').toString(),
  directoryKey('held', 'secret', 'deep').as('bytes').toString(),
]
const NAMES = [
  ...['mine', 'latest', 'moving', 'soon', 'tree', 'none', 'tree/inside', 'tree/none'].map(
    (name) => `${PREFIX}${name}`,
  ),
  'other/secret',
  'other/none',
  'other/tree',
  'other/tree/secret',
  'other/tag',
  'ci',
  'ci/builds',
  'ci/builds/',
  'ci/buildsx',
  'ci/other',
  'c',
  'other',
]
/** Names that requests try to bind. */
const WRITTEN = [`${PREFIX}new`, `${PREFIX}latest`, `${PREFIX}moving`, 'other/secret', 'other/none']
const QUERIES = [
  '',
  '?prefix=',
  '?prefix=c',
  '?prefix=ci/',
  '?prefix=other/',
  '?prefix=ci/builds/&delimiter=/',
  '?delimiter=/',
  '?prefix=ci/&delimiter=/',
  '?prefix=o&delimiter=/',
  '?prefix=ci/b&delimiter=l',
  '?delimiter=/&after=ci/',
  '?after=d',
  '?after=ci/builds/m&limit=2',
  '?limit=1',
  '?match=**secret*',
  '?match=*e*&limit=3',
  '?fresh=1',
  '?timeout=100000',
]

const json = (document: object): Sent => ({ body: JSON.stringify(document) })

/** A batch of texts with names. */
function namedBatch(...items: readonly (readonly [string, string | undefined])[]): Sent {
  const entries = JSON.stringify(items.map(([text, name]) => ({ size: text.length, name })))
  return {
    body: entries + items.map(([text]) => text).join(''),
    headers: { 'dstore-entries': String(entries.length) },
  }
}

/** Bodies for calls that have one. */
const BODIES: Readonly<Record<string, readonly Sent[]>> = {
  'POST /v1/facts': [
    ...[...KEYS, ...NAMES].map((word) => json({ keys: [word] })),
    json({ keys: KEYS }),
  ],
  'PUT /v1/names/{name}': KEYS.flatMap((key) => [json({ key }), json({ key, kind: 'tag' })]),
  'POST /v1/trees': KEYS.flatMap((key) => [
    json({ entries: [{ path: 'a', key }] }),
    json({ key }),
    json({ path: '/etc' }),
  ]),
  'POST /v1/values': [{ body: 'secret' }, { body: 'guessed' }],
  'PUT /v1/values': [{ body: 'secret' }],
  'POST /v1/batch': [
    { body: 'secretmine', headers: { 'dstore-sizes': '6,4' } },
    namedBatch(['secret', `${PREFIX}batch`], ['deep', 'other/deep'], ['mine', `${PREFIX}mine`]),
    namedBatch(['alone', `${PREFIX}gone`], ['secret', undefined]),
  ],
}

const HEADERS: readonly Record<string, string>[] = [
  {},
  { range: 'bytes=0-1' },
  { range: 'bytes=900-' },
  { 'if-none-match': '*' },
  { 'if-match': '"other"' },
  { accept: 'text/plain' },
]

/** Requests of every route with the words, queries and headers of interest. */
export function* everyCall(): Generator<Step> {
  for (const { path: route, methods } of ROUTES) {
    // The list of changes does not end.
    if (route === '/v1/changes') continue
    for (const method of Object.keys(methods)) {
      // What removes comes afterwards.
      if (method === 'DELETE') continue
      const isRead = method === 'GET' || method === 'HEAD'
      for (const path of pathsOf(route, isRead)) {
        yield* isRead ? readsOf(method, path, route) : writesOf(method, path, route)
      }
    }
  }
}

function* readsOf(method: string, path: string, route: string): Generator<Step> {
  const isList = !route.includes('{') && accessOf(route, method)?.prefixed === true
  for (const query of isList ? QUERIES : ['']) yield { method, path: path + query }
  const isValue = route === '/v1/values/{key}' && CONDITIONED.some((word) => path.endsWith(word))
  if (!isList && !isValue) return
  for (const headers of HEADERS) yield { method, path, sent: { headers } }
}

/** Values that requests with conditions and ranges ask for. */
const CONDITIONED = [
  ...['mine', 'shared', 'secret', 'alone', 'nothing'].map((text) => keyOf(text).toString()),
  'other%2Fsecret',
]

function* writesOf(method: string, path: string, route: string): Generator<Step> {
  const isNamed = !route.includes('{')
  for (const query of isNamed ? ['', `?name=${PREFIX}new`, '?name=other/new'] : ['']) {
    for (const sent of BODIES[`${method} ${route}`] ?? [{ body: '{}' }]) {
      yield { method, path: path + query, sent }
    }
  }
}

function pathsOf(route: string, isRead: boolean): readonly string[] {
  const names = (isRead ? NAMES : WRITTEN).map((name) => encodeURIComponent(name))
  const words = /\{(key|word)\}/.test(route) ? [...KEYS, ...names] : names
  if (!route.includes('{')) return [route]
  return words.flatMap((word) => {
    const path = route.replace(/\{\w+\}/, word)
    return route.includes('{rest}')
      ? ['inside', 'secret'].map((rest) => path.replace('{rest}', rest))
      : [path]
  })
}

/** Puts a directory of values that only one world has, with `*` for the hold. */
export function* heldCalls(): Generator<{
  method: string
  path: string
  body: string | Uint8Array
}> {
  const root = directoryKey('held', 'secret', 'deep')
  const keys = JSON.stringify({ keys: KEYS })
  const made = JSON.stringify({ keys: [root.toString()] })
  const key = JSON.stringify({ key: root.toString() })
  const commit = `/v1/trees?hold=*&name=${PREFIX}copied`
  const all = [
    ['/v1/holds/*/present', keys],
    ['/v1/holds/*/directories', made],
    ['/v1/values?hold=*', directoryOf('held', 'secret', 'deep')],
    ['/v1/holds/*/directories', made],
    [commit, key],
    ['/v1/values?hold=*', 'secret'],
    ['/v1/holds/*/present', keys],
    ['/v1/values?hold=*', 'held'],
    ['/v1/holds/*/directories', made],
    ['/v1/values?hold=*', 'deep'],
    ['/v1/holds/*/directories', made],
    ['/v1/trees?hold=*', key],
    ['/v1/trees?hold=*&name=other/tree', key],
    [commit, key],
    [commit, key],
    ['/v1/holds/*/present', keys],
  ] as const
  for (const [path, body] of all) yield { method: 'POST', path, body }
}
