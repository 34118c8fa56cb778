/** Files of values that other processes may map. Part of the library's conformance suite. */
import { existsSync, lstatSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../src/dstore.ts'
import type { Dstore } from '../../src/dstore.ts'
import { eventually } from '../eventually.ts'
import { sameBytes } from '../same-bytes.ts'
import { sample } from './conformance-samples.ts'
import type { Topic } from './conformance-samples.ts'

const LARGE = sample(300_000)

/** `hasFiles`: the node has a folder to make files in. */
export function pathTopics(topic: Topic, hasFiles: boolean): void {
  topic('R007-359 openPath gives files that stay until their release', async (t, dstore) => {
    await (hasFiles ? files(t, dstore) : refusal(t, dstore))
  })
}

async function refusal(t: ExecutionContext, dstore: Dstore): Promise<void> {
  const { key } = await dstore.put(LARGE)
  const error = await t.throwsAsync(dstore.openPath(key), { instanceOf: DstoreError })
  t.is(error.code, 'unsupported')
}

async function files(t: ExecutionContext, dstore: Dstore): Promise<void> {
  const { key } = await dstore.put(LARGE)
  const held = await dstore.openPath(key)
  t.like(held, { kind: 'file', size: LARGE.byteLength })
  t.true(held.key.equals(key))
  sameBytes(t, await readFile(held.path), LARGE)
  const { dev, ino } = await stat(held.path, { bigint: true })
  t.deepEqual([held.device, held.inode], [dev, ino])
  const small = await dstore.put('small', { name: 'names/small' })
  const copy = await dstore.openPath('names/small', { executable: true })
  t.is(lstatSync(copy.path).mode & 0o777, 0o500)
  await copy[Symbol.asyncDispose]()
  await eventually(() => !existsSync(copy.path))
  t.true(small.key.equals(copy.key))

  const from = await mkdtemp(join(tmpdir(), 'dstore-library-'))
  t.teardown(() => rm(from, { recursive: true, force: true }))
  await writeFile(join(from, 'large'), LARGE)
  await writeFile(join(from, 'run'), 'run', { mode: 0o755 })
  await dstore.putDirectory(from, { name: 'names/dir' })
  const folder = await dstore.openPath('names/dir')
  t.like(folder, { kind: 'folder', size: LARGE.byteLength + 3 })
  t.deepEqual((await readdir(folder.path)).toSorted(), ['large', 'run'])
  sameBytes(t, await readFile(join(folder.path, 'large')), LARGE)
  const below = await dstore.openPath('names/dir', { path: 'run' })
  t.is(lstatSync(below.path).mode & 0o777, 0o500)
  await below.release()
  await below.release()

  for (const [word, path, code] of [
    ['names/dir', 'none', 'not-found'],
    ['names/none', '', 'not-found'],
    ['names/dir', '../x', 'usage'],
  ] as const) {
    const error = await t.throwsAsync(dstore.openPath(word, { path }), { instanceOf: DstoreError })
    t.is(error.code, code)
  }
  await dstore.unbind('names/dir')
  await dstore.remove(key, { force: true })
  t.deepEqual([existsSync(held.path), existsSync(folder.path)], [false, false])
  await eventually(() => held.removed.aborted && folder.removed.aborted)
  t.is((held.removed.reason as DstoreError).code, 'removed')
  await held.release()
  await folder.release()
}
