/** Folders, for real: put at one machine, the same at another; versions that share; a removal. */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from '../serial.ts'
import type { ValueFacts } from '../../src/node/node-index.ts'
import { shared } from './nodes.ts'
import { contents, folder, sameTree, writeEverything, writeMany } from './tree-files.ts'
import { treeFacts } from './tree-key.ts'
import { bytesOut, getTree, keysAt, linesOf, oneLine, putTree, treeNodes } from './trees.ts'

const nodes = shared(async (owner) => {
  const all = await treeNodes(owner)
  const files = folder(owner)
  writeEverything(`${files}/everything`, 60)
  return { ...all, files }
})

test('R007-286 a tree with one of everything is the same on another machine, and its key is another encoder’s', async (t) => {
  const { a, b, files } = await nodes()
  const path = `${files}/everything`
  const key = await putTree(t, a, path, ['--name', 'everything/v1'])
  await getTree(t, b, 'everything/v1', `${files}/got`, path)
  const facts = treeFacts(path)
  const { stdout } = await b.run(['stat', key, '--json'])
  const { directory } = JSON.parse(stdout.toString()) as ValueFacts
  t.deepEqual(directory, { totalSize: facts.size, files: facts.files, mayLack: false })
  t.deepEqual(linesOf(t, await b.run(['cid', path])), [key])
})

test('R007-286 an empty folder is a directory, and a file below a directory is a value', async (t) => {
  const { a, b, files } = await nodes()
  mkdirSync(`${files}/none`)
  const key = await putTree(t, a, `${files}/none`)
  t.is(key, 'bafyr4iatvov4aw4qbclhxt65lidoeikegekzvjgj6vhniqhx3b76kdk7wy')
  await getTree(t, b, key, `${files}/none-got`, `${files}/none`)
  await putTree(t, a, `${files}/everything`, ['--name', 'everything/v1'])
  for (const size of [0, 1, 16_385, 1_048_577]) {
    const { stdout, stderr, exit } = await b.run(['get', `everything/v1/sizes/${size}`])
    t.is(exit, 0, stderr)
    t.is(Buffer.compare(stdout, readFileSync(`${files}/everything/sizes/${size}`)), 0)
  }
  const range = await b.run(['get', 'everything/v1/sizes/1048577', '--range', '1048570-'])
  t.is(range.stdout.byteLength, 7)
})

test('R007-286 a second version sends what changed, and its removal removes that alone', async (t) => {
  const { global, a, b, files } = await nodes()
  const path = `${files}/versions`
  writeMany(path, 10, 30, 3000)
  await putTree(t, a, path, ['--name', 'versions/1'])
  const keys = await keysAt(t, global)

  const changed = contents(100_000, 'changed')
  writeFileSync(`${path}/folder-4/file-7`, changed)
  const before = await bytesOut(a)
  await putTree(t, a, path, ['--name', 'versions/2'])
  const facts = treeFacts(path)
  const sent = (await bytesOut(a)) - before
  // The root and one folder of ten, about 2 kB each.
  const most = 1.05 * (changed.byteLength + facts.directoryBytes / 5)
  t.true(sent >= changed.byteLength && sent <= most, `${sent} bytes`)
  const more = (await keysAt(t, global)).filter((key) => !keys.includes(key))
  t.is(more.length, 3, 'a file, its folder, the root')

  await getTree(t, b, 'versions/2', `${files}/versions-2`, path)
  linesOf(t, await b.run(['rm', 'versions/2']))
  t.deepEqual(await keysAt(t, global), keys)
  t.is((await b.run(['get', 'versions/2', '-o', `${files}/no`])).exit, 3)
  writeFileSync(`${path}/folder-4/file-7`, contents(3000, '4/7'))
  await getTree(t, b, 'versions/1', `${files}/versions-1`, path)
  linesOf(t, await b.run(['rm', 'versions/1']))
  t.is((await keysAt(t, global)).length, keys.length - 311)
})

test('R007-286 an update makes an old tree the new one, deletes only if asked, and is repeated for nothing', async (t) => {
  const { a, b, files } = await nodes()
  const [old, new_, out] = [`${files}/old`, `${files}/new`, `${files}/out`]
  writeMany(old, 3, 5, 2000)
  writeMany(new_, 3, 5, 2000)
  writeFileSync(`${new_}/folder-0/file-0`, 'other bytes')
  chmodSync(`${new_}/folder-0/file-1`, 0o755)
  rmSync(`${new_}/folder-1`, { recursive: true })
  writeFileSync(`${new_}/folder-1`, 'a file where a folder was')
  rmSync(`${new_}/folder-2/file-2`)
  mkdirSync(`${new_}/folder-2/file-2/deep`, { recursive: true })
  const [first, second] = [await putTree(t, a, old), await putTree(t, a, new_)]
  await getTree(t, b, first, out, old)
  writeFileSync(`${out}/folder-2/mine`, 'not in any tree')

  linesOf(t, await b.run(['get', first, '--update', out]))
  t.is(readFileSync(`${out}/folder-2/mine`, 'utf8'), 'not in any tree')
  // A file where a folder with files is: only --delete may remove these.
  oneLine(t, await b.run(['get', second, '--update', out]), 2, /^dstore: .*folder-1/m)
  t.is(readFileSync(`${out}/folder-1/file-3`, 'utf8').length > 0, true)
  for (let i = 0; i < 2; i++) {
    const { exit, stderr } = await b.run(['get', second, '--update', out, '--delete'])
    t.is(exit, 0, stderr)
    sameTree(t, out, new_)
  }
})
