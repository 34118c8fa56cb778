import { test } from '../../serial.ts'
import { once } from 'node:events'
import { request } from 'node:http'
import type { ExecutionContext } from 'ava'
import { encodeDirectory } from '../../../src/directory/encoder.ts'
import type { Entry } from '../../../src/directory/directory.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { once as whole } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import { NAMES_PER_ANSWER } from '../../../src/limits.ts'
import type { BoundName, NodeIndex, ServedNode } from '../../../src/node/node.ts'
import { KeySight } from '../../../src/daemon/http/tokens/key-sight.ts'
import { ROUTES } from '../../../src/daemon/http/routes.ts'
import { accessOf } from '../../../src/daemon/http/tokens/route-access.ts'
import { SentKeys } from '../../../src/daemon/http/tokens/sent-keys.ts'
import { eventually } from '../../eventually.ts'
import type { Answer } from '../serving.ts'
import { jsonOf, linesOf, tokenServing, type Call, type TokenServing } from './tokens.ts'

const SECRET = 'a value outside the prefix'

const file = (key: Key, size: number): Entry => ({
  type: 'file',
  digest: key.digest,
  size,
  executable: false,
})

const bytesOf = (entries: readonly (readonly [string, Entry])[]): Uint8Array =>
  encodeDirectory(new Map(entries))

interface Confined extends TokenServing {
  /** With a writer's token for `ci/`. */
  readonly call: Call
  /** The key of `SECRET`, which is named `other/secret`. */
  readonly secret: Key
  /** The key of a directory with `SECRET` as `secret.txt`, named `other/tree`. */
  readonly tree: Key
}

async function confined(t: ExecutionContext, role = 'writer'): Promise<Confined> {
  const serving = await tokenServing(t)
  const { node } = serving
  const secret = await put(node, SECRET, 'other/secret')
  const tree = await putTree(node, [['secret.txt', file(secret, SECRET.length)]], 'other/tree')
  const { token } = await serving.make({ role, label: 'ci', prefix: 'ci/' })
  return { ...serving, call: serving.as(token), secret, tree }
}

async function put(node: ServedNode, text: string, name?: string): Promise<Key> {
  const bytes = Buffer.from(text)
  return (await node.put({ bytes: whole(bytes) }, name === undefined ? {} : { name })).key
}

async function putTree(
  node: ServedNode,
  entries: readonly (readonly [string, Entry])[],
  name: string,
): Promise<Key> {
  const trees = node.trees
  const hold = await trees.openHold()
  const { key } = await node.put({ bytes: whole(bytesOf(entries)) }, { hold })
  const root = key.as('directory')
  for (const [, entry] of entries) {
    if (entry.type !== 'link') await trees.present(hold, [new Key(entry.digest)])
  }
  await trees.makeDirectories(hold, [root])
  await trees.commitTree(hold, root, { name })
  return root
}

const codeOf = (answer: Answer): unknown => jsonOf(answer)['code']

/** The parts of an answer that may differ between two keys are cut out. */
const shapeOf = ({ status, body }: Answer): string =>
  `${status} ${body.toString().replaceAll(/bafk\w+|bafy\w+/g, 'KEY')}`

test('R007-325 every call of every route says which role it needs, and which are for prefixes', (t) => {
  for (const { path, methods } of ROUTES) {
    for (const method of Object.keys(methods)) {
      t.truthy(accessOf(path, method), `${method} ${path}: add it to route-access.ts`)
    }
  }
})

const CALLS = ROUTES.flatMap(({ path, methods }) =>
  Object.keys(methods).map((method): [string, string, string] => [
    method,
    path,
    path
      .replace(/\{(key|word)\}/, '0'.repeat(64))
      .replace('{hold}', '0'.repeat(32))
      .replaceAll(/\{\w+\}/g, 'absent'),
  ]),
)

/** Node sends no length with the body of other methods. */
const bodyFor = (method: string): { readonly body?: string } =>
  method === 'POST' || method === 'PUT' ? { body: '{}' } : {}

test('R007-325 R007-326 a token does what its role may, by any path, and nothing else', async (t) => {
  const { make, as, node } = await tokenServing(t)
  const roles = ['reader', 'writer', 'admin'] as const
  const key = await put(node, 'kept', 'kept')
  for (const role of ['reader', 'writer'] as const) {
    const call = as((await make({ role, label: role })).token)
    for (const [method, path, target] of CALLS) {
      const needed = roles.indexOf(accessOf(path, method)!.role)
      if (needed <= roles.indexOf(role)) continue
      const answer = await call(method, `${target}?name=by-query`, bodyFor(method))
      t.is(answer.status, 403, `${role}: ${method} ${target}`)
      t.is(codeOf(answer), 'not-permitted')
    }
    const unbound = await call('DELETE', '/v1/names/kept')
    t.is(unbound.status, 403, 'a fixed name is an admin’s')
    t.is((await call('DELETE', `/v1/values/${key.toString()}?force=1`)).status, 403)
  }
  const reader = as((await make({ label: 'another' })).token)
  for (const [method, path, body] of [
    ['POST', '/v1/values', 'x'],
    ['PUT', '/v1/values?name=n', 'x'],
    ['POST', '/v1/batch', 'x'],
    ['PUT', '/v1/names/n', JSON.stringify({ key: key.toString() })],
    ['POST', '/v1/trees', JSON.stringify({ entries: [] })],
    ['POST', '/v1/holds', ''],
  ] as const) {
    t.is((await reader(method, path, { body })).status, 403, `${method} ${path}`)
  }
  const keys: string[] = []
  for await (const one of node.index.keys()) keys.push(one.key.toString())
  t.deepEqual(keys, [key.toString()])
  t.is((await reader('GET', '/v1/values/kept')).body.toString(), 'kept')
  const admin = as((await make({ role: 'admin', label: 'root' })).token)
  t.is((await admin('DELETE', '/v1/names/kept')).status, 200)
})

test('R006-50 a writer’s token asks as a writer, whatever its node may and a name was before', async (t) => {
  const { make, as, node } = await tokenServing(t)
  const call = as((await make({ role: 'writer' })).token)
  const key = await put(node, 'kept', 'kept')
  const tree = await putTree(node, [['kept', file(key, 4)]], 'tree')
  const named = async (name: string) => (await node.index.lookup(name))?.expiresAt
  const body = JSON.stringify({ key: key.toString(), expires: 60_000 })
  t.is((await call('PUT', '/v1/names/kept', { body })).status, 403)
  t.is((await call('POST', '/v1/values?name=kept&expires=60000', { body: 'kept' })).status, 403)
  const entries = JSON.stringify({ entries: [{ path: 'kept', key: key.toString() }] })
  const again = await call('POST', '/v1/trees?name=tree&expires=60000', { body: entries })
  t.is(again.status, 403)
  t.deepEqual([await named('kept'), await named('tree')], [undefined, undefined])
  t.is((await node.index.lookup('tree'))?.key.toString(), tree.toString())
  // As though an admin bound it as a fixed name between the look-up and the removal.
  const lookup = node.index.lookup.bind(node.index)
  node.index.lookup = async (name, options) => {
    const bound = await lookup(name, options)
    return bound && { ...bound, kind: 'tag' }
  }
  t.is((await call('DELETE', '/v1/names/kept')).status, 403)
  node.index.lookup = lookup
  t.truthy(await node.index.lookup('kept'))
  const tag = JSON.stringify({ key: key.toString(), kind: 'tag', expires: 60_000 })
  t.is((await call('PUT', '/v1/names/moving', { body: tag })).status, 200)
  t.is((await call('DELETE', '/v1/names/moving')).status, 200)
})

test('R007-330 a prefixed token makes no call that shows or changes what is outside', async (t) => {
  const { make, as } = await tokenServing(t)
  const call = as((await make({ role: 'admin', label: 'a', prefix: 'ci/' })).token)
  let refused = 0
  for (const [method, path, target] of CALLS) {
    if (accessOf(path, method)!.prefixed === true) continue
    const answer = await call(method, target, bodyFor(method))
    t.is(answer.status, 403, `${method} ${target}`)
    refused++
  }
  // Keys, metrics, status, members, tokens, stop and others.
  t.true(refused > 15, String(refused))
})

test('R007-330 names outside the prefix are not read, bound, removed or listed', async (t) => {
  const { call, node } = await confined(t, 'admin')
  await put(node, 'mine', 'ci/mine')
  await put(node, 'like it', 'cicero')
  for (const name of ['other/secret', 'other/absent', 'cicero', 'ci/']) {
    const path = encodeURIComponent(name)
    for (const [method, target, body] of [
      ['GET', `/v1/names/${path}`],
      ['GET', `/v1/names/${path}?fresh=1`],
      ['GET', `/v1/values/${path}`],
      ['GET', `/v1/values/${path}/facts`],
      ['GET', `/v1/trees/${path}`],
      ['POST', `/v1/values/${path}/prefetch`],
      ['POST', `/v1/facts`, JSON.stringify({ keys: [name] })],
      ['DELETE', `/v1/names/${path}`],
      ['POST', `/v1/values?name=${path}`, 'x'],
      ['PUT', `/v1/values?name=${path}`, 'x'],
      ['PUT', `/v1/names/${path}`, JSON.stringify({ key: '0'.repeat(64) })],
    ] as const) {
      const answer = await call(method, target, body === undefined ? {} : { body })
      // A list begins before it fails: its trailer or its end says so.
      const isRefused = answer.status === 403 || (target === '/v1/facts' && !answer.whole)
      t.true(isRefused, `${method} ${target}: ${answer.status}`)
      t.false(answer.body.includes(SECRET))
    }
  }
  for (const prefix of ['', 'c', 'ci/', 'ci/m', 'other/', 'cicero']) {
    const names = linesOf(await call('GET', `/v1/names?prefix=${prefix}`)).map(
      (line) => line['name'],
    )
    t.deepEqual(names, prefix === 'other/' || prefix === 'cicero' ? [] : ['ci/mine'], prefix)
  }
  t.is(
    (await call('GET', '/v1/names', { headers: { accept: 'text/plain' } })).body.toString(),
    'ci/mine\n',
  )
  t.is((await call('DELETE', '/v1/names/ci%2Fmine?keep=1')).status, 403)
})

test('R007-331 by key such a token reads what one of its own names is bound to, and no more', async (t) => {
  const { call, node, secret, tree } = await confined(t)
  const mine = await put(node, 'mine', 'ci/mine')
  await put(node, 'mine', 'other/mine')
  const absent = new Key(hash(Buffer.from('absent')).digest)
  const paths = (key: Key): readonly (readonly [string, string])[] => [
    ['GET', `/v1/values/${key.toString()}`],
    ['HEAD', `/v1/values/${key.toString()}`],
    ['GET', `/v1/values/${key.toString()}/facts`],
    ['GET', `/v1/trees/${key.toString()}`],
    ['HEAD', `/v1/trees/${key.toString()}`],
  ]
  for (const [method, path] of paths(mine)) t.is((await call(method, path)).status, 200, path)
  const facts = jsonOf(await call('GET', `/v1/values/${mine.toString()}/facts`))
  t.deepEqual(facts['names'], ['ci/mine'])
  t.deepEqual([facts['holders'], facts['heldBytes'], facts['heldBy']], [[], 0, undefined])
  for (const hidden of [secret, tree, tree.as('bytes'), secret.as('directory')]) {
    for (const [at, [method, path]] of paths(hidden).entries()) {
      const answer = await call(method, path)
      const other = await call(...paths(absent.as(hidden.kind))[at]!)
      t.is(answer.status, 404, path)
      t.is(shapeOf(answer), shapeOf(other), path)
    }
    const ranged = await call('GET', `/v1/values/${hidden.toString()}`, {
      headers: { range: 'bytes=0-1' },
    })
    t.is(ranged.status, 404)
    const known = await call('GET', `/v1/values/${hidden.toString()}`, {
      headers: { 'if-none-match': `"${hidden.toString()}"` },
    })
    t.is(known.status, 404, 'no 304 for what is out of sight')
    const keys = JSON.stringify({ keys: [hidden.toString(), mine.toString()] })
    const [first, second] = linesOf<object | null>(await call('POST', '/v1/facts', { body: keys }))
    t.is(first, null)
    t.truthy(second)
  }
  await node.index.unbind('ci/mine')
  t.is((await call('GET', `/v1/values/${mine.toString()}`)).status, 404, 'its name has gone')
})

test('R006-51 R007-331 a key is in sight by its name below the prefix, however many others it has', async (t) => {
  const { call, node } = await confined(t)
  const key = await put(node, 'many', 'a/0')
  for (let n = 1; n <= NAMES_PER_ANSWER; n++) await node.index.bind(`a/${n}`, key)
  t.is((await call('GET', `/v1/values/${key.toString()}`)).status, 404)
  await node.index.bind('ci/one', key)
  t.is((await call('GET', `/v1/values/${key.toString()}`)).body.toString(), 'many')
  const facts = jsonOf(await call('GET', `/v1/values/${key.toString()}/facts`))
  t.deepEqual(facts['names'], ['ci/one'])
})

test('R007-331 where Global is away, the answer for a key does not say whether it is held', async (t) => {
  const [held, absent] = ['held', 'absent'].map((text) => new Key(hash(Buffer.from(text)).digest))
  const away = new DstoreError('unreachable', 'Global cannot be reached')
  const index = {
    lookup: () => Promise.resolve({ key: held, incarnation: 1 }),
    stat: (key: Key) =>
      key === held ? Promise.resolve({ key, names: [], confirmed: false }) : Promise.reject(away),
  }
  const sight = new KeySight(index as unknown as NodeIndex, 'ci/')
  const [first, second] = await Promise.all(
    [held, absent].map((key) => t.throwsAsync(sight.sees(key!), { code: 'unreachable' })),
  )
  t.is(String(first), String(second))
  sight.found({ key: held! } as BoundName)
  t.true(await sight.sees(held!), 'by its name')
  t.is((await sight.stat(held!))?.confirmed, false)
})

test('R007-332 a path below a name in sight is read, and its entries by key are not', async (t) => {
  const { call, node, secret, tree } = await confined(t)
  await node.index.bind('ci/tree', tree)
  const read = await call('GET', '/v1/trees/ci%2Ftree/secret.txt')
  t.is(read.body.toString(), SECRET)
  t.is((await call('GET', '/v1/trees/ci/tree/secret.txt')).body.toString(), SECRET)
  t.is((await call('GET', `/v1/trees/${tree.toString()}/secret.txt`)).body.toString(), SECRET)
  const listed = linesOf(await call('GET', '/v1/trees/ci%2Ftree'))
  t.is(listed[0]!['key'], secret.toString())
  t.is((await call('GET', `/v1/values/${secret.toString()}`)).status, 404)
  t.is((await call('GET', '/v1/trees/other%2Ftree/secret.txt')).status, 403)
  t.is((await call('GET', '/v1/trees/other/tree/secret.txt')).status, 403)
  t.is((await call('GET', '/v1/trees/ci/none/x')).status, 404)
})

test('R007-331 the bytes of a directory under a name do not open what it holds', async (t) => {
  const { call, node, secret, tree } = await confined(t)
  const bytes = bytesOf([['secret.txt', file(secret, SECRET.length)]])
  const stored = await call('POST', '/v1/values?name=ci/guess', { body: bytes })
  t.is(jsonOf(stored)['key'], tree.as('bytes').toString())
  t.is((await call('GET', `/v1/trees/${tree.toString()}/secret.txt`)).status, 404)
  t.is((await call('GET', `/v1/trees/${tree.toString()}`)).status, 404)
  t.is((await call('GET', '/v1/trees/ci%2Fguess/secret.txt')).status, 404)
  const body = JSON.stringify({ key: tree.toString() })
  t.is((await call('PUT', '/v1/names/ci%2Fbound', { body })).status, 404)
  t.is(await node.index.lookup('ci/bound'), undefined)
})

test('R007-333 a put says the same whether its value existed or not', async (t) => {
  const { call, secret } = await confined(t)
  const old = await call('POST', '/v1/values?name=ci/old', { body: SECRET })
  const fresh = await call('POST', '/v1/values?name=ci/new', { body: SECRET.replace('a', 'b') })
  t.is(jsonOf(old)['key'], secret.toString())
  t.is(shapeOf(old), shapeOf(fresh))
  const again = await call('POST', '/v1/values?name=ci/new', { body: SECRET.replace('a', 'b') })
  t.is(shapeOf(again), shapeOf(fresh))
  const factsOf = async (name: string): Promise<string> => {
    const { incarnation, ...facts } = jsonOf(await call('GET', `/v1/values/ci%2F${name}/facts`))
    const bound = jsonOf(await call('GET', `/v1/names/ci%2F${name}`))
    t.is(incarnation, bound['incarnation'], 'that of the binding')
    return JSON.stringify(facts).replaceAll(/baf\w+|ci\/\w+/g, '')
  }
  t.is(await factsOf('old'), await factsOf('new'))
  for (const path of ['/v1/values', '/v1/batch']) {
    const headers = { 'dstore-sizes': '1' }
    const answer = await call('POST', path, { body: 'x', headers })
    t.true(answer.status === 403 || !answer.whole, path)
  }
})

test('R007-331 a name is bound to keys in sight only', async (t) => {
  const { call, node, secret } = await confined(t)
  const mine = await put(node, 'mine', 'ci/mine')
  const bind = (key: Key): Promise<Answer> =>
    call('PUT', '/v1/names/ci%2Fother', { body: JSON.stringify({ key: key.toString() }) })
  const hidden = await bind(secret)
  t.is(hidden.status, 404)
  t.is(shapeOf(hidden), shapeOf(await bind(new Key(hash(Buffer.from('absent')).digest))))
  t.is((await bind(mine)).status, 200)
})

test('R007-334 a tree is put of what such a token sends, and of nothing that others have', async (t) => {
  const { call, secret, node } = await confined(t)
  const open = async (): Promise<string> =>
    jsonOf<{ hold: string }>(await call('POST', '/v1/holds')).hold
  const hold = await open()
  const at = `/v1/holds/${hold}`
  const keysOf = (...keys: Key[]): { body: string } => ({
    body: JSON.stringify({ keys: keys.map(String) }),
  })
  t.deepEqual(linesOf<unknown>(await call('POST', `${at}/present`, keysOf(secret))), [false])
  const bytes = bytesOf([['secret.txt', file(secret, SECRET.length)]])
  const sent = jsonOf(await call('POST', `/v1/values?hold=${hold}`, { body: bytes }))
  t.is(sent['existed'], false)
  const root = new Key(hash(bytes).digest, 'directory')
  const make = (): Promise<Answer> => call('POST', `${at}/directories`, keysOf(root))
  const [made] = linesOf(await make())
  t.deepEqual(made!['missing'], [secret.toString()], 'though it exists')
  const commit = (name: string): Promise<Answer> =>
    call('POST', `/v1/trees?hold=${hold}${name}`, {
      body: JSON.stringify({ key: root.toString() }),
    })
  t.is((await commit('&name=ci/tree')).status, 404)
  const entries = JSON.stringify({ entries: [{ path: 'stolen', key: secret.toString() }] })
  t.is((await call('POST', '/v1/trees?name=ci/stolen', { body: entries })).status, 404)
  t.is((await call('POST', `/v1/values?hold=${hold}`, { body: SECRET })).status, 201)
  t.deepEqual(linesOf<unknown>(await call('POST', `${at}/present`, keysOf(secret))), [true])
  t.deepEqual(linesOf(await make())[0]!['missing'], [])
  t.is((await commit('')).status, 403, 'a tree without a name')
  t.is((await commit('&name=other/mine')).status, 403)
  const stored = await commit('&name=ci/tree')
  t.deepEqual([stored.status, jsonOf(stored)['existed']], [201, false])
  t.is((await call('GET', '/v1/trees/ci%2Ftree/secret.txt')).body.toString(), SECRET)
  t.is((await node.index.lookup('ci/tree'))?.key.toString(), root.toString())
})

test('R007-334 R007-224 a tree of entries takes keys in sight', async (t) => {
  const { call, node } = await confined(t)
  const mine = await put(node, 'mine', 'ci/mine')
  const entries = JSON.stringify({ entries: [{ path: 'a/b', key: mine.toString() }] })
  t.is((await call('POST', '/v1/trees?name=ci/made', { body: entries })).status, 201)
  t.is((await call('GET', '/v1/trees/ci/made/a/b')).body.toString(), 'mine')
  t.is((await call('POST', '/v1/trees', { body: entries })).status, 403)
})

test('R013-16 a tree of entries takes what the token sent under its hold, and nothing else', async (t) => {
  const { call, node } = await confined(t)
  const secret = await put(node, SECRET, 'other/secret')
  const open = async (): Promise<string> =>
    jsonOf(await call('POST', '/v1/holds'))['hold'] as string
  const hold = await open()
  const mine = jsonOf(await call('POST', `/v1/values?hold=${hold}`, { body: 'mine' }))['key']
  const commit = (key: unknown, under: string): Promise<Answer> =>
    call('POST', `/v1/trees?hold=${under}&name=ci/made`, {
      body: JSON.stringify({ entries: [{ path: 'a/b', key }] }),
    })
  t.is((await commit(secret.toString(), hold)).status, 404, 'it exists')
  t.is((await commit(mine, await open())).status, 404, 'sent under another hold')
  t.is((await commit(mine, '0'.repeat(32))).status, 404)
  t.is((await commit(mine, hold)).status, 201)
  t.is((await call('GET', '/v1/trees/ci/made/a/b')).body.toString(), 'mine')
  t.is((await commit(mine, hold)).status, 404, 'the hold has ended')
})

test('R007-334 the holds of others are not used, and what is sent is bounded', async (t) => {
  const { call, node, make, as } = await confined(t)
  const other = as((await make({ role: 'writer', label: 'o', prefix: 'other/' })).token)
  const { hold } = jsonOf<{ hold: string }>(await call('POST', '/v1/holds'))
  const own = await node.trees.openHold()
  for (const foreign of [hold, own]) {
    const at = `/v1/holds/${foreign}`
    t.is((await other('POST', `/v1/values?hold=${foreign}`, { body: 'x' })).status, 404)
    t.is((await other('DELETE', at)).status, 404)
  }
  t.is((await call('DELETE', `/v1/holds/${hold}`)).status, 200)
  const key = (n: number): Key => new Key(hash(Buffer.from([n])).digest)
  let now = 0
  const sent = new SentKeys(3, () => now)
  sent.open('a', 'ci/')
  sent.add('a', 'ci/', key(1))
  sent.add('a', 'ci/', key(1))
  sent.add('a', 'ci/', key(2))
  t.throws(() => sent.add('a', 'ci/', key(3)), { code: 'busy' })
  t.throws(() => sent.open('b', 'ci/'), { code: 'busy' })
  t.throws(() => sent.of('a', 'other/'), { code: 'not-found' })
  now = 90_000_000
  sent.open('b', 'ci/')
  t.throws(() => sent.of('a', 'ci/'), { code: 'not-found' })
})

test('R007-335 a watch shows the changes of names below the prefix, and not what existed', async (t) => {
  const { make, node, port } = await confined(t)
  const { token } = await make({ label: 'watcher', prefix: 'ci/' })
  const headers = { authorization: `Bearer ${token}` }
  const asked = request({ port, host: '127.0.0.1', path: '/v1/changes', headers, agent: false })
  asked.end()
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream]
  let text = ''
  response.on('data', (part: Buffer) => (text += part.toString()))
  response.on('error', () => undefined)
  t.teardown(() => asked.destroy())
  await eventually(() => Promise.resolve(text.includes('id: ')))
  await put(node, SECRET, 'ci/old')
  await put(node, 'new', 'ci/new')
  await put(node, 'outside', 'other/b')
  await put(node, 'unnamed')
  await node.index.unbind('other/b')
  await node.index.unbind('ci/new')
  await node.index.unbind('ci/old')
  await eventually(() => Promise.resolve((text.match(/"unbind"/g) ?? []).length === 2))
  const events = [...text.matchAll(/^data: (.*)$/gm)].map(
    ([, line]) => JSON.parse(line!) as { type: string; names: string[] },
  )
  t.deepEqual(
    events.map(({ type, names }) => `${type} ${names.join()}`),
    ['bind ci/old', 'bind ci/new', 'unbind ci/new', 'unbind ci/old'],
  )
})

test('R007-330 the answer to a removal does not say whether the value has names outside', async (t) => {
  const { call, node } = await confined(t, 'admin')
  await put(node, 'alone', 'ci/alone')
  await put(node, 'share', 'ci/share')
  await put(node, 'share', 'other/share')
  const remove = async (name: string): Promise<string> => {
    const { seq: _, ...answer } = jsonOf(await call('DELETE', `/v1/names/ci%2F${name}`))
    return JSON.stringify(answer).replaceAll(/ci\/\w+/g, 'NAME')
  }
  t.is(await remove('alone'), await remove('share'))
})
