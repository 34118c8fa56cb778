import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { blake3 } from '@noble/hashes/blake3.js'
import { test } from '../../serial.ts'
import { encodeDirectory } from '../../../src/directory/encoder.ts'
import { decodeDirectory } from '../../../src/directory/reader.ts'
import type { Entry } from '../../../src/directory/directory.ts'
import { once, toHex } from '../../../src/bytes.ts'
import { DstoreError, asDstoreError } from '../../../src/errors.ts'
import { Key } from '../../../src/hash/key.ts'
import { BATCH_ITEMS, INLINE_VALUE_BYTES } from '../../../src/limits.ts'
import { hashTree } from '../../../src/tree/put/hash-tree.ts'
import { putTree } from '../../../src/tree/put/put-tree.ts'
import type { TreeProgress } from '../../../src/tree/put/tree-progress.ts'
import { fill, folderOf } from '../folder.ts'
import { MemoryTrees } from '../memory-trees.ts'

const file = (text: string, executable = false): Entry => {
  const bytes = Buffer.from(text)
  return { type: 'file', digest: blake3(bytes), size: bytes.byteLength, executable }
}

const LARGE = 'x'.repeat(INLINE_VALUE_BYTES + 1)

const TREE = {
  'b/two': '2',
  'b/c/three': '33',
  run: { exec: '#!/bin/sh\n' },
  a: { to: 'b/../run' },
  dangling: { to: 'nowhere' },
  large: LARGE,
  empty: null,
}

test('R008-40 a folder is put as the directory of its files, folders and links', async (t) => {
  const path = folderOf(t, TREE)
  const node = new MemoryTrees()
  const put = await putTree(node, path)
  const c = encodeDirectory([['three', file('33')]])
  const b = encodeDirectory([
    ['two', file('2')],
    ['c', { type: 'directory', digest: blake3(c), size: 2, files: 1 }],
  ])
  const root = encodeDirectory([
    ['b', { type: 'directory', digest: blake3(b), size: 3, files: 2 }],
    ['run', file('#!/bin/sh\n', true)],
    ['a', { type: 'link', target: 'b/../run' }],
    ['dangling', { type: 'link', target: 'nowhere' }],
    ['large', file(LARGE)],
    ['empty', { type: 'directory', digest: blake3(encodeDirectory([])), size: 0, files: 0 }],
  ])
  t.is(put.key.toString(), new Key(blake3(root), 'directory').toString())
  t.deepEqual([put.size, put.files, put.existed], [13 + LARGE.length, 4, false])
  t.is(put.sent.files, 4)
  t.is(put.sent.directories, 4)
  t.deepEqual(node.roots, [put.key.toHex()])
  t.is(node.holds.size, 0)
  t.is(node.made.size, 4)
  for (const value of [c, b, root]) t.true(node.made.has(toHex(blake3(value))))
})

test('R008-52 a second version sends what changed, and asks only where something did', async (t) => {
  const contents: Record<string, string> = {}
  for (let folder = 0; folder < 10; folder++) {
    for (let one = 0; one < 10; one++) contents[`d${folder}/f${one}`] = `${folder} ${one}`
  }
  const path = folderOf(t, contents)
  const node = new MemoryTrees()
  const first = await putTree(node, path)
  t.is(first.sent.files, 100)
  node.received.clear()
  node.asked.length = 0

  fill(path, { 'd3/f7': 'changed' })
  const second = await putTree(node, path)
  const root = decodeDirectory(node.values.get(new Key(second.key.digest).toString())!)
  const changed = root.get('d3') as { readonly digest: Uint8Array }
  t.deepEqual(
    [...node.received.keys()].toSorted(),
    [blake3(Buffer.from('changed')), changed.digest, second.key.digest].map(toHex).toSorted(),
  )
  // The root, its ten folders, the ten files of one.
  t.deepEqual(
    node.asked.map(({ length }) => length),
    [1, 10, 10],
  )
  t.deepEqual([second.sent.files, second.sent.directories], [1, 2])

  node.received.clear()
  node.asked.length = 0
  const third = await putTree(node, path)
  t.true(third.existed)
  t.deepEqual([node.received.size, third.sent.bytes], [0, 0])
  t.deepEqual(
    node.asked.map(({ length }) => length),
    [1],
  )
})

test('R008-53 while something that is held is missing, every value is asked for', async (t) => {
  const path = folderOf(t, { 'a/one': 'one', 'a/b/two': 'two', three: '3' })
  const node = new MemoryTrees()
  const { key } = await putTree(node, path)
  const two = toHex(blake3(Buffer.from('two')))
  node.lose(two)
  node.received.clear()
  node.mayLack = true
  const again = await putTree(node, path)
  t.true(again.key.equals(key))
  t.deepEqual([...node.received.keys()], [two])
  node.received.clear()
  node.mayLack = false
  node.lose(two)
  await putTree(node, path)
  t.is(node.received.size, 0)
})

test('R008-54 small files go in batches, larger ones one by one', async (t) => {
  const small = LARGE.slice(1)
  const contents: Record<string, string> = { large: LARGE, largest: `${LARGE}y`, small }
  for (let one = 0; one < BATCH_ITEMS + 10; one++) contents[`f${one}`] = String(one)
  const node = new MemoryTrees()
  const put = await putTree(node, folderOf(t, contents))
  t.is(put.sent.files, BATCH_ITEMS + 13)
  t.is(
    node.batches.reduce((sum, count) => sum + count, 0),
    BATCH_ITEMS + 11,
  )
  t.true(node.batches.length <= 4, String(node.batches))
})

test('R008-54 files that are alike are sent once', async (t) => {
  const contents: Record<string, string> = {}
  for (let one = 0; one < 20; one++) contents[`d${one}/same`] = 'same'
  const node = new MemoryTrees()
  const put = await putTree(node, folderOf(t, contents))
  t.deepEqual([put.files, put.sent.files, put.sent.directories], [20, 1, 2])
  t.is(node.received.size, 3)
})

test('R008-56 what is removed while the tree is made is sent again, at most three times', async (t) => {
  const path = folderOf(t, { 'a/b/one': 'one', 'a/two': 'two' })
  const node = new MemoryTrees()
  const one = toHex(blake3(Buffer.from('one')))
  const b = toHex(blake3(encodeDirectory([['one', file('one')]])))
  let losses = 2
  node.beforeMake = () => {
    if (losses-- > 0) node.lose(one)
    else if (losses === -2) node.lose(b)
  }
  const { key } = await putTree(node, path)
  t.true(node.made.has(key.toHex()))
  t.true(node.values.has(new Key(blake3(Buffer.from('one'))).toString()))

  const other = new MemoryTrees()
  other.beforeMake = () => other.lose(one)
  const error = asDstoreError(await t.throwsAsync(putTree(other, path)))
  t.is(error.code, 'conflict')
  t.true(error.message.includes(join(path, 'a/b')), error.message)
  t.deepEqual(other.roots, [])
  t.is(other.holds.size, 1)
})

test('R008-55 a file that is not what was hashed fails the put with its path, unsent', async (t) => {
  for (const text of ['secret', LARGE]) {
    const path = folderOf(t, { 'a/one': 'one', 'a/two': text.replace('s', 'S').replace('x', 'X') })
    const node = new MemoryTrees()
    node.beforeHold = () => writeFileSync(join(path, 'a/two'), text)
    const error = asDstoreError(await t.throwsAsync(putTree(node, path)))
    t.is(error.code, 'changed')
    t.true(error.message.includes(join(path, 'a/two')), error.message)
    t.deepEqual(node.roots, [])
    t.is(node.values.has(new Key(blake3(Buffer.from('secret'))).toString()), false)
  }
})

test('R008-57 a name that is bound to another key is refused before anything is sent', async (t) => {
  const path = folderOf(t, { one: 'one' })
  const node = new MemoryTrees()
  const { key } = await putTree(node, path, { name: 'models/v1' })
  t.is(node.bound.get('models/v1')!.toHex(), key.toHex())
  t.true((await putTree(node, path, { name: 'models/v1' })).existed)
  fill(path, { two: 'two' })
  node.received.clear()
  const error = asDstoreError(await t.throwsAsync(putTree(node, path, { name: 'models/v1' })))
  t.is(error.code, 'conflict')
  t.deepEqual([node.received.size, node.holds.size], [0, 0])
})

test('R008-57 a put whose name is taken before its commit releases its hold', async (t) => {
  const path = folderOf(t, { one: 'one' })
  const node = new MemoryTrees()
  const { key } = await node.put({ bytes: once(Buffer.from('other')) })
  node.beforeMake = () => node.bound.set('models/v1', key)
  const error = asDstoreError(await t.throwsAsync(putTree(node, path, { name: 'models/v1' })))
  t.is(error.code, 'conflict')
  t.is(node.holds.size, 0)
})

test('R008-57 a cancelled put keeps its hold, and a repeat sends only the rest', async (t) => {
  const path = folderOf(t, { large: LARGE, more: `${LARGE}y`, small: 's' })
  const node = new MemoryTrees()
  const aborter = new AbortController()
  node.onPut = () => {
    if (node.received.size === 1) aborter.abort(new DstoreError('cancelled', 'cancelled'))
  }
  const { signal } = aborter
  const error = asDstoreError(await t.throwsAsync(putTree(node, path, { signal })))
  t.is(error.code, 'cancelled')
  t.regex(error.hint ?? '', /resume/)
  t.is(node.holds.size, 1)
  t.deepEqual(node.roots, [])
  node.onPut = () => undefined
  const { sent } = await putTree(node, path)
  t.true(sent.files < 3, String(sent.files))
  t.is(node.roots.length, 1)
})

test('R008-58 progress counts files and bytes of each phase up to all of them', async (t) => {
  const path = folderOf(t, { ...TREE, 'again/b/two': '2', 'again/b/c/three': '33', same: '2' })
  const seen = new Map<string, TreeProgress>()
  const onTreeProgress = (progress: TreeProgress): void => void seen.set(progress.phase, progress)
  await putTree(new MemoryTrees(), path, { onTreeProgress })
  t.deepEqual([...seen.keys()], ['scan', 'hash', 'store'])
  for (const { phase, doneFiles, doneBytes, totalBytes } of seen.values()) {
    t.deepEqual([doneFiles, doneBytes], [7, 17 + LARGE.length])
    t.is(totalBytes, phase === 'scan' ? undefined : doneBytes)
  }
})

test('R008-40 an empty folder, and one of 200 levels', async (t) => {
  const node = new MemoryTrees()
  const empty = await putTree(node, folderOf(t, {}))
  t.is(empty.key.toString(), 'bafyr4iatvov4aw4qbclhxt65lidoeikegekzvjgj6vhniqhx3b76kdk7wy')
  const deep = await putTree(node, folderOf(t, { [`${'d/'.repeat(199)}end`]: 'end' }))
  t.deepEqual([deep.files, deep.sent.directories], [1, 200])
})

test('R008-40 the vector with an executable file', async (t) => {
  const tree = await hashTree(folderOf(t, { 'run.sh': { exec: '#!/bin/sh\n' } }))
  t.is(tree.root.key.toString(), 'bafyr4ifojqj4a4qki4vd37xa62knaqagb22wrsamgd34p4yhprqem4ume4')
  tree.close()
})
