/** Rules at real nodes (specs/004-index.md, "Rules: lifecycle"). */
import { test } from '../../serial.ts'
import { MIB } from '../../../src/limits.ts'
import type { Node } from '../../../src/node/node.ts'
import { eventually } from '../../eventually.ts'
import { Nodes, once } from '../nodes.ts'
import { putThrough, valueOf } from './stream.ts'

async function namesOf(node: Node, prefix: string): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of node.index.names(prefix)) names.push(name)
  return names
}

test('R004-144 R004-147: a rule keeps a stream of puts within its bound, on disk', async (t) => {
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  const node = await nodes.global({ dir, store: 'disk' })
  const stream = { prefix: 'cache/', maxSize: 2 * MIB, values: 200, size: 64 << 10, atOnce: 4 }
  const { maxSize, size } = stream
  // One of the stream, which a name elsewhere keeps.
  const kept = await node.put({ bytes: once(valueOf(7, size)) }, { name: 'elsewhere' })
  await node.rules.set('cache/', { maxSize })
  const { mostStored, mostCharged } = await putThrough(node, stream)
  t.true(mostCharged <= maxSize, `${mostCharged}`)
  // The value that is kept elsewhere, and one.
  t.true(mostStored <= maxSize * 1.02 + 2 * size, `${mostStored}`)
  t.is((await node.index.lookup('elsewhere'))?.key.toString(), kept.key.toString())
  await eventually(async () => {
    const [rule] = await node.rules.list()
    const names = await namesOf(node, 'cache/')
    return rule!.names === names.length && rule!.size === names.length * size
  })
  const [rule] = await node.rules.list()
  t.is(rule!.removed, stream.values - rule!.names)
  await node.close()
  // The counters are those of before.
  const again = await nodes.global({ dir, store: 'disk' })
  const [same] = await again.rules.list()
  const { heldOtherwise: _, ...counted } = rule!
  t.like(same, counted)
  await again.put({ bytes: once(valueOf(1000, size)) }, { name: 'cache/new' })
  t.true((await namesOf(again, 'cache/')).includes('cache/new'))
})

test('R004-146 R004-151: a use at a Local counts, though Global does not hear of it at once', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  for (const n of [1, 2, 3]) await local.put({ bytes: once(valueOf(n, 8)) }, { name: `a/${n}` })
  await local.rules.set('a/', { maxNames: 3 })
  const other = await nodes.local(global)
  await other.index.lookup('a/1')
  for (const n of [2, 3]) await global.index.lookup(`a/${n}`)
  // The Local answers this itself, and tells Global at the latest when it stops.
  t.like(await other.index.lookup('a/1'), { confirmed: true })
  t.like(await other.rules.list(), [{ prefix: 'a/', names: 3, size: 24 }])
  await other.close()
  await global.put({ bytes: once(valueOf(5, 8)) }, { name: 'a/5' })
  t.deepEqual(await namesOf(global, 'a/'), ['a/1', 'a/3', 'a/5'])
  await t.throwsAsync(local.rules.set('a/', {}), { code: 'usage' })
  await t.throwsAsync(local.rules.set('a\n', { maxNames: 1 }), { code: 'usage' })
  await local.rules.remove('a/')
  await t.throwsAsync(global.rules.remove('a/'), { code: 'not-found' })
  t.deepEqual(await global.rules.list(), [])
})
