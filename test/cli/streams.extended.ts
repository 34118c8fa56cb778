/** The command line as shells start it: closed streams, bytes that are no text, lost folders. */
import { test } from '../serial.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import type { FakeNode } from '../daemon/fake-node.ts'
import { serving } from '../daemon/serving.ts'
import { BUNDLE, Place, outcome, type Outcome } from './command.ts'

interface Scene {
  readonly place: Place
  readonly node: FakeNode
  readonly key: string
  /** Runs a script of a shell, in which `dstore` is the command. */
  readonly shell: (script: string, how?: Start) => Promise<Outcome>
}

/** The installed command, which a shell begins, or the program itself. */
type Start = 'installed' | 'direct'

const STARTS: readonly Start[] = ['installed', 'direct']

async function scene(t: ExecutionContext): Promise<Scene> {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const value = new Uint8Array(1000).fill(7)
  const key = new Key(hash(value).digest).toString()
  node.values.set(key, value)
  const shell = (script: string, how: Start = 'installed'): Promise<Outcome> => {
    const command = how === 'installed' ? '"$BUNDLE"' : 'node "$BUNDLE"'
    const text = `dstore() { ${command} "$@"; }\nK=${key}\n${script}`
    return outcome(
      spawn('bash', ['-c', text], { cwd: place.path, env: place.env({ BUNDLE }), stdio: 'pipe' }),
    )
  }
  return { place, node, key, shell }
}

const isRoot = process.getuid?.() === 0

for (const how of STARTS) {
  test(`R007-98 a closed stdout fails before any work (${how})`, async (t) => {
    const { place, node, shell } = await scene(t)
    writeFileSync(place.file('f'), 'abc')
    for (const call of [
      'get $K',
      'get $K --range 0-3',
      'put f',
      'cid f',
      'ls',
      'ls --keys',
      'stat $K',
      'export',
      'verify',
      'status',
      'invite',
      'members',
      'watch',
      'has $K --json',
      '--version',
      '--help',
      'completion bash',
    ]) {
      const calls = node.signals.length
      const { exit, stderr } = await shell(`dstore ${call} >&-`, how)
      t.is(exit, call.startsWith('has') ? 5 : 1, call)
      const error = { code: 'unwritable', message: 'standard output is closed', retry: false }
      const document = `${JSON.stringify({ error })}\n`
      const isDocument = call.endsWith('--json')
      t.is(stderr, isDocument ? document : `dstore: ${error.message}\n`, call)
      t.is(node.signals.length, calls, `${call} asked the daemon`)
    }
    t.is(node.values.size, 1)
  })

  test(`R007-98 a closed stdin is no empty value (${how})`, async (t) => {
    const { node, shell } = await scene(t)
    for (const call of [
      'put -',
      'put - --name n',
      'cid -',
      'import',
      'import -',
      'repl',
      'join -',
    ]) {
      const { exit, stdout, stderr } = await shell(`dstore ${call} <&-`, how)
      t.is(exit, 1, call)
      t.is(stderr, 'dstore: standard input is closed\n', call)
      t.is(stdout.byteLength, 0)
    }
    t.deepEqual([node.values.size, node.bound.size], [1, 0])
  })

  test(`R007-98 a folder as stdin is no empty value (${how})`, async (t) => {
    const { node, shell } = await scene(t)
    for (const call of ['put -', 'put - --format tar', 'cid -', 'import']) {
      const { exit, stdout, stderr } = await shell(`dstore ${call} < .`, how)
      t.is(exit, 1, call)
      t.is(stderr, 'dstore: standard input is a folder\nhint: to store it: dstore put DIR\n', call)
      t.is(stdout.byteLength, 0)
    }
    t.is(node.values.size, 1)
  })

  test(`R007-98 /dev/null is an empty input, and an output that may be lost (${how})`, async (t) => {
    const { node, shell } = await scene(t)
    const { exit, stdout } = await shell('dstore put - < /dev/null', how)
    t.is(exit, 0)
    t.true(node.values.has(stdout.toString().trim()))
    t.is(node.values.get(stdout.toString().trim())?.byteLength, 0)
    for (const call of ['get $K', 'ls', 'stat $K', 'put - < /dev/null']) {
      t.is((await shell(`dstore ${call} > /dev/null`, how)).exit, 0, call)
    }
  })

  test(`R007-98 what prints nothing needs no stdout, and no command stderr (${how})`, async (t) => {
    const { place, shell } = await scene(t)
    for (const call of [
      'has $K >&-',
      'get $K -o out >&-',
      'name n $K >&-',
      'prefetch $K >&-',
      'get $K -o out <&- >&- 2>&-',
      'has $K <&- >&- 2>&-',
    ]) {
      t.deepEqual((await shell(`dstore ${call}`, how)).exit, 0, call)
    }
    t.is(readFileSync(place.file('out')).byteLength, 1000)
    t.is((await shell('dstore get nothing 2>&-', how)).exit, 3)
    const { exit, stdout } = await shell('dstore get $K 2>&-', how)
    t.deepEqual([exit, stdout.byteLength], [0, 1000])
  })
}

test('R007-98 the installed command knows that a parent gave it /dev/null for reading and writing', async (t) => {
  const { place, node, shell } = await scene(t)
  writeFileSync(place.file('f'), 'abc')
  t.is((await shell('dstore put f <>/dev/null 1<>/dev/null')).exit, 0)
  t.is(node.values.size, 2)
  t.is((await shell('dstore put - <>/dev/null')).exit, 0)
  t.is(node.values.size, 3)
  // What another command was told does not count.
  t.is((await shell('export DSTORE_CLOSED=1:01; dstore get $K > /dev/null', 'direct')).exit, 0)
})

test('R007-98 a daemon in the background starts and serves without any standard stream', async (t) => {
  const { place, shell } = await scene(t)
  const dir = place.file('other')
  t.is((await shell(`dstore start --dir ${dir} <&- >&- 2>&-`)).exit, 0)
  const put = await shell(`echo hi | dstore put --dir ${dir} - && dstore ls --keys --dir ${dir}`)
  t.is(put.exit, 0, put.stderr)
  const [key, listed] = put.stdout.toString().trim().split('\n')
  t.is(key, listed)
  t.is((await shell(`dstore stop --dir ${dir} <&- >&- 2>&-`)).exit, 0)
})

test('R007-97 an argument or a variable that is not UTF-8 is refused, whatever it is for', async (t) => {
  const { place, node, shell } = await scene(t)
  const before = readdirSync(place.path)
  for (const [script, message] of [
    ["echo x | dstore put - --name $'n\\xe9'", 'argument 4, the value of --name,'],
    ["dstore get $'n\\xe8'", 'argument 2'],
    ["dstore get $K -o $'out\\xe9.bin'", 'argument 4, the value of -o,'],
    ["dstore get $K --output-dir=$'out\\xe9'", 'argument 3, the value of --output-dir,'],
    ["dstore put $'f\\xe9'", 'argument 2'],
    ["dstore --dir $'q\\xe9' status", 'argument 2, the value of --dir,'],
    ["dstore ls $'\\xc0\\xaf'", 'argument 2'],
    ["dstore rm $'\\xed\\xa0\\x80'", 'argument 2'],
    ["dstore name $'\\xef\\xbf\\xbd' $K", 'argument 2'],
    ["dstore join @$'t\\xff'", 'argument 2'],
    ["dstore import $'\\xff.tar'", 'argument 2'],
    ["DSTORE_DIR=$'q\\xe9' dstore start", 'DSTORE_DIR'],
    ["DSTORE_SOCKET=$'q\\xe9' dstore status", 'DSTORE_SOCKET'],
    ["DSTORE_TIMEOUT=$'\\xe9' dstore ls", 'DSTORE_TIMEOUT'],
    ["DSTORE_DIR= XDG_DATA_HOME=$'/tmp/q\\xe9' dstore start", 'the state directory'],
    ["DSTORE_DIR= HOME=$'/tmp/q\\xe9' dstore start", 'the state directory'],
  ] as const) {
    const { exit, stdout, stderr } = await shell(script)
    t.is(exit, 2, script)
    t.is(stderr.split('\n')[0], `dstore: ${message} is not UTF-8`, script)
    t.is(stdout.byteLength, 0)
  }
  t.deepEqual(readdirSync(place.path), before)
  t.deepEqual([node.values.size, node.bound.size], [1, 0])
  const good = await shell("echo x | dstore put - --name $'n\\xc3\\xa9' && dstore get né")
  t.is(good.stdout.toString().split('\n')[1], 'x')
})

test('R007-97 a ticket file and a script of statements that are not UTF-8 are refused', async (t) => {
  const { node, shell } = await scene(t)
  const join = await shell(
    "printf '/dns4/ex\\351mple/tcp/1/p2p/x\\n' > t; dstore join @t; echo $?; dstore join - < t",
  )
  t.is(join.stdout.toString(), '2\n')
  t.is(join.exit, 2)
  t.is(join.stderr, 'dstore: @t is not UTF-8\ndstore: standard input is not UTF-8\n')
  const repl = await shell("printf 'SET n caf\\351\\n' | dstore repl")
  t.is(repl.exit, 2)
  t.is(node.bound.size, 0)
})

test('R007-102 without a working directory only relative paths fail, in one line', async (t) => {
  const { place, shell } = await scene(t)
  const gone = 'mkdir gone; cd gone; rmdir ../gone; '
  for (const call of ['status', 'ls --keys', 'get $K', `get $K -o ${place.file('out')}`]) {
    t.is((await shell(gone + `dstore ${call}`, 'direct')).exit, 0, call)
  }
  const lost = 'dstore: the working directory no longer exists'
  for (const [call, message] of [
    ['status --dir rel', lost],
    ['put --dir rel -', lost],
    ['start --dir rel', lost],
    ['ls --socket rel', lost],
    ['put rel', 'dstore: cannot read rel: no such file'],
    ['get $K -o rel', 'dstore: cannot write to rel: no such directory'],
    ['get $K --output-dir rel', 'dstore: cannot create the directory rel: no such directory'],
  ] as const) {
    const { exit, stderr } = await shell(gone + `dstore ${call}`, 'direct')
    t.is(exit, 1, call)
    t.is(stderr.split('\n')[0], message, call)
  }
})

test('R007-103 what denies the way to the socket is named: the directory, or the socket', async (t) => {
  const place = new Place(t)
  const closed = place.file('closed')
  const state = join(closed, 'state')
  mkdirSync(state, { recursive: true, mode: 0o700 })
  const server = createServer().listen(join(state, 'dstore.sock'))
  await once(server, 'listening')
  t.teardown(() => server.close())
  // Without its capabilities, the superuser is an ordinary owner.
  const asOwner = isRoot ? 'setpriv --inh-caps=-all --bounding-set=-all ' : ''
  const env = { ...place.env(), NODE: process.execPath, BUNDLE }
  const run = (script: string): Promise<Outcome> =>
    outcome(spawn('sh', ['-c', script], { cwd: place.path, env }))
  if ((await run(`${asOwner}true`)).exit !== 0) return t.pass()
  for (const [at, mode, directory] of [
    [closed, 0o700, 'state'],
    [closed, 0o700, 'none/below'],
    [closed, 0o700, state],
    [state, 0o700, state],
    [join(state, 'dstore.sock'), 0o600, state],
  ] as const) {
    const command = `${asOwner}"$NODE" "$BUNDLE" status --dir ${directory}`
    const { exit, stderr } = await run(`cd closed; chmod 0 ${at}; ${command}`)
    chmodSync(at, mode)
    const [message, hint] = stderr.split('\n')
    t.is(exit, 6, stderr)
    t.is(message, `dstore: cannot connect to the daemon: permission denied on ${at}`)
    t.is(hint, 'hint: change its mode, or choose another directory with --dir')
  }
  return undefined
})

test('R007-29 has is 1 only for certain: every failure is another code', async (t) => {
  const { place, node, key } = await scene(t)
  const absent = '0'.repeat(64)
  t.is((await place.run(['has', key])).exit, 0)
  t.is((await place.run(['has', absent])).exit, 1)
  t.is((await place.run(['has', 'no/name'])).exit, 1)
  t.is((await place.run(['has', absent, 'no/name'])).exit, 1)
  for (const [code, exit] of [
    ['internal', 5],
    ['unreadable', 5],
    ['unwritable', 5],
    ['changed', 5],
    ['locked', 5],
    ['integrity', 4],
    ['no-space', 7],
    ['not-permitted', 6],
  ] as const) {
    node.fault = new DstoreError(code, `it was ${code}`)
    t.is((await place.run(['has', key])).exit, exit, code)
    t.is((await place.run(['has', key, absent])).exit, exit, `${code}, of several`)
  }
  const nowhere = ['--dir', place.file('file')]
  writeFileSync(place.file('file'), '')
  t.is((await place.run(['has', key, ...nowhere])).exit, 5, 'a state directory that is a file')
  t.is((await place.run(['has', key, '--no-start', '--dir', place.file('none')])).exit, 5)
  t.is((await place.run(['has'])).exit, 2)
})

test('R007-103 status and stop need no settings, and a lost daemon is explained by them', async (t) => {
  const { place, node } = await scene(t)
  writeFileSync(`${place.state}/config.json`, '{ broken')
  t.is((await place.run(['status'])).exit, 0)
  t.is((await place.run(['logs'])).exit, 0)
  t.is((await place.run(['ls'])).exit, 0)
  t.is(node.closed, false)
  const other = place.file('other')
  t.is((await place.run(['start', '--dir', other])).exit, 0)
  writeFileSync(`${other}/config.json`, '{ broken')
  const stop = await place.run(['stop', '--dir', other])
  t.deepEqual([stop.exit, stop.stderr], [0, ''])
  t.false(existsSync(`${other}/dstore.sock`))
  const lost = await place.run(['stop', '--dir', other])
  t.is(lost.exit, 2)
  t.regex(lost.stderr, /^dstore: .*other\/config\.json: .*\nhint: fix the file/)
})

test('an argument that begins with a dash: the hint says how to write it', async (t) => {
  const { place, key } = await scene(t)
  writeFileSync(place.file('f'), '')
  for (const [args, hint] of [
    [['put', 'f', '--name', '-dash'], 'write --name=-dash'],
    [['get', key, '-o', '-x'], 'write --output=-x'],
    [['get', key, '--output', '--json'], 'write --output=--json'],
    [['get', '-x'], 'write -- before arguments'],
  ] as const) {
    const { exit, stderr } = await place.run(args)
    t.is(exit, 2)
    t.true(stderr.includes(hint), stderr)
  }
  t.is((await place.run(['put', 'f', '--name=-dash'])).exit, 0)
})

test('R007-1 whatever the umask, its user can use all that a command and its daemon make', async (t) => {
  const { place, shell } = await scene(t)
  for (const umask of ['0277', '0777']) {
    const dir = place.file(`state-${umask}`)
    const { exit, stdout, stderr } = await shell(`umask ${umask}; export DSTORE_DIR=${dir}/a
      head -c 100000 /dev/zero | dstore put - && dstore stop && dstore start --http 0 &&
      K=$(dstore ls --keys) && dstore get $K --output-dir ${dir}-out/a && dstore stop`)
    t.is(exit, 0, stderr)
    const key = stdout.toString().split('\n')[0]!
    t.is(readFileSync(`${dir}-out/a/${key}`).byteLength, 100_000)
    const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    t.true(paths.length > 8)
    for (const path of paths) {
      const found = statSync(join(dir, path))
      const mode = found.mode & 0o777
      if (found.isDirectory()) t.is(mode, 0o700, path)
      // A sealed value is not written again.
      else t.is(mode, /values\/[0-9a-f]+$/.test(path) ? 0o400 : 0o600, path)
    }
  }
})

test('R007-6 a relative socket is that of the working directory, for the daemon too, and is saved so', async (t) => {
  const { place, shell } = await scene(t)
  for (const [script, socket] of [
    ['export DSTORE_SOCKET=by-variable; dstore put - --dir one < /dev/null', 'by-variable'],
    ['dstore put - --dir two --socket by-flag < /dev/null', 'by-flag'],
  ] as const) {
    const { exit, stderr } = await shell(script)
    t.is(exit, 0, stderr)
    t.true(statSync(place.file(socket)).isSocket())
  }
  // Without flag or variable, and elsewhere, the saved settings lead to it.
  for (const dir of ['one', 'two']) {
    t.is((await shell(`cd /; dstore status --dir ${place.file(dir)}`)).exit, 0, dir)
    t.is((await shell(`cd /; dstore stop --dir ${place.file(dir)}`)).exit, 0)
  }
  t.deepEqual(
    readdirSync(place.path).filter((name) => name.startsWith('by-')),
    [],
  )
})
