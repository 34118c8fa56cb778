/** Paths at a Local: files of its cache, over a real connection to its Global. */
import { existsSync, lstatSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs'
import { readlinkSync, rmSync } from 'node:fs'
import { chmod, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { test } from '../../serial.ts'
import { DstoreError, asDstoreError, type ErrorCode } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import type { Verdict } from '../../../src/index/local/freshness.ts'
import { MIB } from '../../../src/limits.ts'
import type { HeldPath, Node, PathOptions, ServedNode } from '../../../src/node/node.ts'
import { Holdings } from '../../../src/node/local/holdings.ts'
import type { LinkStatus } from '../../../src/node/local/link-options.ts'
import { ReadLimits } from '../../../src/node/local/reads/read-limits.ts'
import { WholeFiles, type WholeFilesOptions } from '../../../src/node/local/reads/whole-files.ts'
import type { Tiers } from '../../../src/node/tiers/tiers.ts'
import type { NodeOptions } from '../../../src/node/open.ts'
import { mountUse } from '../../../src/store/cached/mount.ts'
import { sameBytes } from '../../same-bytes.ts'
import { eventually } from '../../eventually.ts'
import { Nodes, once, read } from '../nodes.ts'
import { painted } from '../painted.ts'
import { putTree } from '../put-tree.ts'

const LARGE = painted(3 * MIB + 5, 1)
const SMALL = Buffer.from('small')
const PROGRAM = Buffer.from('#!/bin/sh\necho ran\n')
const BUDGET = 16 * MIB

interface Scene {
  readonly global: ServedNode
  readonly local: ServedNode
  readonly cacheDir: string
}

async function scene(t: ExecutionContext, options: Partial<NodeOptions> = {}): Promise<Scene> {
  const nodes = new Nodes(t)
  const cacheDir = await nodes.folder()
  const global = await nodes.global()
  const files = { cacheDir, cacheDirBytes: BUDGET }
  return { global, local: await nodes.local(global, { ...files, ...options }), cacheDir }
}

const put = async (node: Node, bytes: Uint8Array): Promise<Key> =>
  (await node.put({ bytes: once(bytes), size: bytes.byteLength })).key

const openPath = (node: Node, key: Key, options?: PathOptions): Promise<HeldPath> =>
  node.paths!.openPath(key, options)

const failure = (work: Promise<unknown>): Promise<ErrorCode | 'none'> =>
  work.then(
    () => 'none' as const,
    (error: unknown) => asDstoreError(error).code,
  )

const modeOf = (path: string): number => lstatSync(path).mode & 0o777

const TREE = {
  large: LARGE,
  'run.sh': PROGRAM,
  link: 'sub/small',
  sub: { small: SMALL, again: LARGE, empty: new Uint8Array(0) },
}

test('R007-350 at a Local all callers get the one file of its cache', async (t) => {
  const { global, local, cacheDir } = await scene(t)
  for (const value of [LARGE, SMALL, new Uint8Array(0)]) {
    const key = await put(global, value)
    let done = 0
    const onProgress = ({ doneBytes }: { doneBytes: number }): void => void (done = doneBytes)
    const [one, other] = await Promise.all([
      openPath(local, key, { onProgress }),
      openPath(local, key),
    ])
    t.true(one.path.startsWith(cacheDir))
    t.is(one.path, other.path)
    t.deepEqual([one.kind, one.size, modeOf(one.path)], ['file', value.byteLength, 0o400])
    sameBytes(t, readFileSync(one.path), value)
    const { dev, ino } = lstatSync(one.path, { bigint: true })
    t.deepEqual([one.device, one.inode], [dev, ino])
    if (value === LARGE) t.is(done, LARGE.byteLength)
    await one.release()
    await other.release()
  }
})

test('R007-350 a value that memory held moves to its file', async (t) => {
  const { global, local } = await scene(t)
  const key = await put(global, LARGE)
  sameBytes(t, await read(local, key), LARGE)
  t.true((await local.status()).cache!.usedBytes >= LARGE.byteLength)
  const held = await openPath(local, key)
  sameBytes(t, readFileSync(held.path), LARGE)
  t.true((await local.status()).cache!.usedBytes < LARGE.byteLength)
  sameBytes(t, await read(local, key), LARGE)
  await held.release()
})

test('R007-354 R007-355 a directory at a Local, with a copy that takes room', async (t) => {
  const { global, local, cacheDir } = await scene(t)
  const { key } = await putTree(global, TREE)
  const held = await openPath(local, key)
  const at = (name: string): string => join(held.path, name)
  t.is(readlinkSync(at('large')), readlinkSync(at('sub/again')))
  t.true(readlinkSync(at('large')).startsWith(cacheDir))
  sameBytes(t, readFileSync(at('large')), LARGE)
  t.deepEqual(readFileSync(at('link')), SMALL)
  t.is(readFileSync(at('sub/empty')).byteLength, 0)
  t.deepEqual([modeOf(at('run.sh')), lstatSync(at('run.sh')).isFile()], [0o500, true])
  const used = (await local.status()).cache!.files!.usedBytes
  const copy = await openPath(local, await put(global, LARGE), { executable: true })
  t.is(modeOf(copy.path), 0o500)
  t.true((await local.status()).cache!.files!.usedBytes >= used + LARGE.byteLength)
  await copy.release()
  t.false(existsSync(copy.path))
  t.is((await local.status()).cache!.files!.usedBytes, used)
  await held.release()
  t.false(existsSync(held.path))
})

test('R007-353 a removal that Global acknowledged has left no path at a Local', async (t) => {
  const { global, local } = await scene(t)
  const key = await put(global, LARGE)
  const { key: tree } = await putTree(global, TREE)
  const paths = [
    await openPath(local, key),
    await openPath(local, key, { executable: true }),
    await openPath(local, tree),
  ]
  const opened = await open(paths[0]!.path)
  t.teardown(() => opened.close())
  const { owed } = await global.index.remove(key, { force: true })
  t.deepEqual(owed, [])
  for (const { path, removed } of paths) {
    t.false(existsSync(path))
    t.is(asDstoreError(removed.reason).code, 'removed')
  }
  sameBytes(t, await opened.readFile(), LARGE)
  t.is(await failure(openPath(local, key)), 'not-found')
  await Promise.all(paths.map((held) => held.release()))
})

test('R007-350 what is held is not evicted: no-space, until it is released', async (t) => {
  const { global, local } = await scene(t)
  const keys = [2, 3, 4].map((colour) => put(global, painted(6 * MIB, colour)))
  const [first, second, third] = await Promise.all(keys)
  const held = [await openPath(local, first!), await openPath(local, second!)]
  t.is(await failure(openPath(local, third!)), 'no-space')
  t.is(await failure(openPath(local, first!, { executable: true })), 'no-space')
  t.deepEqual(
    held.map(({ path }) => existsSync(path)),
    [true, true],
  )
  await held[0]!.release()
  const after = await openPath(local, third!)
  sameBytes(t, readFileSync(after.path), painted(6 * MIB, 4))
  t.true(existsSync(held[1]!.path))
  const larger = await put(global, painted(BUDGET + 1, 5))
  const hint = 'raise --cache-dir-size, or release what is held or pinned'
  const error = await t.throwsAsync(openPath(local, larger), { code: 'no-space' } as never)
  t.is((error as DstoreError).hint, hint)
})

test('R007-353 a file that another process changed is fetched again', async (t) => {
  const { global, local } = await scene(t)
  const key = await put(global, LARGE)
  const before = await openPath(local, key)
  await before.release()
  await chmod(before.path, 0o600)
  await writeFile(before.path, Buffer.alloc(LARGE.byteLength, 'wrong'))
  const after = await openPath(local, key)
  sameBytes(t, readFileSync(after.path), LARGE)
  t.is(modeOf(after.path), 0o400)
  await after.release()
})

test('R007-351 the end of a Local ends every path, and leaves no copy and no folder', async (t) => {
  const { global, local, cacheDir } = await scene(t)
  const { key } = await putTree(global, TREE)
  const file = await openPath(local, await put(global, LARGE))
  const folder = await openPath(local, key)
  await local.close()
  t.deepEqual([file.removed.aborted, folder.removed.aborted], [true, true])
  t.deepEqual([existsSync(file.path), existsSync(folder.path)], [false, false])
  const left = readdirSync(cacheDir, { recursive: true }).map(String)
  // What a disk keeps for the next run lies in a folder with another name.
  t.deepEqual(
    left.filter((name) => /boot-|made\/./.test(name)),
    [],
  )
})

test('R007-350 a path needs no Global that is away', async (t) => {
  const { global, local } = await scene(t)
  const key = await put(global, LARGE)
  await (await openPath(local, key)).release()
  await global.close()
  await eventually(async () => (await local.status()).global!.state !== 'connected')
  const held = await openPath(local, key, { timeoutMs: 5_000 })
  sameBytes(t, readFileSync(held.path), LARGE)
  await held.release()
})

test('R007-350 a group may read the files, the copies and the folders', async (t) => {
  const { global, local } = await scene(t, { groupId: process.getgid!() })
  const key = await put(global, LARGE)
  const { key: tree } = await putTree(global, TREE)
  const file = await openPath(local, key)
  const copy = await openPath(local, key, { executable: true })
  const folder = await openPath(local, tree)
  t.deepEqual(
    [file, copy, folder].map(({ path }) => modeOf(path)),
    [0o440, 0o550, 0o750],
  )
  for (const { path } of [file, copy, folder]) t.is(modeOf(join(path, '..')), 0o750)
  t.is(modeOf(join(folder.path, 'run.sh')), 0o550)
  t.is(modeOf(join(folder.path, 'sub')), 0o750)
})

test('R007-362 a reset takes every path away, and values are confirmed before the next', async (t) => {
  const moved: string[] = []
  const withdraw = ({ code }: DstoreError): void => void moved.push(code)
  const holdings = new Holdings({ values: () => [], withdraw } as unknown as Tiers)
  holdings.reset()
  t.deepEqual(moved, ['cancelled'])
  holdings.cut(new DstoreError('not-permitted', 'no longer a member'))
  t.deepEqual(moved, ['cancelled', 'not-permitted'])
})

test('R007-360 a Local without files says why', async (t) => {
  const { global, local } = await scene(t, { cacheDir: 'none' })
  const key = await put(global, LARGE)
  t.is(await failure(openPath(local, key)), 'unsupported')
})

test('R007-351 who holds a file hears that it was evicted', async (t) => {
  const { global, local } = await scene(t)
  const key = await put(global, LARGE)
  const held = await openPath(local, key)
  const copy = await openPath(local, key, { executable: true })
  await local.evict(key)
  for (const { path, removed } of [held, copy]) {
    t.false(existsSync(path))
    t.is(asDstoreError(removed.reason).code, 'cancelled')
  }
  const again = await openPath(local, key)
  sameBytes(t, readFileSync(again.path), LARGE)
})

for (const [what, code] of [
  ['expired', 'unreachable'],
  ['refused', 'not-permitted'],
] as const) {
  test(`R004-173 no path is handed out for a call that began before: ${what}`, async (t) => {
    const key = new Key(hash(SMALL).digest)
    let verdict: Verdict = 'serve'
    const entry = { key, size: 5, isWhole: true, use: () => () => undefined }
    const files = {
      get: () => entry,
      check: async () => void (verdict = what),
      hold: async () => ({ path: '/handed/out' }),
    }
    const tiers = { files, memory: { get() {} }, lists: () => true, count() {} }
    const isLeaseOver = (): boolean => verdict === 'expired'
    const link = {
      isLeaseOver,
      verdict: () => verdict,
      status: { state: 'connected' } as LinkStatus,
    }
    const limits = new ReadLimits(link, () => 0)
    const given = { tiers, limits, mayServe: async () => true }
    const whole = new WholeFiles(given as unknown as WholeFilesOptions)
    t.is(await failure(whole.hold(key, {})), code)
  })
}

const SHARED = '/dev/shm'
const hasShared = existsSync(SHARED) && mountUse(SHARED).kind === 'shared-memory'

test('R003-158 what moves to a file for its path is not fetched again meanwhile', async (t) => {
  if (!hasShared) {
    t.pass('there is no shared memory here')
    return
  }
  const cacheDir = mkdtempSync(join(SHARED, 'dstore-moves-'))
  t.teardown(() => rmSync(cacheDir, { recursive: true, force: true }))
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global, { cacheDir })
  const received = async (): Promise<number> =>
    (await local.status()).traffic.reduce((sum, { valueBytesIn }) => sum + valueBytesIn, 0)
  const value = Buffer.alloc(8 * MIB, 'value')
  const key = await put(global, value)
  sameBytes(t, await read(local, key), value)
  const before = await received()
  const opening = openPath(local, key)
  const reads = Array.from({ length: 4 }, async (_, turns) => {
    for (let turn = 0; turn < turns; turn++) await setImmediate()
    return read(local, key)
  })
  for (const bytes of await Promise.all(reads)) sameBytes(t, bytes, value)
  sameBytes(t, readFileSync((await opening).path), value)
  t.is((await received()) - before, 0)
  await (await opening).release()
})
