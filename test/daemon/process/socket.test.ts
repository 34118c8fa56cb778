import { test } from '../../serial.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Problem } from '../../../src/daemon/api/api.ts'
import { createDirectory, stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { ask, serving, temporaryDirectory } from '../serving.ts'

const isRoot = process.getuid?.() === 0
/** A group to give things to: any, for root; for others, one of their own. */
const GROUP = isRoot ? 1 : process.getgid!()

const mode = (path: string): number => statSync(path).mode & 0o777

test('R007-3 the socket is 0600 in a directory of mode 0700, also one that was there and empty', async (t) => {
  const path = join(temporaryDirectory(t), 'state')
  mkdirSync(path)
  chmodSync(path, 0o755)
  const { daemon } = await serving(t, {}, stateDirectory(path))
  t.is(mode(daemon.socket), 0o600)
  t.is(mode(path), 0o700)
})

test('R007-69 the socket may be opened to a group: 0660 in 0750, and closed again', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  const group = String(GROUP)
  const first = await serving(t, { socketGroup: group }, directory)
  t.is(mode(first.daemon.socket), 0o660)
  t.is(statSync(first.daemon.socket).gid, GROUP)
  t.is(mode(directory.path), 0o750)
  t.is(statSync(directory.path).gid, GROUP)
  for (const secret of [directory.lock, directory.config]) t.is(mode(secret), 0o600)
  await first.daemon.close()

  const again = await serving(t, {}, directory)
  t.is(mode(again.daemon.socket), 0o660)
  await again.daemon.close()

  await serving(t, { socketGroup: 'none' }, directory)
  t.is(mode(directory.socket), 0o600)
  t.is(mode(directory.path), 0o700)
})

test('R007-69 a group that is none, or could be a flag, is refused, and nothing is served', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  for (const socketGroup of ['no-such-group-here', '--reference=x', '', 'a b']) {
    await t.throwsAsync(serving(t, { socketGroup }, directory), { code: 'usage' }, socketGroup)
  }
  await t.notThrowsAsync(serving(t, {}, directory))
})

test('R007-19 for a group no file is read by path, but its bytes are taken', async (t) => {
  const { daemon } = await serving(t, { socketGroup: String(GROUP) })
  const body = JSON.stringify({ path: resolve('package.json') })
  const refused = await ask(daemon.socket, 'POST', '/v1/files', { body })
  t.is(refused.status, 403)
  t.is((JSON.parse(refused.body.toString()) as Problem).code, 'not-permitted')
  const bytes = readFileSync('package.json')
  t.is((await ask(daemon.socket, 'POST', '/v1/values', { body: bytes })).status, 201)
})

test('R007-3 R007-69 another user gets nowhere, one of the group does', async (t) => {
  // Only root can act as another user.
  if (!isRoot) return t.pass()
  const closed = await serving(t)
  t.is(await connectAs(t, closed.daemon.socket, { uid: 65_534, gid: 65_534 }), 'EACCES')
  t.is(await connectAs(t, closed.daemon.socket, { uid: 0, gid: 0 }), 'connected')
  const { daemon } = await serving(t, { socketGroup: String(GROUP) })
  t.is(await connectAs(t, daemon.socket, { uid: 65_534, gid: 65_534 }), 'EACCES')
  t.is(await connectAs(t, daemon.socket, { uid: 65_534, gid: GROUP }), 'connected')
  return undefined
})

test('R007-3 a client of another user is not-permitted', async (t) => {
  const { daemon } = await serving(t)
  const user = isRoot ? 'process.setgroups([]); process.setgid(65534); process.setuid(65534)' : ''
  // A socket without any permission is like another user's.
  if (!isRoot) chmodSync(daemon.socket, 0)
  const program = `
    const { connectTo } = await import(process.argv[1])
    ${user}
    await connectTo(process.argv[2]).catch(({ code }) => console.log(code))`
  const url = new URL('../../../src/daemon/client/connection.js', import.meta.url).href
  const args = ['--input-type=module', '-e', program, url, daemon.socket]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 2] })
  let text = ''
  child.stdout!.on('data', (piece) => (text += String(piece)))
  await once(child, 'close')
  t.is(text.trim(), 'not-permitted')
})

test('R007-1 a directory that is open to others and is not ours stays as it is', async (t) => {
  const path = temporaryDirectory(t)
  writeFileSync(join(path, 'thesis.txt'), '')
  chmodSync(path, 0o755)
  await t.throwsAsync(serving(t, {}, stateDirectory(path)), { code: 'not-permitted' })
  t.is(mode(path), 0o755)
})

test('R007-1 a state directory that others could write to is not trusted', async (t) => {
  const { daemon, directory } = await serving(t)
  await daemon.close()
  for (const open of [0o770, 0o707, 0o777]) {
    chmodSync(directory.path, open)
    t.throws(() => createDirectory(directory), { code: 'not-permitted' }, open.toString(8))
  }
  chmodSync(directory.path, 0o755)
  await t.notThrowsAsync(serving(t, {}, directory))
  t.is(mode(directory.path), 0o700)
})

test('R007-3 a socket is not put where others could put another in its place', async (t) => {
  const folder = join(temporaryDirectory(t), 'open')
  mkdirSync(folder)
  const socket = join(folder, 's.sock')
  chmodSync(folder, 0o777)
  await t.throwsAsync(serving(t, { socket }), { code: 'not-permitted' })
  chmodSync(folder, 0o1777)
  await t.notThrowsAsync(serving(t, { socket }))
})

/** The outcome of a connection by a process of this user. */
async function connectAs(
  t: ExecutionContext,
  socket: string,
  user: { readonly uid: number; readonly gid: number },
): Promise<string> {
  const program = `
    process.setgroups([]); process.setgid(${user.gid}); process.setuid(${user.uid})
    const socket = require('node:net').connect(process.argv[1])
    socket.on('connect', () => { console.log('connected'); process.exit() })
    socket.on('error', (error) => { console.log(error.code) })`
  const child = spawn(process.execPath, ['-e', program, socket], { stdio: ['ignore', 'pipe', 2] })
  t.teardown(() => child.kill('SIGKILL'))
  let text = ''
  child.stdout!.on('data', (piece) => (text += String(piece)))
  await once(child, 'close')
  return text.trim()
}
