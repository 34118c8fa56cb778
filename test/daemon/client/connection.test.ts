/**
 * Connecting to a socket: every form of "no daemon", and the properties of an open connection.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { connectTo, READ_BUFFER_BYTES } from '../../../src/daemon/client/connection.ts'
import { serving, temporaryDirectory } from '../serving.ts'

/** A process that listens and never accepts: it holds its event loop. */
async function deafListener(t: ExecutionContext, path: string): Promise<{ pid: number }> {
  const deaf = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => {
    require('node:fs').writeSync(1, 'up')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`
  const child = spawn(process.execPath, ['-e', deaf], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return { pid: child.pid! }
}

const sleep = (ms: number): unknown =>
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

/**
 * Kills it, and blocks this thread until the system has closed its sockets, so that no event is
 * handled before that.
 */
function killWhileHeld(pid: number): void {
  process.kill(pid, 'SIGKILL')
  // All of its threads: they share its files.
  const isDead = (): boolean =>
    /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')) &&
    readdirSync(`/proc/${pid}/task`).length === 1
  for (let i = 0; i < 12_000 && !isDead(); i++) sleep(5)
}

test('without a daemon there is no connection, and no error', async (t) => {
  const folder = temporaryDirectory(t)
  t.is(await connectTo(join(folder, 'none')), undefined)
  const file = join(folder, 'file')
  writeFileSync(file, '')
  t.is(await connectTo(file), undefined)
  t.is(await connectTo(join(file, 'below')), undefined)
  const left = join(folder, 'left')
  const { pid } = await deafListener(t, left)
  killWhileHeld(pid)
  t.is(await connectTo(left), undefined)
})

test('a daemon that dies before it accepts a connection counts as none', async (t) => {
  const path = join(temporaryDirectory(t), 'socket')
  const { pid } = await deafListener(t, path)
  // The system takes the connection at once, for the daemon to accept when it can.
  const connecting = connectTo(path)
  killWhileHeld(pid)
  t.is(await connecting, undefined)
})

test('a client buffers a bounded part of an unread response', async (t) => {
  const { daemon } = await serving(t)
  const socket = await connectTo(daemon.socket)
  t.teardown(() => socket?.destroy())
  t.is(socket?.readableHighWaterMark, READ_BUFFER_BYTES)
})
