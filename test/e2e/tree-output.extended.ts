/**
 * What can go wrong between a stored tree and a folder on disk: a full disk, Ctrl-C, damage, a
 * removal, links in the way. One line, the documented exit code, and nothing half done.
 */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import type { ExecutionContext } from 'ava'
import { test } from '../serial.ts'
import { outcome } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { Daemon, shared } from './nodes.ts'
import { contents, folder, sameTree, writeMany } from './tree-files.ts'
import { keysAt, linesOf, oneLine, putTree } from './trees.ts'

const node = shared((owner) => Daemon.start(owner, []))

/** A stored tree of three folders, and where it is on disk. */
async function stored(t: ExecutionContext, text: string): Promise<{ key: string; path: string }> {
  const path = `${folder(t)}/${text}`
  writeMany(path, 3, 10, 20_000)
  writeFileSync(`${path}/own`, contents(20_000, text))
  return { key: await putTree(t, await node(), path), path }
}

test('R007-285 get leaves a folder, a file or a link that is there as it was', async (t) => {
  const daemon = await node()
  const { key } = await stored(t, 'in the way')
  const out = folder(t)
  mkdirSync(`${out}/folder`)
  writeFileSync(`${out}/folder/mine`, 'mine')
  writeFileSync(`${out}/file`, 'mine')
  symlinkSync('folder', `${out}/link`)
  for (const name of ['folder', 'file', 'link']) {
    const got = await daemon.run(['get', key, '-o', `${out}/${name}`])
    t.true([1, 2, 9].includes(got.exit as number), got.stderr)
    oneLine(t, got, got.exit as number, new RegExp(`^dstore: .*${name}`, 'm'))
  }
  t.deepEqual(readdirSync(out).toSorted(), ['file', 'folder', 'link'])
  t.deepEqual(readdirSync(`${out}/folder`), ['mine'])
  t.is(readFileSync(`${out}/file`, 'utf8'), 'mine')
  oneLine(
    t,
    await daemon.run(['get', key, '-o', `${out}/no/such/folder`]),
    1,
    /^dstore: .*no\/such/m,
  )
})

test('R007-285 an update never writes through a link', async (t) => {
  const daemon = await node()
  const { key, path } = await stored(t, 'tree')
  const [out, outside] = [folder(t), folder(t)]
  linesOf(t, await daemon.run(['get', key, '-o', `${out}/x`]))
  mkdirSync(`${outside}/folder-0`)
  writeFileSync(`${outside}/folder-0/file-1`, 'outside')
  writeFileSync(`${outside}/own`, 'outside')
  rmSync(`${out}/x/folder-0`, { recursive: true })
  symlinkSync(`${outside}/folder-0`, `${out}/x/folder-0`)
  rmSync(`${out}/x/own`)
  symlinkSync(`${outside}/own`, `${out}/x/own`)
  rmSync(`${out}/x/folder-1/file-1`)
  symlinkSync(`${outside}/new`, `${out}/x/folder-1/file-1`)
  const updated = await daemon.run(['get', key, '--update', `${out}/x`, '--delete'])
  t.is(updated.exit, 0, updated.stderr)
  t.is(readFileSync(`${outside}/folder-0/file-1`, 'utf8'), 'outside')
  t.is(readFileSync(`${outside}/own`, 'utf8'), 'outside')
  t.deepEqual(readdirSync(outside).toSorted(), ['folder-0', 'own'])
  t.deepEqual(readdirSync(`${outside}/folder-0`), ['file-1'])
  sameTree(t, `${out}/x`, path)
})

test('R007-285 a disk that fills in the middle of a get is exit code 7, and no trace', async (t) => {
  const daemon = await node()
  const { key, path } = await stored(t, 'full')
  const disk = folder(t)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', disk], { stdio: 'ignore' })
  } catch {
    t.log('SKIPPED: mounting is not allowed here')
    t.pass()
    return
  }
  try {
    oneLine(t, await daemon.run(['get', key, '-o', `${disk}/x`]), 7, /^dstore: .*(space|full)/m)
    t.deepEqual(readdirSync(disk), [])
    execFileSync('mount', ['-o', 'remount,size=2m', disk])
    linesOf(t, await daemon.run(['get', key, '-o', `${disk}/x`]))
    sameTree(t, `${disk}/x`, path)
  } finally {
    execFileSync('umount', ['-l', disk])
  }
})

test('R007-285 Ctrl-C ends a get with 130, and leaves nothing', async (t) => {
  const daemon = await node()
  const path = folder(t)
  writeMany(`${path}/tree`, 6, 100, 4000)
  const key = await putTree(t, daemon, `${path}/tree`)
  const out = folder(t)
  const child = daemon.place.start(['get', key, '-o', `${out}/x`])
  await eventually(() => readdirSync(out).length > 0)
  child.kill('SIGINT')
  const { exit, stderr } = await outcome(child)
  t.is(exit, 130, stderr)
  t.deepEqual(readdirSync(out), [])
  linesOf(t, await daemon.run(['rm', key]))
})

test('R007-285, R005-46 a child that is damaged on disk ends a get with 4 and its path, and a put of the folder mends it', async (t) => {
  const daemon = await node()
  const { key, path } = await stored(t, 'damaged')
  const values = `${daemon.place.state}/store-v3/values`
  const own = contents(20_000, 'damaged')
  for (const name of readdirSync(values)) {
    const bytes = readFileSync(`${values}/${name}`)
    if (bytes.indexOf(own) < 0) continue
    bytes[bytes.indexOf(own) + 19_000]! ^= 1
    execFileSync('chmod', ['u+w', `${values}/${name}`])
    writeFileSync(`${values}/${name}`, bytes)
  }
  const out = folder(t)
  oneLine(t, await daemon.run(['get', key, '-o', `${out}/x`]), 4, /^dstore: .*\bown\b/m)
  t.deepEqual(readdirSync(out), [])
  const [got] = [await daemon.run(['get', `${key}/folder-0/file-0`])]
  t.is(Buffer.compare(got.stdout, readFileSync(`${path}/folder-0/file-0`)), 0)
  // The folder is still here: to put it again heals the value.
  await putTree(t, daemon, path)
  linesOf(t, await daemon.run(['get', key, '-o', `${out}/x`]))
  sameTree(t, `${out}/x`, path)
})

test('R007-285 a path that leads nowhere is not found, by its name', async (t) => {
  const daemon = await node()
  const { key } = await stored(t, 'paths')
  for (const path of [
    'nothing',
    'folder-0/nothing',
    'own/below',
    'folder-0/file-0/x',
    '..',
    '.',
    'a//b',
  ]) {
    const got = await daemon.run(['get', `${key}/${path}`])
    t.true(got.exit === 3 || got.exit === 2, `${path}: ${got.stderr}`)
    oneLine(t, got, Number(got.exit), /^dstore: /m)
    t.true(got.stderr.includes(path), got.stderr)
  }
  const [file] = linesOf(t, await daemon.run(['put', '-'], 'a file')) as [string]
  oneLine(t, await daemon.run(['get', `${file}/x`]), 3, /^dstore: /m)
  oneLine(t, await daemon.run(['get', file, '--update', folder(t)]), 2, /^dstore: /m)
})

test('R007-285 a child of a directory is removed only by force, and the directory then says what is missing', async (t) => {
  const daemon = await node()
  const { key, path } = await stored(t, 'forced')
  const [child] = linesOf(t, await daemon.run(['cid', `${path}/own`])) as [string]
  oneLine(t, await daemon.run(['rm', child]), 9, /^dstore: .*1 directory/m)
  t.is((await daemon.run(['has', child])).exit, 0)
  linesOf(t, await daemon.run(['rm', child, '--force']))
  const stat = await daemon.run(['stat', key])
  t.regex(stat.stdout.toString() + stat.stderr, /own/)
  oneLine(
    t,
    await daemon.run(['stat', `${key}/own`]),
    3,
    /^dstore: the value of .*own does not exist: /m,
  )
  oneLine(t, await daemon.run(['stat', `${key}/none`]), 3, /^dstore: no such path: .*none/m)
  const out = folder(t)
  oneLine(t, await daemon.run(['get', key, '-o', `${out}/x`]), 3, /^dstore: .*\bown\b/m)
  t.false(existsSync(`${out}/x`))
  await putTree(t, daemon, path)
  linesOf(t, await daemon.run(['get', key, '-o', `${out}/x`]))
  sameTree(t, `${out}/x`, path)
})

test('R007-285 puts of overlapping trees race with removals of one, and the other stays whole', async (t) => {
  const daemon = await node()
  const path = folder(t)
  const keys = await keysAt(t, daemon)
  for (const name of ['left', 'right']) {
    writeMany(`${path}/${name}/shared`, 4, 10, 200)
    writeFileSync(`${path}/${name}/own`, name)
  }
  const put = (name: string): ReturnType<Daemon['run']> =>
    daemon.run(['put', `${path}/${name}`, '--name', `race/${name}`])
  linesOf(t, await put('left'))
  for (let round = 0; round < 2; round++) {
    const [removed, right, again] = await Promise.all([
      daemon.run(['rm', 'race/left']),
      put('right'),
      put('right'),
    ])
    linesOf(t, removed)
    linesOf(t, right)
    linesOf(t, again)
    const out = `${path}/out-${round}`
    linesOf(t, await daemon.run(['get', 'race/right', '-o', out]))
    sameTree(t, out, `${path}/right`)
    const [left, gone] = await Promise.all([put('left'), daemon.run(['rm', 'race/right'])])
    linesOf(t, left)
    linesOf(t, gone)
    linesOf(t, await daemon.run(['get', 'race/left', '-o', `${out}-left`]))
    sameTree(t, `${out}-left`, `${path}/left`)
  }
  linesOf(t, await daemon.run(['rm', 'race/left']))
  await eventually(async (saw) => saw(await keysAt(t, daemon)).length === keys.length)
  t.deepEqual(await keysAt(t, daemon), keys)
})
