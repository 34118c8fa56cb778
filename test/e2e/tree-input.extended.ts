/**
 * Folders on disk that `put` must refuse, or that change or end under it: one line, the documented
 * exit code, and nothing half done.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { test } from '../serial.ts'
import { BUNDLE, outcome } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { Daemon, shared } from './nodes.ts'
import { folder, sameTree, writeDeep, writeMany } from './tree-files.ts'
import { treeFacts } from './tree-key.ts'
import { keysAt, linesOf, oneLine, putTree } from './trees.ts'

const node = shared((owner) => Daemon.start(owner, []))

/** A folder with a file that can be stored and one thing that cannot: `make` makes it. */
function bad(t: ExecutionContext, make: (path: string) => unknown): string {
  const path = folder(t)
  writeMany(`${path}/good`, 1, 20, 5000)
  make(path)
  return path
}

/** Asserts that `put` refuses the folder in one line, and that nothing was stored. */
async function refuses(
  t: ExecutionContext,
  path: string,
  exit: number,
  line: RegExp,
  flags: readonly string[] = [],
): Promise<void> {
  const daemon = await node()
  const [before, { seq, values }] = [await keysAt(t, daemon), (await daemon.status()).store!]
  oneLine(t, await daemon.run(['put', path, '--name', 'refused', ...flags]), exit, line)
  t.deepEqual(await keysAt(t, daemon), before)
  const after = (await daemon.status()).store!
  t.deepEqual([after.seq, after.values], [seq, values], 'nothing was sent')
  t.is((await daemon.run(['has', 'refused'])).exit, 1)
}

test('R007-285 what is no file, folder or link is refused by its path, before anything is sent', async (t) => {
  const fifo = bad(t, (path) => execFileSync('mkfifo', [`${path}/good/a pipe`]))
  await refuses(t, fifo, 2, /^dstore: .*good\/a pipe.*pipe/m)
  const socket = bad(t, (path) => {
    const script = 'import socket,sys;socket.socket(socket.AF_UNIX).bind(sys.argv[1])'
    execFileSync('python3', ['-c', script, `${path}/s`])
  })
  await refuses(t, socket, 2, /^dstore: .*\/s\b.*socket/m)
  if (process.getuid!() !== 0) return
  const device = bad(t, (path) => execFileSync('mknod', [`${path}/zero`, 'c', '1', '5']))
  await refuses(t, device, 2, /^dstore: .*\/zero.*device/m)
})

test('R007-285 a name that is not UTF-8 is refused, and shown without loss', async (t) => {
  for (const name of [Buffer.from([0x63, 0xe9]), Buffer.from([0xed, 0xa0, 0x80, 0x78])]) {
    const path = bad(t, (at) =>
      writeFileSync(Buffer.concat([Buffer.from(`${at}/good/`), name]), ''),
    )
    await refuses(t, path, 2, /^dstore: .*UTF-8.*good\/.*\\x/m)
  }
  const link = bad(t, (at) => symlinkSync(Buffer.from([0x67, 0xff]), `${at}/link`))
  await refuses(t, link, 2, /^dstore: .*\/link.*UTF-8/m)
})

test('R007-285 a link that leaves the tree is refused, with a hint at --follow, which stores what it leads to', async (t) => {
  const outside = folder(t)
  writeFileSync(`${outside}/blob`, 'a blob')
  mkdirSync(`${outside}/blobs`)
  writeFileSync(`${outside}/blobs/deep`, 'another', { mode: 0o755 })
  for (const target of [`${outside}/blob`, '../outside', 'good/../../x', '/', '..']) {
    const path = bad(t, (at) => symlinkSync(target, `${at}/leaving`))
    await refuses(t, path, 2, /^dstore: .*\/leaving.*\n^hint: .*--follow/m)
  }
  const path = bad(t, (at) => {
    symlinkSync(`${outside}/blob`, `${at}/model`)
    symlinkSync(`${outside}/blobs`, `${at}/more`)
    symlinkSync('good/file-1', `${at}/inside`)
  })
  const daemon = await node()
  const [key] = linesOf(t, await daemon.run(['put', path, '--follow']))
  const copy = folder(t)
  execFileSync('cp', ['-a', path, `${copy}/x`])
  rmSync(`${copy}/x/model`)
  rmSync(`${copy}/x/more`)
  execFileSync('cp', ['-aL', `${path}/model`, `${path}/more`, `${copy}/x`])
  t.is(key, treeFacts(`${copy}/x`).key)
})

test('R007-285 a circle of links ends a put with --follow, and a link to nothing is named', async (t) => {
  const outside = folder(t)
  mkdirSync(`${outside}/a/b`, { recursive: true })
  symlinkSync(`${outside}/a`, `${outside}/a/b/again`)
  const circle = bad(t, (at) => symlinkSync(`${outside}/a`, `${at}/out`))
  await refuses(t, circle, 2, /^dstore: .*again.*/m, ['--follow'])
  const nothing = bad(t, (at) => symlinkSync(`${outside}/is not there`, `${at}/out`))
  await refuses(t, nothing, 1, /^dstore: .*\/out/m, ['--follow'])
})

test('R007-285 a tree of more than 1,000 levels is refused by its path', async (t) => {
  const path = folder(t)
  for (const levels of [1000, 10_000]) {
    writeDeep(`${path}/deeper-${levels}`, levels, 'too deep')
    await refuses(t, `${path}/deeper-${levels}`, 7, /^dstore: .*1000 levels: .*d\/d/m)
  }
})

test('R007-285 a file that may not be read ends a put with its path', async (t) => {
  const daemon = await node()
  const path = bad(t, (at) => writeFileSync(`${at}/good/secret`, 'x', { mode: 0 }))
  if (process.getuid!() !== 0) return refuses(t, path, 1, /^dstore: .*good\/secret/m)
  // Root may read everything: another user asks, who may ask this daemon.
  const keys = await keysAt(t, daemon)
  execFileSync('chmod', ['a+rx', path, `${path}/good`])
  const user = ['--reuid=65534', '--regid=65534', '--clear-groups']
  const cid = spawn('setpriv', [...user, process.execPath, BUNDLE, 'cid', path], {
    env: { ...daemon.place.env(), HOME: path, DSTORE_DIR: `${path}/state` },
  })
  oneLine(t, await outcome(cid), 1, /^dstore: .*good\/secret/m)
  t.deepEqual(await keysAt(t, daemon), keys)
  return undefined
})

test('R007-285 a file that changes while it is read ends the put with its path', async (t) => {
  const daemon = await node()
  const path = folder(t)
  writeMany(path, 1, 3, 1000)
  const growing = `${path}/growing`
  writeFileSync(growing, '')
  truncateSync(growing, 48_000_000)
  const grow = spawn('sh', ['-c', 'while :; do printf x >> "$1"; done', 'sh', growing])
  const put = await daemon.run(['put', path, '--name', 'growing'])
  grow.kill()
  oneLine(t, put, 1, /^dstore: .*growing was written to/m)
  t.is((await daemon.run(['has', 'growing'])).exit, 1)
})

test('R007-285 Ctrl-C ends a put without a name or a key, and the repeated put is whole', async (t) => {
  const daemon = await node()
  const path = folder(t)
  writeMany(path, 8, 100, 4000)
  const before = (await daemon.status()).store!.seq
  const child = daemon.place.start(['put', path, '--name', 'stopped'])
  await eventually(async (saw) => saw((await daemon.status()).store!.seq) > before)
  child.kill('SIGINT')
  const ended = await outcome(child)
  t.is(ended.exit, 130, ended.stderr)
  t.is(ended.stdout.toString(), '')
  t.is((await daemon.run(['has', 'stopped'])).exit, 1)
  const key = await putTree(t, daemon, path, ['--name', 'stopped'])
  t.deepEqual(linesOf(t, await daemon.run(['get', 'stopped', '-o', `${path}.got`])), [])
  t.teardown(() => rmSync(`${path}.got`, { recursive: true }))
  sameTree(t, `${path}.got`, path)
  linesOf(t, await daemon.run(['rm', 'stopped']))
  t.is((await daemon.run(['has', key])).exit, 1)
})

test('R007-285 a put of a missing folder, and of one that may not be read, names it', async (t) => {
  const path = folder(t)
  await refuses(t, `${path}/not there`, 1, /^dstore: .*not there/m)
  chmodSync(path, 0o755)
  writeFileSync(`${path}/file`, 'x')
  await refuses(t, `${path}/file/below`, 1, /^dstore: .*below/m)
})
