import { test } from '../../serial.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../../src/errors.ts'
import { SHUTDOWN_MS } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { startDaemon } from '../../../src/daemon/process/daemon.ts'
import { takeLock } from '../../../src/daemon/process/lock.ts'
import { FakeNode } from '../fake-node.ts'
import { Client } from '../../../src/daemon/client/client.ts'
import { startInBackground } from '../../../src/daemon/process/background.ts'
import {
  chooseDirectory,
  createDirectory,
  stateDirectory,
} from '../../../src/daemon/config/state-directory.ts'
import { readyLine } from '../../../src/daemon/process/readiness.ts'
import { SAME_SIGNAL_MS } from '../../../src/daemon/process/signals.ts'
import { ask, serving, temporaryDirectory } from '../serving.ts'
import { freePort } from '../../free-port.ts'

const BUNDLE = fileURLToPath(new URL('../../../dstore.js', import.meta.url))
const PEER = '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'
const PROGRAM = fileURLToPath(new URL('daemon-process.js', import.meta.url))

interface Running {
  readonly pid: number
  /** The first line on stdout, undefined where the process ended without. */
  readonly line: Promise<string | undefined>
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
  readonly errors: () => string
  kill(signal: NodeJS.Signals): void
}

function run(t: ExecutionContext, ...parameters: string[]): Running {
  const child = spawn(process.execPath, [PROGRAM, ...parameters], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (piece) => (errors += String(piece)))
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  const first = once(child.stdout, 'data').then(([piece]) => String(piece))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    pid: child.pid!,
    line: Promise.race([first, ended.then(() => undefined)]),
    ended,
    errors: () => errors,
    kill: (signal) => child.kill(signal),
  }
}

test('R007-2 of twenty simultaneous starts one serves, and the others say who', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  const all = Array.from({ length: 20 }, () => run(t, directory.path))
  const lines = await Promise.all(all.map(({ line }) => line))
  const winners = all.filter((_, index) => lines[index] !== undefined)
  t.is(winners.length, 1)
  const winner = winners[0]!
  t.is(
    lines.find((line) => line !== undefined),
    `dstore ready standalone ${directory.socket}\n`,
  )
  for (const loser of all.filter((one) => one !== winner)) {
    t.is(await loser.ended, 1)
    t.regex(loser.errors(), /"code":"locked"/)
  }
  t.is((await ask(directory.socket, 'GET', '/v1/status')).status, 200)
  const late = run(t, directory.path)
  t.is(await late.ended, 1)
  t.true(late.errors().includes(`process ${winner.pid}, since 20`))
})

test('R007-2 the text of an earlier holder in the lock file does not hide the present one', (t) => {
  const path = join(temporaryDirectory(t), 'daemon.lock')
  writeFileSync(path, 'x'.repeat(1000))
  const lock = takeLock(path)
  t.throws(() => takeLock(path), {
    code: 'locked',
    message: RegExp(`process ${process.pid}, since 20`),
  })
  lock.release()
  lock.release()
  takeLock(path).release()
})

test('a daemon that cannot serve leaves nothing open: no node, no port, no lock', async (t) => {
  const other = await serving(t)
  const port = await freePort()
  const directory = stateDirectory(temporaryDirectory(t))
  const node = new FakeNode()
  const settings = { socket: other.daemon.socket, http: `127.0.0.1:${port}` }
  const openNode = (): Promise<FakeNode> => Promise.resolve(node)
  const started = startDaemon({ directory, settings, log: SILENT, openNode })
  await t.throwsAsync(started, { code: 'address-in-use' })
  t.true(node.closed)
  t.is(await freePort(port), port)
  takeLock(directory.lock).release()
})

test('R007-4 after kill -9 the next daemon takes lock and socket over', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  const first = run(t, directory.path)
  await first.line
  first.kill('SIGKILL')
  await first.ended
  t.true(existsSync(directory.socket))
  t.is(await Client.connect(directory.socket), undefined)
  const second = run(t, directory.path)
  t.truthy(await second.line, second.errors())
  t.is((await ask(directory.socket, 'GET', '/v1/status')).status, 200)
})

test('R007-4 a socket in use, and a file that is no socket, stay unchanged', async (t) => {
  const { daemon } = await serving(t)
  await t.throwsAsync(serving(t, { socket: daemon.socket }), { code: 'address-in-use' })
  t.is((await ask(daemon.socket, 'GET', '/v1/status')).status, 200)

  const file = join(temporaryDirectory(t), 'file')
  writeFileSync(file, 'mine')
  await t.throwsAsync(serving(t, { socket: file }), { code: 'unwritable' })
  t.is(readFileSync(file, 'utf8'), 'mine')
})

test('R007-3 only its user can open the socket', async (t) => {
  const { daemon, directory } = await serving(t)
  t.is(statSync(daemon.socket).mode & 0o777, 0o600)
  t.is(statSync(directory.lock).mode & 0o777, 0o600)
  t.is(statSync(directory.config).mode & 0o777, 0o600)
})

test('R007-5 a socket whose path is longer than an address works', async (t) => {
  const deep = join(temporaryDirectory(t), 'd'.repeat(90), 'e'.repeat(90))
  const directory = stateDirectory(deep)
  const first = run(t, deep)
  t.is(await first.line, `dstore ready standalone ${directory.socket}\n`)
  const client = await Client.connect(directory.socket)
  t.is((await client!.status()).daemon.socket, directory.socket)
  client!.close()
  // From a process that is gone, and by one that stops cleanly.
  first.kill('SIGKILL')
  await first.ended
  const second = run(t, deep)
  t.truthy(await second.line, second.errors())
  const stopper = await Client.connect(directory.socket)
  await stopper!.stop()
  t.is(await second.ended, 0)
  t.false(existsSync(directory.socket))
})

test('R007-8 a daemon reports that it serves, where, and whether values are kept', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  const daemon = run(t, directory.path)
  t.is(await daemon.line, `dstore ready standalone ${directory.socket}\n`)
  t.is((await ask(directory.socket, 'GET', '/v1/status')).status, 200)

  const { node } = await serving(t)
  const status = await node.status()
  const store = {
    kind: 'memory',
    values: 0,
    valueBytes: 0,
    headroomBytes: undefined,
    damaged: 0,
    unfinishedBytes: 0,
    seq: 0,
  } as const
  t.is(
    readyLine({ ...status, store: { ...store, durable: false } }, '/s'),
    'dstore ready standalone /s (memory: nothing is kept)',
  )
  const [plain, full] = ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2/p2p/ID']
  t.is(
    readyLine({ ...status, role: 'global', peerId: 'ID', listen: [plain, full] }, '/s'),
    `dstore ready global ${plain}/p2p/ID ${full}`,
  )
})

test('R007-9 R007-30 a stop or a signal ends a daemon, and the next can start at once', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  let daemon = run(t, directory.path)
  for (const [how, code] of [
    ['stop', 0],
    ['stop', 0],
    ['SIGTERM', 143],
    ['stop', 0],
    ['SIGINT', 130],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ] as const) {
    t.truthy(await daemon.line, daemon.errors())
    if (how === 'stop') await (await Client.connect(directory.socket))!.stop()
    else {
      daemon.kill(how)
      await daemon.ended
    }
    t.false(existsSync(directory.socket))
    const before = daemon
    daemon = run(t, directory.path)
    t.is(await before.ended, code, how)
    t.regex(before.errors(), /info stopped\n$/)
  }
  t.truthy(await daemon.line, daemon.errors())
})

test('R007-9 a second signal ends a daemon that still waits for a call', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  const daemon = run(t, directory.path)
  await daemon.line
  const client = connect(directory.socket)
  t.teardown(() => client.destroy())
  client.on('error', () => undefined)
  client.write('POST /v1/values HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n')
  await setTimeout(200)
  daemon.kill('SIGTERM')
  while (!daemon.errors().includes('info stopping')) await setTimeout(20)
  const startedAt = performance.now()
  // As `timeout` does, which sends its signal to the process and to its group.
  daemon.kill('SIGTERM')
  await setTimeout(SAME_SIGNAL_MS + 50)
  t.is(await Promise.race([daemon.ended, setTimeout(50, 'runs')]), 'runs')
  daemon.kill('SIGTERM')
  t.is(await daemon.ended, 143)
  t.true(performance.now() - startedAt < SHUTDOWN_MS - 1000)
})

test('R007-10 an abort ends the wait for a start at once', async (t) => {
  const aborter = new AbortController()
  const directory = stateDirectory(temporaryDirectory(t))
  const started = startInBackground({
    directory,
    socket: directory.socket,
    command: [process.execPath, '-e', 'setTimeout(() => undefined, 15000)'],
    signal: aborter.signal,
  })
  const startedAt = performance.now()
  aborter.abort(new DstoreError('cancelled', 'enough'))
  await t.throwsAsync(started, { code: 'cancelled', message: 'enough' })
  t.true(performance.now() - startedAt < 10_000)
})

test('R007-9 R007-10 a start that is cancelled leaves no daemon and no settings', async (t) => {
  const aborter = new AbortController()
  const directory = stateDirectory(temporaryDirectory(t))
  // Waits for a Global that does not answer; without a ticket, it would serve in the end.
  const silent = createServer(() => undefined).listen(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const global = `/ip4/127.0.0.1/tcp/${port}/p2p/${PEER}`
  const started = startInBackground({
    directory,
    socket: directory.socket,
    command: [
      process.execPath,
      BUNDLE,
      'daemon',
      `--dir=${directory.path}`,
      `--join=${global}`,
      '--cache-dir=none',
    ],
    signal: aborter.signal,
  })
  started.catch(() => undefined)
  await once(silent, 'connection')
  aborter.abort(new DstoreError('cancelled', 'enough'))
  await t.throwsAsync(started, { code: 'cancelled' })
  const isFree = (): boolean => {
    try {
      takeLock(directory.lock).release()
      return true
    } catch {
      return false
    }
  }
  while (!isFree()) await setTimeout(20)
  t.false(existsSync(directory.config))
  t.is(await Client.connect(directory.socket), undefined)
})

test('R007-9 a call in progress ends before the daemon does', async (t) => {
  const { daemon, node } = await serving(t)
  const put = await ask(daemon.socket, 'POST', '/v1/values', { body: new Uint8Array(50_000) })
  const { key } = JSON.parse(put.body.toString()) as { key: string }
  const opened = new AbortController()
  node.gate = once(opened.signal, 'abort').then(() => undefined)
  const reading = ask(daemon.socket, 'GET', `/v1/values/${key}`)
  while (node.signals.length < 2) await setTimeout(5)
  const closed = daemon.close()
  t.false(node.closed)
  opened.abort()
  t.is((await reading).body.byteLength, 50_000)
  await closed
  t.true(node.closed)
  t.is(await Client.connect(daemon.socket), undefined)
})

test('R007-10 ten starts in the background at once leave one daemon, and all find it', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  const start = (): Promise<string> =>
    startInBackground({
      directory,
      socket: directory.socket,
      command: [process.execPath, PROGRAM, directory.path],
    })
  const sockets = await Promise.all(Array.from({ length: 10 }, start))
  t.deepEqual(new Set(sockets), new Set([directory.socket]))
  const client = await Client.connect(directory.socket)
  const { pid } = (await client!.status()).daemon
  t.not(pid, process.pid)
  await client!.stop()
  t.is(await Client.connect(directory.socket), undefined)
  t.regex(readFileSync(directory.log, 'utf8'), /info ready /)
})

test('R007-10 the starter reports the error that keeps a daemon from serving', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  mkdirSync(directory.socket)
  const start = (...command: [string, ...string[]]): Promise<string> =>
    startInBackground({ directory, socket: directory.socket, command })
  await t.throwsAsync(start(process.execPath, PROGRAM, directory.path), { code: 'unwritable' })
  await t.throwsAsync(start(process.execPath, '-e', 'process.exit(3)'), { code: 'unreachable' })
})

test('R007-1 the state directory is chosen by flag, variable, XDG, home; and made for its user', (t) => {
  t.is(chooseDirectory('/a', { DSTORE_DIR: '/b' }).path, '/a')
  t.is(chooseDirectory(undefined, { DSTORE_DIR: '/b', XDG_DATA_HOME: '/c' }).path, '/b')
  t.is(chooseDirectory(undefined, { XDG_DATA_HOME: '/c' }).path, '/c/dstore')
  t.regex(chooseDirectory(undefined, { XDG_DATA_HOME: 'c' }).path, /\.local\/share\/dstore$/)
  t.is(chooseDirectory('relative', {}).path, join(process.cwd(), 'relative'))

  const directory = stateDirectory(join(temporaryDirectory(t), 'new', 'er'))
  createDirectory(directory)
  t.is(statSync(directory.path).mode & 0o777, 0o700)
})

test('R007-1 a state directory that cannot be written is said so', async (t) => {
  const parent = temporaryDirectory(t)
  const file = join(parent, 'file')
  writeFileSync(file, '')
  t.throws(() => createDirectory(stateDirectory(file)), { code: 'unwritable' })
  t.throws(() => createDirectory(stateDirectory(join(file, 'below'))), { code: 'unwritable' })
  await t.throwsAsync(serving(t, {}, stateDirectory('/proc/self')), { code: 'unwritable' })
  // Root may write everywhere; there is nothing to see with it.
  if (process.getuid?.() === 0) return
  chmodSync(parent, 0o500)
  t.throws(() => createDirectory(stateDirectory(join(parent, 'x'))), { code: 'unwritable' })
  chmodSync(parent, 0o700)
})
