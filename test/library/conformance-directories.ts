/** Directories. Part of the library's conformance suite. */
import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../src/dstore.ts'
import type { Dstore, Progress } from '../../src/dstore.ts'
import { all, sample } from './conformance-samples.ts'
import type { Topic } from './conformance-samples.ts'

async function folderIn(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dstore-library-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A folder with a file, an executable one, a large one, a link, and an empty folder. */
async function sampleFolder(t: ExecutionContext): Promise<string> {
  const folder = join(await folderIn(t), 'from')
  await mkdir(join(folder, 'sub', 'empty'), { recursive: true })
  await writeFile(join(folder, 'a.txt'), 'a')
  await writeFile(join(folder, 'sub', 'run'), 'run')
  await chmod(join(folder, 'sub', 'run'), 0o755)
  await writeFile(join(folder, 'sub', 'large'), sample(300_000))
  await symlink('sub/run', join(folder, 'link'))
  return folder
}

export function directoryTopics(topic: Topic): void {
  // One topic: each opens a node.
  topic('R007-226 folders are put, listed, read by path and written', async (t, dstore) => {
    await roundTrip(t, dstore)
    await selection(t, dstore)
    await mistakes(t, dstore)
  })
}

/** A folder is put, listed, read by path, and written again. */
async function roundTrip(t: ExecutionContext, dstore: Dstore): Promise<void> {
  const from = await sampleFolder(t)
  const seen: Progress[] = []
  const onProgress = (progress: Progress): void => void seen.push(progress)
  const put = await dstore.putDirectory(from, { name: 'dirs/one', onProgress })
  t.like(put, { size: 300_004, files: 3, existed: false })
  t.regex(put.key.toString(), /^bafyr4i/)
  t.true(seen.length > 0)
  t.is((await dstore.lookup('dirs/one'))!.key.toString(), put.key.toString())
  t.like((await dstore.stat('dirs/one'))!.directory, { totalSize: 300_004, files: 3 })

  for (const word of [put.key, put.key.toString(), 'dirs/one']) {
    const names = (await all(dstore.entries(word))).map(({ path, type }) => `${type} ${path}`)
    t.deepEqual(names, ['file a.txt', 'link link', 'directory sub'])
  }
  const below = await all(dstore.entries('dirs/one/sub'))
  t.deepEqual(
    below.map(({ path }) => path),
    ['empty', 'large', 'run'],
  )
  t.like(below[2], { type: 'file', size: 3, executable: true })
  const deep = await all(dstore.entries(put.key, { recursive: true }))
  t.deepEqual(
    deep.map(({ path }) => path),
    ['a.txt', 'link', 'sub', 'sub/empty', 'sub/large', 'sub/run'],
  )
  t.is(await (await dstore.openEntry(put.key, 'sub/run')).text(), 'run')
  const part = await dstore.openEntry('dirs/one', 'sub/large', { range: { start: 5, end: 9 } })
  t.deepEqual(await part.bytes(), sample(300_000).slice(5, 9))

  const to = join(await folderIn(t), 'to')
  t.deepEqual(await dstore.getDirectory('dirs/one', to), { files: 3, bytes: 300_004 })
  t.is(await readFile(join(to, 'a.txt'), 'utf8'), 'a')
  t.is(await readlink(join(to, 'link')), 'sub/run')
  t.deepEqual(new Uint8Array(await readFile(join(to, 'sub', 'large'))), sample(300_000))
  t.is((await stat(join(to, 'sub', 'run'))).mode & 0o111, 0o111)
  t.true((await stat(join(to, 'sub', 'empty'))).isDirectory())
  const again = join(await folderIn(t), 'sub')
  t.like(await dstore.getDirectory('dirs/one/sub', again), { files: 2 })

  await writeFile(join(from, 'a.txt'), 'changed')
  await writeFile(join(to, 'extra'), 'x')
  const second = await dstore.putDirectory(from)
  t.not(second.key.toString(), put.key.toString())
  t.like(await dstore.getDirectory(second.key, to, { update: true }), { files: 1 })
  t.is(await readFile(join(to, 'extra'), 'utf8'), 'x')
  await dstore.getDirectory(second.key, to, { update: true, delete: true })
  await t.throwsAsync(readFile(join(to, 'extra')), { code: 'ENOENT' })
  t.true((await dstore.putDirectory(to)).key.equals(second.key))
}

/** What is left out is not stored, and what leaves is refused. */
async function selection(t: ExecutionContext, dstore: Dstore): Promise<void> {
  const from = await sampleFolder(t)
  const { key } = await dstore.putDirectory(from, { ignore: '*.txt\n/sub/large\nlink\n' })
  const found = await all(dstore.entries(key, { recursive: true }))
  t.deepEqual(
    found.map(({ path }) => path),
    ['sub', 'sub/empty', 'sub/run'],
  )
  const outside = join(await folderIn(t), 'outside')
  await writeFile(outside, 'out')
  await symlink(outside, join(from, 'out'))
  await t.throwsAsync(dstore.putDirectory(from), { code: 'usage', message: /out/ })
  const followed = await dstore.putDirectory(from, { follow: true })
  t.is(await (await dstore.openEntry(followed.key, 'out')).text(), 'out')
}

/** Mistakes about directories are named. */
async function mistakes(t: ExecutionContext, dstore: Dstore): Promise<void> {
  const from = await sampleFolder(t)
  const { key } = await dstore.putDirectory(from)
  const file = await dstore.put('file', { name: 'file' })
  const to = join(await folderIn(t), 'to')
  const faults: [call: string, run: () => Promise<unknown>, code: string][] = [
    ['a path that is not there', () => dstore.openEntry(key, 'no/x'), 'not-found'],
    ['below a file', () => dstore.openEntry(key, 'a.txt/x'), 'not-found'],
    ['a directory', () => dstore.openEntry(key, 'sub'), 'usage'],
    ['a link', () => dstore.openEntry(key, 'link'), 'usage'],
    ['upwards', () => dstore.openEntry(key, '../x'), 'usage'],
    ['entries of a file', () => all(dstore.entries('file')), 'usage'],
    ['entries of nothing', () => all(dstore.entries('none')), 'not-found'],
    ['a folder of a file', () => dstore.getDirectory(file.key, to), 'usage'],
    ['bytes of a directory', () => all(dstore.entries(key.toHex())), 'usage'],
    ['no folder', () => dstore.putDirectory(join(from, 'none')), 'unreadable'],
    ['a file as a folder', () => dstore.putDirectory(join(from, 'a.txt')), 'usage'],
    ['a taken name', () => dstore.putDirectory(from, { name: 'file' }), 'conflict'],
  ]
  for (const [call, run, code] of faults) {
    await t.throwsAsync(run(), { code, instanceOf: DstoreError }, call)
  }
  const wrong = (value: unknown): never => value as never
  for (const mistake of [
    () => dstore.putDirectory(wrong(1)),
    () => dstore.getDirectory(key, wrong(1)),
    () => dstore.getDirectory(wrong(1), to),
    () => dstore.getDirectory(key, to, { delete: true }),
    () => dstore.openEntry(key, wrong(undefined)),
    () => all(dstore.entries(wrong({}))),
  ]) {
    await t.throwsAsync(mistake(), { instanceOf: TypeError }, String(mistake))
  }
  const options = { signal: AbortSignal.abort() }
  for (const cancelled of [
    () => dstore.putDirectory(from, options),
    () => dstore.getDirectory(key, to, options),
    () => dstore.openEntry(key, 'a.txt', options),
    () => all(dstore.entries(key, options)),
  ]) {
    await t.throwsAsync(cancelled(), { code: 'cancelled' }, String(cancelled))
  }
}
