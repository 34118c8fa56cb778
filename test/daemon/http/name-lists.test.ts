/** Lists of names over HTTP, by a node with a store, and as a token with a prefix sees them. */
import { test } from '../../serial.ts'
import { once } from '../../../src/bytes.ts'
import type { ServedNode } from '../../../src/node/node.ts'
import { linesOf, jsonOf, tokenServing, type Call } from './tokens.ts'

const SIZES: readonly (readonly [name: string, size: number])[] = [
  ['a', 1],
  ['ci/builds/1', 10],
  ['ci/builds/2', 20],
  ['ci/log', 3],
  ['models/v1/config.json', 5],
  ['models/v1/weights.bin', 100],
  ['models/v2/weights.bin', 200],
]

async function put(node: ServedNode, name: string, size: number): Promise<string> {
  const { key } = await node.put({ bytes: once(Buffer.alloc(size, name)) }, { name })
  return key.toString()
}

const textsOf = async (call: Call, query: string): Promise<(string | undefined)[]> =>
  linesOf<{ name?: string; prefix?: string }>(await call('GET', `/v1/names?${query}`)).map(
    ({ name, prefix }) => name ?? prefix,
  )

test('R007-310 R007-311 R007-312 R007-313 lists of names, levels, numbers, and what the store has', async (t) => {
  const { node, make, as } = await tokenServing(t)
  const keys = new Map<string, string>()
  for (const [name, size] of SIZES) keys.set(name, await put(node, name, size))
  await node.put({ bytes: once(Buffer.alloc(7)) })
  const call = as((await make({ role: 'reader' })).token)

  const [first] = linesOf(await call('GET', '/v1/names?limit=1'))
  const { boundAt, ...facts } = first!
  t.deepEqual(facts, { name: 'a', key: keys.get('a'), kind: 'fixed', size: 1 })
  t.true(Math.abs(Date.parse(String(boundAt)) - Date.now()) < 600_000)

  t.deepEqual(
    await textsOf(call, ''),
    SIZES.map(([name]) => name),
  )
  t.deepEqual(await textsOf(call, 'prefix=ci/&after=ci/builds/1&limit=1'), ['ci/builds/2'])
  t.deepEqual(await textsOf(call, 'match=*.bin'), [
    'models/v1/weights.bin',
    'models/v2/weights.bin',
  ])
  t.deepEqual(await textsOf(call, 'prefix=models/v1&match=*.bin'), ['models/v1/weights.bin'])
  t.deepEqual(await textsOf(call, 'delimiter=/'), ['a', 'ci/', 'models/'])
  t.deepEqual(await textsOf(call, 'delimiter=/&after=ci/'), ['models/'])
  t.deepEqual(await textsOf(call, 'delimiter=/&prefix=ci/'), ['ci/builds/', 'ci/log'])
  const text = await call('GET', '/v1/names?delimiter=/', { headers: { accept: 'text/plain' } })
  t.is(text.body.toString(), 'a\nci/\nmodels/\n')

  for (const query of [
    'limit=0',
    'limit=1.5',
    'limit=x',
    'delimiter=',
    'delimiter=ab',
    'match=[',
    'match=',
    'match=a&delimiter=/',
    'prefix=a%0Ab',
    `after=${'x'.repeat(513)}`,
  ]) {
    const answer = await call('GET', `/v1/names?${query}`)
    t.is(answer.status, 400, query)
    t.is(jsonOf(answer)['code'], 'usage', query)
  }

  t.deepEqual(linesOf(await call('GET', '/v1/usage?prefix=models/&delimiter=/')), [
    { prefix: 'models/v1/', names: 2, size: 105 },
    { prefix: 'models/v2/', names: 1, size: 200 },
    { prefix: 'models/', names: 3, size: 305 },
  ])
  t.deepEqual(linesOf(await call('GET', '/v1/usage')), [{ prefix: '', names: 7, size: 339 }])
  t.deepEqual(linesOf(await call('GET', '/v1/usage?prefix=none')), [
    { prefix: 'none', names: 0, size: 0 },
  ])

  const use = jsonOf(await call('GET', '/v1/store'))
  t.like(use, { values: 8, valueBytes: 346, unnamedValues: 1, unnamedBytes: 7 })
})

test('R004-127 R004-160 a name that has expired is in no list and in no number', async (t) => {
  const { node, make, as } = await tokenServing(t)
  const call = as((await make({ role: 'reader' })).token)
  const bytes = Buffer.from('short-lived')
  const naming = { kind: 'tag', expiresMs: 60_000 } as const
  await node.put({ bytes: once(bytes) }, { name: 'later', naming })
  await node.put({ bytes: once(bytes) }, { name: 'gone', naming: { expiresMs: 0 } })
  const lines = linesOf<Record<string, string>>(await call('GET', '/v1/names'))
  t.deepEqual(
    lines.map(({ name, kind }) => [name, kind]),
    [['later', 'tag']],
  )
  const { boundAt, expiresAt } = lines[0]!
  t.is(Date.parse(expiresAt!) - Date.parse(boundAt!), 60_000)
  t.deepEqual(linesOf(await call('GET', '/v1/usage')), [
    { prefix: '', names: 1, size: bytes.byteLength },
  ])
})

test('R007-316 the lists of a token with a prefix are those of a store with nothing else', async (t) => {
  const { node, make, as } = await tokenServing(t)
  for (const [name, size] of SIZES) await put(node, name, size)
  const call = as((await make({ role: 'reader', prefix: 'ci/builds/' })).token)
  t.deepEqual(await textsOf(call, ''), ['ci/builds/1', 'ci/builds/2'])
  t.deepEqual(await textsOf(call, 'match=*'), ['ci/builds/1', 'ci/builds/2'])
  t.deepEqual(await textsOf(call, 'prefix=ci/l'), [])
  t.deepEqual(await textsOf(call, 'after=ci/builds/1'), ['ci/builds/2'])
  t.deepEqual(await textsOf(call, 'delimiter=/'), ['ci/'])
  t.deepEqual(await textsOf(call, 'delimiter=/&after=ci/'), [])
  t.deepEqual(await textsOf(call, 'delimiter=/&after=d'), [])
  t.deepEqual(await textsOf(call, 'delimiter=/&prefix=ci/'), ['ci/builds/'])
  t.deepEqual(await textsOf(call, 'delimiter=/&prefix=ci/builds/'), ['ci/builds/1', 'ci/builds/2'])
  t.deepEqual(await textsOf(call, 'delimiter=x'), ['ci/builds/1', 'ci/builds/2'])
  t.deepEqual(await textsOf(call, 'delimiter=/&prefix=models/'), [])
  const usage = async (query: string): Promise<unknown[]> =>
    linesOf(await call('GET', `/v1/usage?${query}`))
  t.deepEqual(await usage(''), [{ prefix: '', names: 2, size: 30 }])
  t.deepEqual(await usage('delimiter=/'), [
    { prefix: 'ci/', names: 2, size: 30 },
    { prefix: '', names: 2, size: 30 },
  ])
  t.deepEqual(await usage('prefix=ci/builds/2&delimiter=/'), [
    { prefix: 'ci/builds/2', names: 1, size: 20 },
  ])
  t.deepEqual(await usage('prefix=models/'), [{ prefix: 'models/', names: 0, size: 0 }])
  t.is((await call('GET', '/v1/names?delimiter=')).status, 400)
  t.is((await call('GET', '/v1/store')).status, 403)
  // A token whose prefix has no name sees no level above it either.
  const other = as((await make({ role: 'reader', prefix: 'none/' })).token)
  t.deepEqual(await textsOf(other, 'delimiter=/'), [])
  t.deepEqual(linesOf(await other('GET', '/v1/usage?delimiter=/')), [
    { prefix: '', names: 0, size: 0 },
  ])
})
