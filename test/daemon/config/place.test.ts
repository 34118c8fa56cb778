import { test } from '../../serial.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { findPlace } from '../../../src/daemon/config/socket-place.ts'
import type { DstoreError } from '../../../src/errors.ts'
import { readSettings } from '../../../src/daemon/config/settings.ts'
import {
  checkUmask,
  chooseDirectory,
  createDirectory,
  stateDirectory,
} from '../../../src/daemon/config/state-directory.ts'
import { openLog } from '../../../src/daemon/process/log-file.ts'
import { outcome } from '../../cli/command.ts'
import { temporaryDirectory } from '../serving.ts'

const isRoot = process.getuid!() === 0

test('R007-97 a state directory or a socket that is not UTF-8 is refused, with its source', (t) => {
  for (const [flag, environment, message] of [
    ['q\ufffd', {}, 'the state directory is not UTF-8'],
    ['q\ud800', {}, 'the state directory is not UTF-8'],
    [undefined, { DSTORE_DIR: 'q\ufffd' }, 'DSTORE_DIR is not UTF-8'],
    [undefined, { XDG_DATA_HOME: '/q\ufffd' }, 'the state directory is not UTF-8'],
  ] as const) {
    t.throws(() => chooseDirectory(flag, environment), { code: 'usage', message })
  }
  t.throws(() => findPlace('d', 's\ufffd', {}), { message: 'the socket is not UTF-8' })
  t.throws(() => findPlace('d', undefined, { DSTORE_SOCKET: 's\ufffd' }), {
    message: 'DSTORE_SOCKET is not UTF-8',
  })
  const directory = stateDirectory(temporaryDirectory(t))
  writeFileSync(directory.config, Buffer.from('{"socket":"/caf\xe9"}', 'latin1'))
  t.throws(() => readSettings(directory.config), { code: 'usage', message: /not UTF-8$/ })
})

test('R007-103 with settings that cannot be read the default socket is left, and the reason', (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  for (const text of ['', '{', '{"sockets":1}', 'null']) {
    writeFileSync(directory.config, text)
    const place = findPlace(directory.path, undefined, {})
    t.is(place.socket, directory.socket, text)
    t.is(place.fault?.code, 'usage')
    t.is(findPlace(directory.path, '/s', {}).fault, undefined, 'they are not needed')
  }
  writeFileSync(directory.config, '{"socket":"s.sock"}')
  t.deepEqual(findPlace(directory.path, undefined, {}), {
    directory,
    socket: join(directory.path, 's.sock'),
  })
})

test('R007-103 settings that cannot be read: the reason is in the error', (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  mkdirSync(directory.config)
  t.throws(() => readSettings(directory.config), {
    code: 'unreadable',
    message: /: it is a directory$/,
  })
  const file = join(directory.path, 'file')
  writeFileSync(file, '')
  for (const path of [file, join(file, 'below')]) {
    const fault = t.throws<DstoreError>(() => readSettings(stateDirectory(path).config), {
      code: 'unreadable',
      message: `the state directory is a file, or below one: ${path}`,
    })
    t.is(fault.hint, 'choose another with --dir or DSTORE_DIR')
  }
})

test('R007-97 a relative socket is that of the working directory', (t) => {
  t.is(findPlace('d', 's', {}).socket, join(process.cwd(), 's'))
  t.is(findPlace('d', undefined, { DSTORE_SOCKET: 's' }).socket, join(process.cwd(), 's'))
})

const CONFIG = new URL('../../../src/daemon/config/', import.meta.url).href

/** The program, with a function that loads a file of the folder which is tested. */
const withLoad = (program: string): string =>
  `const load = (file) => import('${CONFIG}' + file)\n${program}`

test('R007-97 a working directory that is not UTF-8 has no relative paths', async (t) => {
  const path = temporaryDirectory(t)
  mkdirSync(Buffer.from(`${path}/q\xe9`, 'latin1'))
  const program = `
    const { absolutePath } = await load('working-directory.js')
    console.log(absolutePath('/b', 'it'))
    try { absolutePath('a', 'it') } catch (error) { console.log(error.code, error.message) }`
  const script = `cd "$1"/q* && exec "$2" --input-type=module -e "$3"`
  const args = ['-c', script, 'sh', path, process.execPath, withLoad(program)]
  const { stdout } = await outcome(spawn('sh', args))
  t.is(stdout.toString(), '/b\nusage the path of it is not UTF-8\n')
})

test('R007-1 a state directory is made for its user whatever the umask, with its parents', (t) => {
  const path = join(realpathSync(temporaryDirectory(t)), 'a', 'b')
  for (const umask of [0o277, 0o777, 0o000, 0o022]) {
    const directory = stateDirectory(join(path, umask.toString(8)))
    const before = process.umask(umask)
    try {
      createDirectory(directory)
      openLog(directory.log)
    } finally {
      process.umask(before)
    }
    t.is(statSync(directory.path).mode & 0o777, 0o700, umask.toString(8))
    t.is(statSync(path).mode & 0o777, 0o700)
    t.is(statSync(directory.log).mode & 0o600, 0o600)
  }
  for (const [umask, code] of [
    [0o077, undefined],
    [0o000, undefined],
    [0o177, 'unwritable'],
    [0o700, 'unwritable'],
  ] as const) {
    const before = process.umask(umask)
    try {
      if (code === undefined) t.notThrows(() => checkUmask())
      else t.throws(() => checkUmask(), { code, message: /umask 0\d{3} takes/ })
    } finally {
      process.umask(before)
    }
  }
})

test('R007-103 the directory of another user is not-permitted, with its owner', async (t) => {
  // Only root can act as another user.
  if (!isRoot) return t.pass()
  const path = temporaryDirectory(t)
  writeFileSync(join(path, 'config.json'), '{}')
  chmodSync(path, 0o700)
  const program = withLoad(`
    process.setgroups([]); process.setgid(65534); process.setuid(65534)
    const { findPlace } = await load('socket-place.js')
    const { connectTo } = await load('../client/connection.js')
    const place = findPlace(process.argv[1], undefined, {})
    const tell = ({ code, message, hint }) => console.log(code, message, hint)
    tell(place.fault)
    await connectTo(place.socket).then(() => console.log('none'), tell)
    await connectTo(process.argv[2]).then(() => console.log('none'), tell)`)
  const theirs = join(temporaryDirectory(t), 'socket')
  chmodSync(dirname(theirs), 0o755)
  const server = createServer().listen(theirs)
  await once(server, 'listening')
  t.teardown(() => server.close())
  chmodSync(theirs, 0o600)
  const args = ['--input-type=module', '-e', program, path, theirs]
  const { stdout } = await outcome(spawn(process.execPath, args))
  const lines = stdout.toString().trim().split('\n')
  t.is(lines.length, 3)
  t.regex(lines[0]!, /^not-permitted you may not read .*config\.json it belongs to root;/)
  const denied = `not-permitted cannot connect to the daemon: permission denied on ${path} it belongs`
  t.true(lines[1]!.startsWith(`${denied} to root;`), lines[1])
  t.regex(
    lines[2]!,
    /^not-permitted the daemon's socket is not yours: .*socket it belongs to root;/,
  )
  return undefined
})

test('R007-1 without a home directory there is no default', (t) => {
  const { HOME } = process.env
  t.teardown(() => {
    process.env['HOME'] = HOME
  })
  for (const home of ['', 'relative', './here']) {
    process.env['HOME'] = home
    const error = t.throws(() => chooseDirectory(undefined, {}), { code: 'usage' } as never)
    t.regex((error as unknown as { hint: string }).hint, /--dir or DSTORE_DIR$/)
    t.is(chooseDirectory(undefined, { DSTORE_DIR: '/b' }).path, '/b')
  }
})
