import { chmod, open, readFile, readdir, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, statfsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ExecutionContext } from 'ava'
import { test } from '../../serial.ts'
import { asDstoreError, type ErrorCode } from '../../../src/errors.ts'
import type { Key } from '../../../src/hash/key.ts'
import { PATH_COPIES_BYTES } from '../../../src/limits.ts'
import { CopyRoom } from '../../../src/node/global/paths/copy-room.ts'
import type { HeldPath, PathOptions, ServedNode } from '../../../src/node/node.ts'
import { Repair } from '../../../src/node/global/repair.ts'
import { eventually } from '../../eventually.ts'
import { Nodes, once } from '../nodes.ts'
import { putTree } from '../put-tree.ts'

const LARGE = Buffer.alloc(300_000, 'large')
const LONG_AGO = new Date(0)
const SMALL = Buffer.from('small')
const PROGRAM = Buffer.from('#!/bin/sh\necho ran\n')

interface Opened {
  readonly node: ServedNode
  readonly dir: string
}

async function standalone(t: ExecutionContext, store: 'disk' | 'memory' = 'disk'): Promise<Opened> {
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  return { node: await nodes.open({ role: 'standalone', store, dir }), dir }
}

const put = async (node: ServedNode, bytes: Uint8Array): Promise<Key> =>
  (await node.put({ bytes: once(bytes), size: bytes.byteLength })).key

const openPath = (node: ServedNode, key: Key, options?: PathOptions): Promise<HeldPath> =>
  node.paths!.openPath(key, options)

const modeOf = (path: string): number => lstatSync(path).mode & 0o777

async function failure(work: Promise<unknown>): Promise<ErrorCode | 'none'> {
  return work.then(
    () => 'none',
    (error: unknown) => asDstoreError(error).code,
  )
}

test('R005-85 R007-350 all callers of a large value get the one file of the store', async (t) => {
  const { node, dir } = await standalone(t)
  const key = await put(node, LARGE)
  const [one, other] = await Promise.all([openPath(node, key), openPath(node, key)])
  t.true(one.path.startsWith(join(dir, 'store-')))
  t.is(one.path, other.path)
  t.deepEqual([one.kind, one.size, modeOf(one.path)], ['file', LARGE.byteLength, 0o400])
  t.deepEqual(await readFile(one.path), LARGE)
  const { dev, ino } = await stat(one.path, { bigint: true })
  t.deepEqual([one.device, one.inode], [dev, ino])
  await one.release()
  await other.release()
  t.deepEqual(await readFile(one.path), LARGE)
})

for (const store of ['disk', 'memory'] as const) {
  test(`R005-85 a value without a file is copied, with a store on ${store}`, async (t) => {
    const { node, dir } = await standalone(t, store)
    for (const value of [SMALL, new Uint8Array(0), ...(store === 'memory' ? [LARGE] : [])]) {
      const key = await put(node, value)
      const [one, other] = await Promise.all([openPath(node, key), openPath(node, key)])
      t.true(one.path.startsWith(join(dir, 'paths')))
      t.is(one.path, other.path)
      t.deepEqual([one.size, modeOf(one.path)], [value.byteLength, 0o400])
      t.deepEqual(await readFile(one.path), Buffer.from(value))
      await one.release()
      await one.release()
      t.true(existsSync(one.path), 'the other caller holds it')
      await other.release()
      t.false(existsSync(one.path))
    }
  })
}

test('R005-86 a file is verified once in a run, and again after any change to it', async (t) => {
  const { node } = await standalone(t)
  const key = await put(node, LARGE)
  const verified = async (): Promise<number> => {
    let bytes = 0
    const onProgress = ({ doneBytes }: { doneBytes: number }): void => void (bytes = doneBytes)
    await (await openPath(node, key, { onProgress })).release()
    return bytes
  }
  t.is(await verified(), LARGE.byteLength)
  t.is(await verified(), 0)
  const held = await openPath(node, key)
  const { path } = held
  await held.release()
  await utimes(path, new Date(0), new Date(0))
  t.is(await verified(), LARGE.byteLength)
  await chmod(path, 0o600)
  t.is(await verified(), LARGE.byteLength)
  t.is(modeOf(path), 0o400)
  t.is(await verified(), 0)
})

test('R007-69 R005-86 a group may read what is handed out, and nothing else of the store', async (t) => {
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  const groupId = process.getgroups!().find((id) => id !== process.getgid!()) ?? process.getgid!()
  const node = await nodes.open({ role: 'standalone', store: 'disk', dir, groupId })
  const [large, small] = [await put(node, LARGE), await put(node, SMALL)]
  await put(node, Buffer.alloc(300_000, 'other'))
  const { key: tree } = await putTree(node, { 'run.sh': PROGRAM, large: LARGE })
  const paths: string[] = []
  for (const key of [large, small, tree]) paths.push((await openPath(node, key)).path)
  paths.push(join(paths[2]!, 'run.sh'))
  t.deepEqual(paths.map(modeOf), [0o440, 0o440, 0o750, 0o550])
  for (const path of paths) t.is(lstatSync(path).gid, groupId)
  const store = readdirSync(dir).find((name) => name.startsWith('store-'))!
  const inStore = readdirSync(join(dir, store), { recursive: true }).map(String)
  const forGroup = (name: string): boolean => (modeOf(join(dir, store, name)) & 0o77) !== 0
  t.deepEqual(
    inStore.filter(forGroup).map((name) => [name.split('/')[0], modeOf(join(dir, store, name))]),
    [
      ['values', 0o710],
      ['values', 0o440],
    ],
  )
  t.is(modeOf(join(dir, store)), 0o710)
  for (const path of [join(paths[1]!, '..'), join(dir, 'paths')]) t.is(modeOf(path), 0o750)
  await node.close()
  // Without the group the file is the owner's again.
  const again = await nodes.open({ role: 'standalone', store: 'disk', dir })
  t.is(modeOf((await openPath(again, large)).path), 0o400)
})

test('R005-87 copies take no more than their bound, and give it back', (t) => {
  const room = new CopyRoom(undefined)
  const free = room.take(PATH_COPIES_BYTES - 5)
  t.throws(() => room.take(6), { code: 'no-space' })
  room.take(5)
  free()
  free()
  t.is(room.usedBytes, 5)
  const { bavail, bsize } = statfsSync('.')
  t.notThrows(() => new CopyRoom(resolve('none')).take(1))
  const most = bavail * bsize
  if (most < PATH_COPIES_BYTES) {
    t.throws(() => new CopyRoom(resolve('none')).take(most), { message: /disk has no room/ })
  }
})

test('R005-87 the room of a copy is free again once it is released, or failed', async (t) => {
  const { node } = await standalone(t)
  const key = await put(node, SMALL)
  const held = await openPath(node, key)
  const taken = Object.getOwnPropertyDescriptor(CopyRoom.prototype, 'take')!
  t.teardown(() => Object.defineProperty(CopyRoom.prototype, 'take', taken))
  const rooms = new Set<CopyRoom>()
  Object.defineProperty(CopyRoom.prototype, 'take', {
    configurable: true,
    value(this: CopyRoom, bytes: number) {
      rooms.add(this)
      return (taken.value as CopyRoom['take']).call(this, bytes)
    },
  })
  await (await openPath(node, await put(node, LARGE), { executable: true })).release()
  const [room] = rooms
  t.is(room!.usedBytes, SMALL.byteLength)
  await held.release()
  t.is(room!.usedBytes, 0)
})

test('R005-86 callers at the same time share one reading of a file', async (t) => {
  const { node } = await standalone(t)
  const key = await put(node, LARGE)
  let reads = 0
  // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
  const { read } = Repair.prototype
  Repair.prototype.read = function counted(...of) {
    reads++
    return read.apply(this, of)
  }
  try {
    const calls = [1, 2, 3].map(() => openPath(node, key))
    for (const held of await Promise.all(calls)) await held.release()
    t.is(reads, 1)
  } finally {
    Repair.prototype.read = read
  }
})

test('R005-86 a file that another process changed is never handed out', async (t) => {
  const { node } = await standalone(t)
  const changes: ((path: string) => Promise<unknown>)[] = [
    async (path) => {
      const file = await open(path, 'r+')
      await file.write(Buffer.from('L'), 0, 1, 200_000)
      await file.close()
      // As it was, but for the time of the last change to the inode.
      await utimes(path, LONG_AGO, LONG_AGO)
      await chmod(path, 0o400)
    },
    (path) => truncate(path, 10),
    (path) => writeFile(path, Buffer.alloc(LARGE.byteLength, 'other')),
  ]
  for (const [at, change] of changes.entries()) {
    const key = await put(node, Buffer.concat([LARGE, Buffer.from([at])]))
    const { path } = await openPath(node, key)
    await utimes(path, LONG_AGO, LONG_AGO)
    const held = await openPath(node, key)
    await chmod(path, 0o600)
    await change(path)
    t.is(await failure(openPath(node, key)), 'integrity', `change ${at}`)
    // It was set aside, and who holds it hears of that.
    t.is(asDstoreError(held.removed.reason).code, 'integrity')
    t.is(await failure(openPath(node, key)), 'integrity')
    await held.release()
  }
})

test('R007-355 an executable is a copy of mode 0500, beside the file', async (t) => {
  const { node } = await standalone(t)
  for (const value of [PROGRAM, LARGE]) {
    const key = await put(node, value)
    const plain = await openPath(node, key)
    const [one, other] = await Promise.all(
      [1, 2].map(() => openPath(node, key, { executable: true })),
    )
    t.is(one!.path, other!.path)
    t.not(one!.path, plain.path)
    t.deepEqual([modeOf(plain.path), modeOf(one!.path)], [0o400, 0o500])
    t.deepEqual(await readFile(one!.path), value)
    await Promise.all([plain, one!, other!].map((held) => held.release()))
    t.false(existsSync(one!.path))
  }
})

const TREE = {
  large: LARGE,
  'run.sh': PROGRAM,
  link: 'sub/small',
  out: '/nowhere',
  sub: { small: SMALL, empty: {}, again: LARGE },
}

test('R007-354 a directory is a folder of symbolic links, with copies of executables', async (t) => {
  const { node } = await standalone(t)
  const { key } = await putTree(node, TREE)
  const [one, other] = await Promise.all([openPath(node, key), openPath(node, key)])
  t.is(one.path, other.path)
  const size = 2 * LARGE.byteLength + PROGRAM.byteLength + SMALL.byteLength
  t.deepEqual([one.kind, one.size], ['folder', size])
  const at = (name: string): string => join(one.path, name)
  t.deepEqual((await readdir(one.path, { recursive: true })).toSorted(), [
    'large',
    'link',
    'out',
    'run.sh',
    'sub',
    'sub/again',
    'sub/empty',
    'sub/small',
  ])
  t.is(readlinkSync(at('large')), readlinkSync(at('sub/again')))
  t.deepEqual(await readFile(at('large')), LARGE)
  t.deepEqual(await readFile(at('link')), SMALL)
  t.is(readlinkSync(at('out')), '/nowhere')
  t.true(lstatSync(at('sub/small')).isSymbolicLink())
  t.true(lstatSync(at('run.sh')).isFile())
  t.is(modeOf(at('run.sh')), 0o500)
  const small = readlinkSync(at('sub/small'))
  await one.release()
  t.true(existsSync(at('large')))
  await other.release()
  t.deepEqual([existsSync(one.path), existsSync(small)], [false, false])
})

test('R005-88 R007-353 a removal takes away every path before it is acknowledged', async (t) => {
  const { node } = await standalone(t)
  const large = await put(node, LARGE)
  const small = await put(node, SMALL)
  const { key: tree } = await putTree(node, TREE)
  const paths = [
    await openPath(node, large),
    await openPath(node, small),
    await openPath(node, large, { executable: true }),
    await openPath(node, tree),
  ]
  const [file] = paths
  const opened = await open(file!.path)
  t.teardown(() => opened.close())
  await node.index.remove(large, { force: true })
  const gone = paths.map(({ path }) => !existsSync(path))
  t.deepEqual(gone, [true, false, true, true])
  for (const [at, { removed }] of paths.entries()) {
    t.is(removed.aborted, at !== 1)
    if (at !== 1) t.is(asDstoreError(removed.reason).code, 'removed')
  }
  // What was opened before stays as it was.
  t.deepEqual(await opened.readFile(), LARGE)
  t.is(await failure(openPath(node, large)), 'not-found')
  t.is(await failure(openPath(node, tree)), 'not-found')
  await node.index.remove(small, { force: true })
  t.false(existsSync(paths[1]!.path))
  await Promise.all(paths.map((held) => held.release()))
})

test('R005-88 a value that is removed while it is verified or copied has no path', async (t) => {
  const { node, dir } = await standalone(t)
  for (const executable of [false, true]) {
    const key = await put(node, Buffer.alloc(3_000_000, executable ? 'x' : 'y'))
    let removal: Promise<unknown> | undefined
    const onProgress = (): void => {
      removal ??= node.index.remove(key, { force: true })
    }
    const held = await openPath(node, key, { executable, onProgress }).catch((error: unknown) => {
      t.is(asDstoreError(error).code, 'removed')
      return undefined
    })
    await removal
    // It may have been faster than the removal.
    if (held !== undefined)
      t.deepEqual([held.removed.aborted, existsSync(held.path)], [true, false])
    await held?.release()
  }
  const [own] = await readdir(join(dir, 'paths'))
  t.deepEqual(await readdir(join(dir, 'paths', own!)), [])
})

test('R005-87 copies of an earlier run are out of reach at once, those of this one end with it', async (t) => {
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  const left = join(dir, 'paths', '0123')
  mkdirSync(left, { recursive: true })
  await writeFile(join(left, '1'), 'left by a killed node')
  const node = await nodes.open({ role: 'standalone', store: 'disk', dir })
  t.false(existsSync(join(left, '1')))
  await eventually(async () => !existsSync(join(dir, 'paths.old')))
  const held = await openPath(node, await put(node, SMALL))
  t.is(modeOf(join(held.path, '..')), 0o700)
  const made = await readdir(join(dir, 'paths'))
  await node.close()
  t.deepEqual(await readdir(join(dir, 'paths')), [])
  t.not(made[0], '0123')
})

test('a copy for a caller that has left is not kept', async (t) => {
  const { node, dir } = await standalone(t)
  const key = await put(node, Buffer.alloc(3_000_000))
  const aborter = new AbortController()
  const onProgress = (): void => aborter.abort()
  const { signal } = aborter
  t.is(await failure(openPath(node, key, { executable: true, signal, onProgress })), 'cancelled')
  const [own] = await readdir(join(dir, 'paths'))
  const folder = join(dir, 'paths', own!)
  await eventually(async () => (await readdir(folder)).length === 0)
})
