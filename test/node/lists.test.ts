/** Lists of names at Global and through a Local, and with a Global of an earlier version. */
import { test } from '../serial.ts'
import type { ServedNode } from '../../src/node/node.ts'
import { refusalAt } from '../../src/index/versions.ts'
import { Nodes, once } from './nodes.ts'
import { putTree } from './put-tree.ts'

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

test('R004-160 R004-161 R004-162 R004-164 a Local lists what its Global does', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const put = (name: string, size: number, naming = {}): Promise<unknown> =>
    local.put({ bytes: once(Buffer.alloc(size, name)) }, { name, naming })
  await put('a/b/1', 1)
  await put('a/b/2', 2)
  await put('a/c', 4, { kind: 'tag', expiresMs: 3_600_000 })
  await put('d', 8)
  await put('gone', 16, { expiresMs: 0 })
  // More names than one message has.
  const many = Array.from({ length: 1100 }, (_, i) => `m/${String(i).padStart(4, '0')}`)
  const { key } = await global.put({ bytes: once(Buffer.from('x')) })
  for (const name of many) await global.index.bind(name, key)

  const lists = async ({ index }: ServedNode) => ({
    names: await all(index.names()),
    some: await all(index.names('a/', { after: 'a/b/1', limit: 1 })),
    matching: await all(index.names('', { match: 'm/*00' })),
    level: await all(index.level()),
    below: await all(index.level('a/', { limit: 2 })),
    other: await all(index.level('', { delimiter: 'b' })),
    usage: await all(index.usage('', { delimiter: '/' })),
    total: await all(index.usage('m/')),
    contents: await index.contents(),
  })
  const atGlobal = await lists(global)
  t.deepEqual(await lists(local), atGlobal)

  const { names, some, matching, level, below, usage, total, contents } = atGlobal
  t.deepEqual(
    names.map(({ name }) => name),
    ['a/b/1', 'a/b/2', 'a/c', 'd', ...many],
  )
  const { boundAt, expiresAt, ...tag } = names[2]!
  t.like(tag, { name: 'a/c', kind: 'tag', size: 4 })
  t.is(Date.parse(expiresAt!) - Date.parse(boundAt!), 3_600_000)
  t.deepEqual(
    some.map(({ name }) => name),
    ['a/b/2'],
  )
  t.is(matching.length, 11)
  t.deepEqual(
    level.map((one) => ('prefix' in one ? one.prefix : one.name)),
    ['a/', 'd', 'm/'],
  )
  t.deepEqual(
    below.map((one) => ('prefix' in one ? one.prefix : one.name)),
    ['a/b/', 'a/c'],
  )
  t.deepEqual(usage, [
    { prefix: 'a/', names: 3, size: 7 },
    { prefix: 'm/', names: 1100, size: 1100 },
    { prefix: '', names: 1104, size: 1115 },
  ])
  t.deepEqual(total, [{ prefix: 'm/', names: 1100, size: 1100 }])
  t.like(contents, { durable: false, unnamedValues: 0, unnamedBytes: 0 })

  for (const node of [global, local]) {
    await t.throwsAsync(all(node.index.names('', { limit: 0 })), { code: 'usage' })
    await t.throwsAsync(all(node.index.names('', { match: '[' })), { code: 'usage' })
    await t.throwsAsync(all(node.index.level('', { delimiter: 'ab' })), { code: 'usage' })
    await t.throwsAsync(all(node.index.usage('', { delimiter: '' })), { code: 'usage' })
    await t.throwsAsync(all(node.index.names('x'.repeat(513))), { code: 'usage' })
  }
})

test('R004-3 R004-161 what an earlier version would answer wrongly is not asked of it', (t) => {
  const plain = { type: 'names', prefix: 'a', after: undefined, limit: 1 } as const
  t.is(refusalAt(2, plain), undefined)
  for (const more of [{ delimiter: '/' }, { match: '*' }, { totals: true }]) {
    t.like(refusalAt(2, { ...plain, ...more }), { code: 'incompatible' })
    t.is(refusalAt(3, { ...plain, ...more }), undefined)
  }
  t.like(refusalAt(2, { type: 'contents', after: undefined }), { code: 'incompatible' })
})

test('R004-164 what was put without a name is counted, a directory by its total', async (t) => {
  const global = await new Nodes(t).global()
  const { index } = global
  await global.put({ bytes: once(Buffer.from('12345')) })
  const { key } = await global.put({ bytes: once(Buffer.from('1234567')) })
  t.like(await index.contents(), { values: 2, valueBytes: 12, unnamedValues: 2, unnamedBytes: 12 })
  await index.bind('seven', key)
  t.like(await index.contents(), { unnamedValues: 1, unnamedBytes: 5 })
  await global.put({ bytes: once(Buffer.from('named')) }, { name: 'five' })
  await index.unbind('five', { keepValue: true })
  t.like(await index.contents(), { values: 3, unnamedValues: 2, unnamedBytes: 10 })
  // What only a directory holds has no name either, and goes with it: it counts in its total.
  await putTree(global, { a: Buffer.from('aaaa'), b: { c: Buffer.from('cc') } })
  t.like(await index.contents(), { values: 7, unnamedValues: 3, unnamedBytes: 16 })
})
