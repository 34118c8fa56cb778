/** Socket paths that are longer than an address, on every system (R007-5). */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { connectTo } from '../../../src/daemon/client/connection.ts'
import { socketAddress } from '../../../src/daemon/config/socket-address.ts'
import { SOCKET_PATH_BYTES } from '../../../src/limits.ts'
import { LINUX, PLATFORM, PORTABLE } from '../../../src/platform.ts'
import { test } from '../../serial.ts'
import { temporaryDirectory } from '../serving.ts'

/** A path in a deep folder that exists. */
function deepSocket(t: ExecutionContext): string {
  const folder = join(temporaryDirectory(t), 'd'.repeat(90), 'e'.repeat(90))
  mkdirSync(folder, { recursive: true })
  return join(folder, 's.sock')
}

const links = (): string[] =>
  readdirSync(tmpdir()).filter((name) => /^dstore-\w+-\w{4}$/.test(name))

for (const [how, platform] of [
  ['by the means of this system', PLATFORM],
  ['by a link', PORTABLE],
] as const) {
  test(`R007-5 a long path is served and reached ${how}, and nothing is left`, async (t) => {
    const path = deepSocket(t)
    const before = links()
    const bound = socketAddress(path, platform)
    t.true(Buffer.byteLength(bound.path) <= SOCKET_PATH_BYTES)
    const server = createServer((socket) => socket.end('here')).listen(bound.path)
    await once(server, 'listening')
    t.true(lstatSync(path).isSocket())

    const other = socketAddress(path, platform)
    t.not(other.path, bound.path, 'each has its own, valid until it is released')
    const socket = connect(other.path)
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    t.is(bytes.toString(), 'here')
    other.release()
    t.true(existsSync(bound.path))
    socket.destroy()

    server.close()
    await once(server, 'close')
    t.false(existsSync(path), 'closing removed the socket by its address')
    bound.release()
    t.deepEqual(links(), before)
  })
}

test('R007-5 links that killed processes left are removed, and nothing else', (t) => {
  const gone = spawnSync(process.execPath, ['--version']).pid
  const name = (pid: number, end: string): string => `dstore-${pid.toString(36)}-${end}`
  const left = join(tmpdir(), name(gone, 'left'))
  const kept = [name(process.pid, 'kept'), name(gone, 'other'), 'dstore-kept'].map((one) =>
    join(tmpdir(), one),
  )
  for (const link of [left, ...kept]) symlinkSync('/nowhere', link)
  const file = join(tmpdir(), name(gone, 'file'))
  writeFileSync(file, '')
  t.teardown(() => [left, ...kept, file].forEach((path) => rmSync(path, { force: true })))
  socketAddress(deepSocket(t), PORTABLE).release()
  const present = new Set(readdirSync(tmpdir()).map((one) => join(tmpdir(), one)))
  t.false(present.has(left))
  for (const path of [...kept, file]) t.true(present.has(path), path)
})

test('R007-5 a name that leaves no room, and a directory that is missing, are refused', (t) => {
  const before = links()
  const path = deepSocket(t)
  for (const platform of [LINUX, PORTABLE]) {
    const error = t.throws(() => socketAddress(`${path}${'s'.repeat(90)}`, platform), {
      code: 'unwritable',
      message: /^the name of the socket is too long: s/,
    }) as Error & { hint: string }
    t.regex(error.hint, /--socket/)
    t.throws(() => socketAddress(join(dirname(path), 'none', 's.sock'), platform), {
      code: 'ENOENT',
    })
  }
  t.deepEqual(links(), before)
})

test('R007-5 a temporary folder that is missing, or has a long path, holds no link', (t) => {
  const path = deepSocket(t)
  const own = process.env['TMPDIR']
  try {
    for (const unusable of [dirname(path), '/no/such/folder']) {
      process.env['TMPDIR'] = unusable
      const address = socketAddress(path, PORTABLE)
      t.is(dirname(dirname(address.path)), '/tmp')
      address.release()
    }
  } finally {
    if (own === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = own
  }
})

/** A socket that nobody serves: closing its server does not find it. */
async function staleSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}.first`)
  await once(server, 'listening')
  renameSync(`${path}.first`, path)
  server.close()
  await once(server, 'close')
}

test('R007-178 where a full queue looks like no daemon, a refused connection is tried again', async (t) => {
  const path = join(temporaryDirectory(t), 'socket')
  await staleSocket(path)
  t.is(await connectTo(path, undefined, LINUX), undefined)
  t.is(await connectTo(path, undefined, PORTABLE), undefined, 'nobody serves it after all')

  const connecting = connectTo(path, undefined, PORTABLE)
  // Its first attempt is refused by now; the second comes after a pause.
  await new Promise((resolve) => setTimeout(resolve, 5))
  rmSync(path)
  const server = createServer().listen(path)
  t.teardown(() => server.close())
  const socket = await connecting
  t.truthy(socket)
  socket?.destroy()
})
