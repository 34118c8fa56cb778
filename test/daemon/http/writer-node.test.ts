import { test } from '../../serial.ts'
import { once } from '../../../src/bytes.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import type { BoundName, ServedNode } from '../../../src/node/node.ts'
import { writerNode } from '../../../src/daemon/http/tokens/writer-node.ts'

/** A node that notes the options of each call, and one of whose names has this kind. */
function noting(kind: BoundName['kind']) {
  const noted: object[] = []
  const note = (options: object = {}): Promise<never> => {
    noted.push(options)
    return Promise.resolve(undefined as never)
  }
  const index = {
    lookup: () => Promise.resolve({ kind }),
    bind: (...[, , options]: object[]) => note(options),
    tag: (...[, , options]: object[]) => note(options),
    unbind: (...[, options]: object[]) => note(options),
  }
  const trees = { commitTree: (...[, , options]: object[]) => note(options) }
  const node = {
    index,
    trees,
    put: (...[, options]: object[]) => note(options),
    putNamed: async (items: object[]) => {
      for (const item of items) await note(item)
      return []
    },
  }
  return { noted, node: writerNode(node as unknown as ServedNode) }
}

test('R006-50 whatever a writer’s token asks of a name says that a writer asks', async (t) => {
  const { noted, node } = noting('tag')
  const key = new Key(hash(Buffer.from('x')).digest)
  const naming = { kind: 'tag', expiresMs: 5 } as const
  await node.index.bind('a', key, naming)
  await node.index.tag('a', key, naming)
  t.deepEqual(
    noted.splice(0),
    [1, 2].map(() => ({ ...naming, asWriter: true })),
  )
  await node.index.unbind('a', { keepValue: true })
  t.deepEqual(noted.splice(0), [{ keepValue: true, asWriter: true }])
  await node.put({ bytes: once(Buffer.from('x')) }, { name: 'a', naming })
  await node.trees.commitTree('hold', key, { name: 'a', naming })
  const kept = { name: 'a', naming: { ...naming, asWriter: true } }
  t.deepEqual(noted.splice(0), [kept, kept])
  const value = Buffer.from('x')
  await node.putNamed([{ value, name: 'a', naming }, { value }])
  t.deepEqual(noted.splice(0), [{ value, ...kept }, { value }])
  await node.put({ bytes: once(Buffer.from('x')) }, { name: 'a' })
  t.deepEqual(noted, [{ name: 'a' }])
})

test('R007-326 at a Global of an earlier version, which has no tags, a writer unbinds nothing', async (t) => {
  const { noted, node } = noting(undefined)
  await t.throwsAsync(node.index.unbind('a'), { code: 'not-permitted' })
  t.deepEqual(noted, [])
})
