/** The trees of the vectors at a node, each in a store of its own. */
import { test } from '../serial.ts'
import { readFileSync } from 'node:fs'
import { decode, type Outcome } from '../../specs/models/directories.ts'
import type { DirectoryVectors } from '../../specs/models/directory-vectors.ts'
import { asDstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import type { Node } from '../../src/node/node.ts'
import { Nodes } from './nodes.ts'
import { putValues } from './put-tree.ts'

const { trees } = JSON.parse(
  readFileSync('specs/vectors/008-directories.json', 'utf8'),
) as DirectoryVectors

/** What the node says when it makes the root, after all directories before it in the list. */
async function outcomeAt(node: Node, values: readonly Uint8Array[]): Promise<Outcome> {
  const hold = await node.trees.openHold()
  await putValues(node, hold, values)
  let last: Outcome = { refused: 'not-a-directory' }
  for (const value of values.filter((one) => decode(one) !== undefined)) {
    const key = new Key(hash(value).digest, 'directory')
    try {
      const [made] = await node.trees.makeDirectories(hold, [key])
      const missing = made!.missing.map(String).toSorted()
      const { totalSize: size = 0, files = 0 } = (await node.index.stat(key))?.directory ?? {}
      last = missing.length > 0 ? { missing } : { size, files, depth: 0 }
    } catch (error) {
      if (asDstoreError(error).code !== 'integrity') throw error
      last = { refused: 'wrong-size' }
    }
  }
  await node.trees.releaseHold(hold)
  return last
}

test('R008-21, R008-22: a directory is made if its children are there, as it states them', async (t) => {
  const nodes = new Nodes(t)
  t.true(trees.length > 10)
  for (const { what, values, outcome } of trees) {
    const node = await nodes.open({ role: 'standalone' })
    const bytes = values.map((one) => Uint8Array.from(Buffer.from(one, 'hex')))
    const expected = 'depth' in outcome ? { ...outcome, depth: 0 } : outcome
    t.deepEqual(await outcomeAt(node, bytes), expected, what)
    await node.close()
  }
})

test('R008-12, R008-13, R008-15: a directory is listed as one, its bytes alone are not', async (t) => {
  const node = await new Nodes(t).open({ role: 'standalone' })
  const empty = Uint8Array.from(Buffer.from('a16474726565a0', 'hex'))
  const { digest } = hash(empty)
  const [bytes, directory] = [new Key(digest), new Key(digest, 'directory')]
  const listed = async (): Promise<string[]> => {
    const keys: string[] = []
    for await (const { key } of node.index.keys()) keys.push(key.toString())
    for await (const { key } of node.index.names()) keys.push(key.toString())
    return keys
  }
  await node.putMany([empty])
  await node.index.bind('as-bytes', bytes)
  t.deepEqual(await listed(), [bytes.toString(), bytes.toString()])
  t.is(await node.index.stat(directory), undefined)
  const hold = await node.trees.openHold()
  await node.trees.makeDirectories(hold, [directory])
  await node.trees.commitTree(hold, directory, { name: 'as-directory' })
  t.deepEqual(await listed(), [directory, bytes, directory].map(String))
  t.is((await node.index.lookup('as-bytes'))!.key.kind, 'bytes')
  t.is((await node.index.lookup('as-directory'))!.key.kind, 'directory')
  t.is((await node.index.stat(bytes))!.size, empty.byteLength)
})
