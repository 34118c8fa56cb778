/** A path that a Local gave out leads nowhere once the Local may no longer answer for its files. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { sameBytes } from '../../same-bytes.ts'
import { eventually } from '../../eventually.ts'
import { MIB } from '../../../src/limits.ts'
import { openPath } from '../../faults/files/opened-path.ts'
import { bytesBelow, putRandom } from '../../faults/files/values.ts'
import { Daemon, network, shared } from '../nodes.ts'

const SIZE = MIB + 5
const ON_DISK = ['--cache', '8MiB', '--cache-dir', 'files', '--cache-dir-size', '32MiB']

const world = shared(async (owner) => {
  const global = await Daemon.start(owner, ['--global'])
  return { global, value: await putRandom(global, SIZE) }
})

test('R003-145, R003-148: a Local on a disk ends, by a signal or by a kill: the old path is gone, the bytes are there at the next start', async (t) => {
  const { global, value } = await world()
  let local = await Daemon.join(t, global, ON_DISK)
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const { path } = await openPath(local, value.key)
    t.true(path.startsWith(local.place.file('files')), path)
    t.is(statSync(path).mode & 0o777, 0o400)
    t.is(statSync(join(path, '..')).mode & 0o077, 0, 'no other user reaches it')
    await local.signal(signal)
    if (signal === 'SIGTERM') t.false(existsSync(path))
    local = await Daemon.start(t, ON_DISK, local.place)
    t.false(existsSync(path), `after ${signal}`)
    const again = await openPath(local, value.key)
    sameBytes(t, readFileSync(again.path), value.bytes)
    again.close()
    t.is(await local.bytesIn(), 0, 'nothing is fetched again')
  }
})

test('R003-166: a value that was removed while a Local was down is not found there again', async (t) => {
  const { global } = await world()
  const other = await putRandom(global, SIZE)
  const local = await Daemon.join(t, global, ON_DISK)
  const { close } = await openPath(local, other.key)
  close()
  await local.signal('SIGKILL')
  await global.run(['rm', other.key, '--timeout', '1s'])
  const again = await Daemon.start(t, ON_DISK, local.place)
  t.is(await again.got(other.key), 3)
  const folder = again.place.file('files')
  t.true(await eventually((saw) => saw(bytesBelow(folder)) < SIZE / 2), 'and its file is deleted')
})

test('R003-145: a Local is expelled: the files that it gave out are gone', async (t) => {
  const { global, value } = await world()
  const local = await Daemon.join(t, global, ON_DISK)
  const opened = await openPath(local, value.key)
  t.true(existsSync(opened.path))
  const expelled = await global.run(['members', 'rm', await local.peerId()])
  // Locals of the tests before, which have ended, were not told.
  t.true(expelled.exit === 0 || expelled.exit === 8, expelled.stderr)
  t.true(await eventually(() => !existsSync(opened.path)))
  opened.close()
})

test('R003-145: the lease of a Local ends while Global is away: the path is gone, and works again with Global', async (t) => {
  const { global, locals } = await network(t, 1, {
    global: ['--lease', '3s'],
    local: ON_DISK,
  })
  const local = locals[0]!
  const { key, bytes } = await putRandom(global, SIZE)
  const { path } = await openPath(local, key)
  await global.signal('SIGKILL')
  t.true(await eventually(() => !existsSync(path)))
  t.is(await local.got(key), 5)
  const restarted = await Daemon.start(t, [], global.place)
  t.is(restarted.place, global.place)
  t.true(await eventually(async (saw) => saw((await local.status()).global)?.state === 'connected'))
  const again = await openPath(local, key)
  sameBytes(t, readFileSync(again.path), bytes)
  again.close()
})

test('R003-168: two Locals of a machine: neither takes away the files of the other, also in one folder', async (t) => {
  const { global, value } = await world()
  const first = await Daemon.join(t, global, ON_DISK)
  const mine = await openPath(first, value.key)
  const folder = first.place.file('files')
  const second = await Daemon.join(t, global, ['--cache', '8MiB'])
  const other = await Daemon.join(t, global, ['--cache', '8MiB'])
  const opened = [await openPath(second, value.key), await openPath(other, value.key), mine]
  const args = ['--cache', '8MiB', '--cache-dir', folder, '--cache-dir-size', '32MiB']
  const third = await Daemon.join(t, global, args)
  opened.push(await openPath(third, value.key))
  for (const { path } of opened) sameBytes(t, readFileSync(path), value.bytes, path)
  for (const { close } of opened) close()
  for (const local of [first, second, other, third]) await local.signal('SIGTERM')
})

if (process.platform === 'linux') {
  test('R003-153: files on shared memory go with the Local, and leave nothing at a kill and a restart', async (t) => {
    const { global, value } = await world()
    const local = await Daemon.join(t, global, ['--cache', '8MiB'])
    const { path } = await openPath(local, value.key)
    t.regex(path, /^\/dev\/shm\//)
    const folder = path.split('/').slice(0, -1).join('/')
    t.not(folder, tmpdir())
    await local.signal('SIGKILL')
    const again = await Daemon.start(t, ['--cache', '8MiB'], local.place)
    t.false(existsSync(folder))
    const second = await openPath(again, value.key)
    await again.signal('SIGTERM')
    t.false(existsSync(second.path))
    const parts = second.path.split('/')
    // Other nodes of this user have folders beside it.
    const own = parts.slice(0, 5).join('/')
    t.true(!existsSync(own) || readdirSync(own).length === 0, own)
  })
}
