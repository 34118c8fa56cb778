/** Where a Local has its cached files, and how much memory it is allowed. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { chmodSync, readdirSync, renameSync, symlinkSync, utimesSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { memoryLeft } from '../../src/store/cached/control-group.ts'
import { mountUse } from '../../src/store/cached/mount.ts'
import { deleteOwnerless, takeFolder } from '../../src/store/cached/owners.ts'
import { deleteIfEmpty, makeCacheFolder, nodeFolder } from '../../src/store/cached/place.ts'
import { leaveSharedMemory, sharedMemory, type SharedMemory } from '../../src/store/cached/place.ts'
import { test } from '../serial.ts'
import { inTemporary } from './temporary.ts'

/** Files of a system with these control groups; the keys are paths. */
function groupsOf(root: string, files: Readonly<Record<string, string>>): () => number {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return () => memoryLeft({ proc: join(root, 'proc'), groups: join(root, 'groups') })
}

test('R007-391 the control groups of version 2 bound the memory, the tightest of them', (t) =>
  inTemporary(async (root) => {
    const left = groupsOf(root, {
      'proc/self/cgroup': '0::/a/b\n',
      'groups/memory.max': 'max\n',
      'groups/a/memory.max': '1000\n',
      'groups/a/memory.current': '700\n',
      'groups/a/memory.stat': 'anon 300\ninactive_file 250\nfile 400\n',
      'groups/a/b/memory.max': '5000\n',
      'groups/a/b/memory.current': '600\n',
    })
    t.is(left(), 550)
    writeFileSync(join(root, 'groups/a/b/memory.max'), '650\n')
    t.is(left(), 50)
    writeFileSync(join(root, 'groups/a/b/memory.max'), '600\n')
    t.is(left(), 0)
  }))

test('R007-391 those of version 1 as well, whose largest number means no bound', (t) =>
  inTemporary(async (root) => {
    const left = groupsOf(root, {
      'proc/self/cgroup': '7:cpu,memory:/x\n3:pids:/y\n',
      'groups/memory/memory.limit_in_bytes': '9223372036854771712\n',
      'groups/memory/x/memory.limit_in_bytes': '2000\n',
      'groups/memory/x/memory.usage_in_bytes': '900\n',
      'groups/memory/x/memory.stat': 'inactive_file 1\ntotal_inactive_file 100\n',
    })
    t.is(left(), 1200)
    writeFileSync(join(root, 'groups/memory/x/memory.limit_in_bytes'), '9223372036854771712\n')
    t.is(left(), Infinity)
    t.is(memoryLeft({ proc: join(root, 'nothing') }), Infinity)
  }))

const SHARED = '/dev/shm'
const hasShared = existsSync(SHARED) && mountUse(SHARED).kind === 'shared-memory'

function inShared(t: ExecutionContext): string {
  const root = mkdtempSync(join(SHARED, 'dstore-place-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  return root
}

const reasonIn = (place: SharedMemory | string): string => (typeof place === 'string' ? place : '')

const UID = process.getuid?.()
const PEER = '12D3KooWAAAABBBBCCCCDDDDEEEEFFFF'

/** Folders of nodes by short names, and what they say of their owner. */
function nodesIn(root: string): {
  readonly folder: (name: string) => string
  readonly isThere: (name: string) => boolean
  readonly change: (name: string, owner: object | string) => void
} {
  const folder = (name: string): string => nodeFolder(root, name.padStart(16, '0'))
  const change = (name: string, owner: object | string): void => {
    takeFolder(folder(name))
    const path = join(folder(name), 'owner')
    const own = JSON.parse(readFileSync(path, 'utf8')) as object
    writeFileSync(path, typeof owner === 'string' ? owner : JSON.stringify({ ...own, ...owner }))
  }
  return { folder, isThere: (name) => existsSync(folder(name)), change }
}

if (hasShared && UID !== undefined) {
  test('R007-391 on shared memory a node has a private folder, without what a run left', (t) => {
    const root = inShared(t)
    const place = sharedMemory(PEER, undefined, root)
    if (typeof place === 'string') return t.fail(place)
    t.is(place.folder, join(root, `dstore-${UID}`))
    t.true(place.freeBytes > 0)
    t.is(statSync(place.folder).mode & 0o777, 0o700)
    const own = nodeFolder(place.folder, PEER)
    mkdirSync(join(own, 'boot-1'))
    sharedMemory(PEER, undefined, root)
    t.false(existsSync(join(own, 'boot-1')))
    t.true(existsSync(own))
    deleteIfEmpty(own)
    t.false(existsSync(own))
  })

  test('R003-157 the folder of a node whose process ended is deleted, and no other', (t) => {
    const { folder, isThere, change } = nodesIn(inShared(t))
    change('ended', { pid: 2 ** 30 })
    change('reused', { started: '1' })
    change('alive', {})
    change('elsewhere', { pid: 2 ** 30, namespace: 'pid:[1]' })
    change('rebooted', { boot: 'another', namespace: 'pid:[1]' })
    for (const name of ['untold', 'forgotten']) change(name, '{')
    utimesSync(folder('forgotten'), 0, Date.now() / 1000 - 3601)
    utimesSync(folder('untold'), 0, Date.now() / 1000 - 3500)
    change('broken', { pid: 2 ** 30 })
    renameSync(folder('broken'), folder('broken').replace('node-', 'ended-'))
    deleteOwnerless(join(folder('alive'), '..'))
    t.deepEqual(readdirSync(join(folder('alive'), '..')).length, 3)
    t.deepEqual(['alive', 'elsewhere', 'untold'].filter(isThere), ['alive', 'elsewhere', 'untold'])
  })

  test('R003-157 a start deletes hundreds of them, and no longer than it may', (t) => {
    const { folder, isThere, change } = nodesIn(inShared(t))
    const names = Array.from({ length: 300 }, (_, at) => `n${at}`)
    for (const name of names) change(name, { pid: 2 ** 30 })
    deleteOwnerless(join(folder('n0'), '..'), 0)
    t.is(names.filter(isThere).length, 300)
    deleteOwnerless(join(folder('n0'), '..'), 60_000)
    t.is(names.filter(isThere).length, 0)
  })

  test('R003-157 the last node deletes the folder of its user, and the next makes it', (t) => {
    const root = inShared(t)
    const other = PEER.replace('F', 'G')
    const places = [PEER, other].map((peer) => sharedMemory(peer, undefined, root) as SharedMemory)
    leaveSharedMemory(places[0]!, PEER)
    t.deepEqual(readdirSync(places[1]!.folder).length, 1)
    leaveSharedMemory(places[1]!, other)
    t.deepEqual(readdirSync(root), [])
    t.is(typeof sharedMemory(PEER, undefined, root), 'object')
  })

  test('R007-391 a folder that is a link, or that others may write to, is not used', (t) => {
    const root = inShared(t)
    const folder = join(root, `dstore-${UID}`)
    mkdirSync(join(root, 'other'))
    symlinkSync('other', folder)
    t.regex(reasonIn(sharedMemory(PEER, undefined, root)), /belongs to another user/)
    rmSync(folder)
    mkdirSync(folder)
    chmodSync(folder, 0o777)
    t.regex(reasonIn(sharedMemory(PEER, undefined, root)), /other users may write/)
  })
}

test('R007-391 a disk is no shared memory, and a system may have none', (t) =>
  inTemporary(async (root) => {
    t.regex(reasonIn(sharedMemory(PEER, undefined, join(root, 'nothing'))), /has no/)
    if (mountUse(root).kind === 'disk') {
      t.regex(reasonIn(sharedMemory(PEER, undefined, root)), /is not shared memory/)
    }
  }))

test('R003-168 a folder is made for its user; one that others may write to is refused', (t) =>
  inTemporary(async (root) => {
    const made = join(root, 'a/b')
    makeCacheFolder(made, undefined)
    t.is(statSync(made).mode & 0o777, 0o700)
    makeCacheFolder(made, undefined)
    chmodSync(made, 0o702)
    const refused = { code: 'not-permitted' } as never
    t.throws(() => makeCacheFolder(made, undefined), refused)
    // As /tmp: nobody can replace what belongs to somebody else.
    chmodSync(made, 0o1777)
    makeCacheFolder(made, undefined)
    writeFileSync(join(root, 'file'), '')
    const noFolder = { code: 'unwritable', message: /it is not a folder/ } as never
    t.throws(() => makeCacheFolder(join(root, 'file'), undefined), noFolder)
    const nowhere = { code: 'unwritable' } as never
    t.throws(() => makeCacheFolder(join(root, 'file/below'), undefined), nowhere)
    // `mkdir` says there that the folder above is missing, which it is not.
    if (existsSync('/proc/self')) {
      t.throws(() => makeCacheFolder('/proc/no-such/folder', undefined), nowhere)
    }
  }))

test('R007-392 a folder that is made for a group lets it pass, and one that exists stays', (t) =>
  inTemporary(async (root) => {
    const group = process.getgid?.()
    if (group === undefined) return void t.pass()
    const made = join(root, 'made')
    makeCacheFolder(made, group)
    t.is(statSync(made).mode & 0o777, 0o750)
    t.is(statSync(made).gid, group)
    const before = join(root, 'before')
    mkdirSync(before, { mode: 0o700 })
    makeCacheFolder(before, group)
    t.is(statSync(before).mode & 0o777, 0o700)
  }))
