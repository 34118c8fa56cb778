/** Paths over the socket, at a standalone node whose files other processes would open. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { test } from '../../serial.ts'
import { connectNode } from '../../../src/daemon/client/remote-node.ts'
import { ValueClient } from '../../../src/daemon/client/value-client.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { startDaemon, type Daemon } from '../../../src/daemon/process/daemon.ts'
import { asDstoreError, type ErrorCode } from '../../../src/errors.ts'
import { keepFor } from '../../../src/daemon/http/paths/timed-holds.ts'
import { HTTP_CONNECTIONS } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { openNode } from '../../../src/node/open.ts'
import type { HeldPath, ServedNode } from '../../../src/node/node.ts'
import { eventually } from '../../eventually.ts'
import { once } from '../../node/nodes.ts'
import { putTree } from '../../node/put-tree.ts'
import { ask, serving, temporaryDirectory } from '../serving.ts'
import { servingTcp } from './tcp.ts'

const LARGE = Buffer.alloc(200_000, 'large')
const SMALL = Buffer.from('small')

interface Scene {
  readonly daemon: Daemon
  readonly node: ServedNode
  readonly socket: string
  readonly open: (word: string, request?: object) => ReturnType<ValueClient['openPath']>
}

async function scene(t: ExecutionContext): Promise<Scene> {
  const daemon = await startDaemon({
    directory: stateDirectory(temporaryDirectory(t)),
    settings: { role: 'standalone' },
    log: SILENT,
    openNode: (options) => openNode(options),
  })
  t.teardown(() => daemon.close())
  const { node, socket } = daemon
  const open: Scene['open'] = (word, request = {}) => openAt(t, socket, word, request)
  return { daemon, node, socket, open }
}

/** Released at the end of the test, too: an open connection would keep the process. */
async function openAt(
  t: ExecutionContext,
  socket: string,
  word: string,
  request: object = {},
): ReturnType<ValueClient['openPath']> {
  const held = await (await ValueClient.connect(socket))!.openPath(word, request)
  t.teardown(() => held.release())
  return held
}

const failure = (work: Promise<unknown>): Promise<ErrorCode | 'none'> =>
  work.then(
    () => 'none' as const,
    (error: unknown) => asDstoreError(error).code,
  )

/** For paths that nothing but the end of a hold takes away. */
const isGone = (path: string) => async (): Promise<boolean> => !existsSync(path)

test('R007-350 a word and a path below it lead to a file, or to a folder', async (t) => {
  const { node, open, socket } = await scene(t)
  const tree = { a: { large: LARGE, 'run.sh': SMALL }, link: 'a/large' }
  const { key } = await putTree(node, tree, 'models/v1')
  const words: [string, object, string, number][] = [
    ['models/v1', {}, 'folder', LARGE.byteLength + SMALL.byteLength],
    ['models/v1/a/large', {}, 'file', LARGE.byteLength],
    ['models/v1', { path: 'a/large' }, 'file', LARGE.byteLength],
    ['models/v1/a', { path: 'run.sh' }, 'file', SMALL.byteLength],
    [`${key.toString()}/a`, {}, 'folder', LARGE.byteLength + SMALL.byteLength],
  ]
  for (const [word, request, kind, size] of words) {
    const held = await open(word, request)
    t.deepEqual([held.kind, held.size], [kind, size], word)
    const { dev, ino } = statSync(held.path, { bigint: true })
    t.deepEqual([held.device, held.inode], [String(dev), String(ino)])
    held.release()
  }
  const script = await open('models/v1/a/run.sh')
  t.is(statSync(script.path).mode & 0o777, 0o500)
  script.release()
  t.is(await failure(open('models/v1/link')), 'usage')
  t.is(await failure(open('models/v1/none')), 'not-found')
  t.is(await failure(open('none')), 'not-found')
  for (const request of [
    { path: 1 },
    { executable: 'yes' },
    { holdMs: -1 },
    { holdMs: 86_400_001 },
  ]) {
    const body = JSON.stringify(request)
    const { status } = await ask(socket, 'POST', '/v1/values/models%2Fv1/path', { body })
    t.is(status, 400, body)
  }
})

test('R007-351 a file is held while the connection is open, and no longer', async (t) => {
  const { node, open } = await scene(t)
  const { key } = await node.put({ bytes: once(SMALL) })
  const [one, other] = [await open(key.toString()), await open(key.toString())]
  t.is(one.path, other.path)
  t.deepEqual(readFileSync(one.path), SMALL)
  one.release()
  // The daemon has heard of it once the next call on a new connection was answered.
  const third = await open(key.toString())
  t.true(existsSync(one.path))
  third.release()
  other.release()
  await eventually(isGone(one.path))
  t.false(one.removed.aborted)
})

test('R007-351 a file may be held for a time after the answer, as long as the longest', async (t) => {
  const { node, open, socket } = await scene(t)
  const { key } = await node.put({ bytes: once(SMALL) })
  const word = key.toString()
  const first = await open(word, { holdMs: 60_000 })
  const body = JSON.stringify({ holdMs: 1 })
  const { status, whole } = await ask(socket, 'POST', `/v1/values/${word}/path`, { body })
  t.deepEqual([status, whole], [200, true])
  const stays = eventually(isGone(first.path), 200)
  t.not(await failure(stays), 'none')
  await node.index.remove(key, { force: true })
  t.false(existsSync(first.path))
  const again = await node.put({ bytes: once(SMALL) })
  const brief = await open(again.key.toString(), { holdMs: 300 })
  await eventually(isGone(brief.path))
})

test('R007-351 R007-353 the holder hears of a removal, and of the end of the daemon', async (t) => {
  const { node, open, daemon } = await scene(t)
  const { key } = await node.put({ bytes: once(LARGE) })
  const held = await open(key.toString())
  await node.index.remove(key, { force: true })
  t.false(existsSync(held.path))
  await eventually(async () => held.removed.aborted)
  t.is(asDstoreError(held.removed.reason).code, 'removed')
  const kept = await open((await node.put({ bytes: once(SMALL) })).key.toString())
  await daemon.close()
  await eventually(async () => kept.removed.aborted)
  t.is(asDstoreError(kept.removed.reason).code, 'unreachable')
})

test('R007-352 a path that leads the client to another file, or to none, is refused', async (t) => {
  const { node, open } = await scene(t)
  const { key } = await node.put({ bytes: once(LARGE) })
  const { path } = await node.paths!.openPath(key)
  const socketOf = answering(t)
  const { dev, ino } = statSync(path, { bigint: true })
  const answers: [object, string][] = [
    [{ path, device: String(dev), inode: String(ino) }, 'none'],
    [{ path, device: String(dev), inode: String(ino + 1n) }, 'unreadable'],
    [{ path, device: String(dev + 1n), inode: String(ino) }, 'unreadable'],
    [{ path: `${path}.not`, device: String(dev), inode: String(ino) }, 'unreadable'],
  ]
  for (const [answer, code] of answers) {
    const socket = await socketOf({ ...answer, size: 1, key: key.toString(), kind: 'file' })
    t.is(await failure(openAt(t, socket, 'x')), code as ErrorCode, JSON.stringify(answer))
  }
  t.is((await open(key.toString(), { holdMs: 1 })).path, path)
})

/** Servers that answer with such a result, or problem, and keep the connection. */
function answering(t: ExecutionContext): (result: object, status?: 200 | 404) => Promise<string> {
  const folder = temporaryDirectory(t)
  const servers: Server[] = []
  t.teardown(() => servers.forEach((server) => server.close()))
  return async (result, status = 200) => {
    const line = `${JSON.stringify(status === 200 ? { event: 'done', result } : result)}\n`
    const end = status === 200 ? '' : '0\r\n\r\n'
    const chunk = `${Buffer.byteLength(line).toString(16)}\r\n${line}\r\n${end}`
    const head = `HTTP/1.1 ${status} It\r\nTransfer-Encoding: chunked\r\n\r\n`
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.write(head + chunk))
    })
    servers.push(server)
    const path = join(folder, `${servers.length}.sock`)
    await new Promise<void>((resolve) => server.listen(path, resolve))
    return path
  }
}

test('R007-363 half of the connections are for calls that end', async (t) => {
  const { node, open } = await scene(t)
  const word = (await node.put({ bytes: once(LARGE) })).key.toString()
  const held: Awaited<ReturnType<typeof open>>[] = []
  for (let at = 0; at < HTTP_CONNECTIONS / 2; at++) held.push(await open(word))
  t.is(await failure(open(word)), 'busy')
  t.is(await failure(open(word, { holdMs: 1 })), 'none')
  held.pop()!.release()
  await eventually(async () => (await failure(open(word))) === 'none')
  for (const one of held) one.release()
})

test('R007-351 the number of files that are held for a time is bounded', async (t) => {
  const node = {}
  const released: string[] = []
  const holdOf = (path: string): HeldPath =>
    ({
      path,
      removed: new AbortController().signal,
      release: async () => void released.push(path),
    }) as Partial<HeldPath> as HeldPath
  // A hold lasts as long as the longest: neither the first nor the last of these ends it.
  for (const ms of [50, 60_000, 1]) keepFor(node as ServedNode, holdOf('0'), ms)
  released.length = 0
  for (let at = 1; at < 4096; at++) keepFor(node as ServedNode, holdOf(`${at}`), 60_000)
  keepFor(node as ServedNode, holdOf('7'), 60_000)
  t.deepEqual(released, ['7'], 'one hold of a path suffices')
  const error = t.throws(() => keepFor(node as ServedNode, holdOf('more'), 60_000))
  t.is(asDstoreError(error).code, 'busy')
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.deepEqual(released, ['7', 'more'])
})

test('R007-352 a daemon of a version without paths is told from a word that leads nowhere', async (t) => {
  const socketOf = answering(t)
  const problem = { type: 'about:blank', title: '', status: 404, code: 'usage' }
  const [none, other] = [
    await socketOf({ ...problem, detail: 'no such path: /v1/values/x/path' }, 404),
    await socketOf({ ...problem, detail: 'path must be a string' }, 404),
  ]
  for (const [socket, code] of [
    [none, 'incompatible'],
    [other, 'usage'],
  ] as const) {
    t.is(await failure(openAt(t, socket, 'x')), code)
  }
})

test('R007-359 a node behind a daemon opens paths as one in this process does', async (t) => {
  const { node, socket } = await scene(t)
  const { key } = await node.put({ bytes: once(LARGE) })
  const remote = (await connectNode(socket))!
  t.teardown(() => remote.close())
  const [near, far] = [await node.paths!.openPath(key), await remote.paths!.openPath(key)]
  t.true(near.key.equals(far.key))
  for (const fact of ['path', 'device', 'inode', 'size', 'kind'] as const) {
    t.is(far[fact], near[fact], fact)
  }
  const { removed } = far
  await node.index.remove(key, { force: true })
  await eventually(async () => removed.aborted)
  await far.release()
  t.is(await failure(remote.paths!.openPath(key)), 'not-found')
})

test('R007-359 the end of a client ends what it holds', async (t) => {
  const { node, socket } = await scene(t)
  const { key } = await node.put({ bytes: once(Buffer.from('copied for the path')) })
  const remote = (await connectNode(socket))!
  const { path } = await remote.paths!.openPath(key)
  t.true(existsSync(path))
  await remote.close()
  await eventually(() => !existsSync(path))
})

test('R007-360 a node without files says so', async (t) => {
  const { directory } = await serving(t)
  const { status, body } = await ask(directory.socket, 'POST', '/v1/values/x/path', { body: '{}' })
  t.is(status, 501)
  t.is((JSON.parse(body.toString()) as { code: string }).code, 'unsupported')
})

test('R007-350 no path is told over TCP, with the token of an admin either', async (t) => {
  const { call, token } = await servingTcp(t)
  const { status, body } = await call('POST', '/v1/values/x/path', { token, body: '{}' })
  t.is(status, 403)
  t.is((JSON.parse(body.toString()) as { code: string }).code, 'not-permitted')
})
