/** A command in a file system of its own: its paths lead the daemon to other files, or to none. */
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import type { Problem } from '../../src/daemon/api/api.ts'
import type { FakeNode } from '../daemon/fake-node.ts'
import { ask, serving } from '../daemon/serving.ts'
import { BUNDLE, Place, outcome, type Outcome } from './command.ts'

/** Root needs no user namespace for a mount namespace. */
const UNSHARE = process.getuid?.() === 0 ? ['-m'] : ['-rm']
const isPermitted = spawnSync('unshare', [...UNSHARE, 'mount', '--bind', '/', '/']).status === 0

const LARGE = 100_000
const LIBRARY = new URL('../../src/dstore.js', import.meta.url).href

const keyOf = (value: Uint8Array): string => new Key(hash(value).digest).toString()

interface Scene {
  readonly node: FakeNode
  readonly socket: string
  readonly place: Place
  /** The values of the files `file` here, and of the one that a command sees in its place. */
  readonly here: Uint8Array
  readonly there: Uint8Array
  /** Runs a script of the shell where `file` is another file, and `folder` an empty directory. */
  readonly elsewhere: (script: string) => Promise<Outcome>
}

async function scene(t: ExecutionContext): Promise<Scene> {
  const { node, directory, daemon } = await serving(t)
  const place = new Place(t, directory.path)
  const here = randomBytes(LARGE)
  const there = randomBytes(LARGE)
  writeFileSync(place.file('file'), here)
  writeFileSync(place.file('other'), there)
  mkdirSync(place.file('folder'))
  const elsewhere = (script: string): Promise<Outcome> => {
    const mounts = 'mount --bind other file && mount -t tmpfs none folder'
    const env = { ...place.env(), NODE: process.execPath, BUNDLE, LIBRARY }
    const shell = ['sh', '-ec', `${mounts}; ${script}`]
    return outcome(spawn('unshare', [...UNSHARE, ...shell], { cwd: place.path, env }))
  }
  return { node, socket: daemon.socket, place, here, there, elsewhere }
}

test('R007-92 a path means the file of its caller: put stores that one, by path and by bytes', async (t) => {
  if (!isPermitted) return t.pass()
  const { node, place, here, there, elsewhere } = await scene(t)
  const stored = await elsewhere('"$NODE" "$BUNDLE" put file ./file "$PWD/file"')
  t.is(stored.stdout.toString(), `${keyOf(there)}\n`.repeat(3), stored.stderr)
  t.deepEqual([...node.values.keys()], [keyOf(there)])
  // Where the daemon sees the same file, it reads it itself.
  const before = node.putsByPath
  const same = await elsewhere('"$NODE" "$BUNDLE" put other')
  t.is(same.stdout.toString(), `${keyOf(there)}\n`, same.stderr)
  t.is(node.putsByPath, before + 1)
  t.is((await place.run(['put', 'file'])).stdout.toString(), `${keyOf(here)}\n`)
  return undefined
})

test('R007-93 a path that leads the daemon to no file is no hindrance', async (t) => {
  if (!isPermitted) return t.pass()
  const { node, there, elsewhere } = await scene(t)
  const script = 'cp other folder/new; ln -s folder/new link; "$NODE" "$BUNDLE" put folder/new link'
  const { stdout, stderr } = await elsewhere(script)
  t.is(stdout.toString(), `${keyOf(there)}\n`.repeat(2), stderr)
  t.deepEqual([...node.values.keys()], [keyOf(there)])
  return undefined
})

test('R007-112 get to a read-only file system says that it is read-only', async (t) => {
  if (!isPermitted) return t.pass()
  const { node, place, here, elsewhere } = await scene(t)
  const key = keyOf(here)
  node.values.set(key, here)
  const readOnly = 'echo old > folder/old; mount -o remount,ro folder; "$NODE" "$BUNDLE"'
  const why = 'the file system is read-only\n'
  for (const [args, doing] of [
    ['-o folder/new', 'write to folder/new'],
    ['-o folder/old', 'write to folder/old'],
    ['--output-dir folder', 'write to folder'],
    ['--output-dir folder/new', 'create the directory folder/new'],
    ['--output-dir folder/new/below', 'create the directory folder/new/below'],
  ] as const) {
    const { exit, stdout, stderr } = await elsewhere(`${readOnly} get ${key} ${args}`)
    t.deepEqual([exit, stderr, stdout.byteLength], [1, `dstore: cannot ${doing}: ${why}`, 0])
  }
  const exported = await elsewhere(`${readOnly} export -o folder/archive`)
  t.is(exported.stderr, `dstore: cannot write to folder/archive: ${why}`)
  const bound = 'mount --bind -o ro folder folder; "$NODE" "$BUNDLE"'
  const { exit, stderr } = await elsewhere(`${bound} get ${key} -o folder/new`)
  t.deepEqual([exit, stderr], [1, `dstore: cannot write to folder/new: ${why}`])
  t.deepEqual(readdirSync(place.file('folder')), [])
  return undefined
})

test('R007-92 a path means the file of its caller in the library, too', async (t) => {
  if (!isPermitted) return t.pass()
  const { node, there, elsewhere } = await scene(t)
  const program = `
    const { connect } = await import(process.env.LIBRARY)
    const dstore = await connect()
    for (const path of ['file', 'folder/new']) {
      const { key } = await dstore.put({ path })
      console.log(key.toString())
    }
    await dstore.close()
  `
  const script = `cp other folder/new; "$NODE" --input-type=module -e "${program}"`
  const { stdout, stderr } = await elsewhere(script)
  t.is(stdout.toString(), `${keyOf(there)}\n`.repeat(2), stderr)
  t.deepEqual([...node.values.keys()], [keyOf(there)])
  return undefined
})

test('R007-92 the daemon reads no file but the described one, and none without a description', async (t) => {
  const { node, socket, place, here } = await scene(t)
  const { dev, ino, size } = statSync(place.file('file'), { bigint: true })
  const path = place.file('file')
  const mine = { path, device: String(dev), inode: String(ino), size: Number(size) }
  const post = async (request: unknown): Promise<[status: number, code: string]> => {
    const answer = await ask(socket, 'POST', '/v1/files', { body: JSON.stringify(request) })
    if (answer.status === 200) return [200, '']
    return [answer.status, (JSON.parse(answer.body.toString()) as Problem).code]
  }
  const others = [
    { ...mine, device: String(dev + 1n) },
    { ...mine, inode: String(ino + 1n) },
    { ...mine, inode: String(ino + (1n << 53n)) },
    { ...mine, size: LARGE + 1 },
    { ...mine, path: place.file('other') },
    { ...mine, path: '/dev/stdin' },
    { ...mine, path: '/proc/self/fd/0' },
    { ...mine, path: '/dev/zero' },
  ]
  for (const other of others) {
    t.deepEqual(await post(other), [422, 'unreadable'], JSON.stringify(other))
  }
  const malformed = [
    { path },
    { ...mine, device: undefined },
    { ...mine, inode: undefined },
    { ...mine, size: undefined },
    { ...mine, inode: Number(ino) },
    { ...mine, device: '-1' },
    { ...mine, inode: '1e3' },
    { ...mine, inode: '9'.repeat(21) },
    { ...mine, size: String(size) },
    { ...mine, size: 0.5 },
    { ...mine, size: 2 ** 53 },
  ]
  for (const one of malformed) t.deepEqual(await post(one), [400, 'usage'], JSON.stringify(one))
  t.is(node.values.size, 0)
  t.deepEqual(await post(mine), [200, ''])
  t.deepEqual([...node.values.keys()], [keyOf(here)])
})
