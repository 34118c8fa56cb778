/** `dstore path`, against a daemon of this process with a store on disk. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { test } from '../serial.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import { startDaemon } from '../../src/daemon/process/daemon.ts'
import { SILENT } from '../../src/log.ts'
import { openNode } from '../../src/node/open.ts'
import type { ServedNode } from '../../src/node/node.ts'
import { temporaryDirectory } from '../daemon/serving.ts'
import { eventually } from '../eventually.ts'
import { putTree } from '../node/put-tree.ts'
import { BUNDLE, Place, outcome } from './command.ts'

const LARGE = Buffer.alloc(100_000, 'large')
const TREE = {
  large: LARGE,
  small: Buffer.from('small'),
  bin: { 'tool.sh': Buffer.from('#!/bin/sh\necho "ran $*"\n') },
}

/** Root needs no user namespace for a mount namespace. */
const UNSHARE = process.getuid?.() === 0 ? ['-m'] : ['-rm']
const isPermitted = spawnSync('unshare', [...UNSHARE, 'mount', '--bind', '/', '/']).status === 0

interface Scene {
  readonly node: ServedNode
  readonly place: Place
  /** Runs a script of the shell with mounts of its own. */
  readonly elsewhere: (script: string) => ReturnType<typeof outcome>
}

async function scene(t: ExecutionContext): Promise<Scene> {
  const directory = stateDirectory(temporaryDirectory(t))
  const daemon = await startDaemon({
    directory,
    settings: { role: 'standalone' },
    log: SILENT,
    openNode: (options) => openNode(options),
  })
  t.teardown(() => daemon.close())
  const place = new Place(t, directory.path)
  const elsewhere: Scene['elsewhere'] = (script) => {
    const env = { ...place.env(), NODE: process.execPath, BUNDLE }
    return outcome(spawn('unshare', [...UNSHARE, 'sh', '-ec', script], { cwd: place.path, env }))
  }
  await putTree(daemon.node, TREE, 'models/v1')
  return { node: daemon.node, place, elsewhere }
}

test('R007-356 path prints a path that stays when the command has ended', async (t) => {
  const { place } = await scene(t)
  for (const [word, isFolder] of [
    ['models/v1/small', false],
    ['models/v1/large', false],
    ['models/v1', true],
  ] as const) {
    const { exit, stdout, stderr } = await place.run(['path', word])
    t.deepEqual([exit, stderr], [0, ''])
    const path = stdout.toString().replace(/\n$/, '')
    t.is(statSync(path).isDirectory(), isFolder)
    if (!isFolder) t.deepEqual(readFileSync(path), Buffer.from(TREE[word.slice(10) as 'small']))
    const { stdout: json } = await place.run(['path', word, '--json'])
    const { dev, ino } = statSync(path, { bigint: true })
    const facts = JSON.parse(json.toString()) as Record<string, unknown>
    t.deepEqual(Object.keys(facts).toSorted(), ['device', 'inode', 'key', 'kind', 'path', 'size'])
    t.deepEqual([facts['path'], facts['device'], facts['inode']], [path, `${dev}`, `${ino}`])
  }
  const { stdout } = await place.run(['path', 'models/v1/bin/tool.sh', '--hold', '400ms'])
  await eventually(() => !existsSync(stdout.toString().trim()))
})

test('R007-356 what path refuses', async (t) => {
  const { place } = await scene(t)
  for (const [args, exit, message] of [
    [['nothing'], 3, 'no such name: nothing'],
    [['models/v1/none'], 3, 'no such path: models/v1/none'],
    [['models/v1', 'models/v2'], 2, 'path takes one key or name'],
    [['models/v1', '--hold', '0s'], 2, 'not a duration: 0s'],
    [['models/v1', '--hold', '2d'], 2, '2d is longer than a day, the longest hold'],
    [['models/v1', '--exec'], 2, 'path --exec needs a program'],
    [['models/v1', '--exec', '--', 'ls'], 2, 'path --exec needs a program'],
    [['models/v1', '--exec', '--', '{}'], 2, 'models/v1 is a directory, and no program'],
    [['models/v1', '--exec', '--hold', '1s', '--', 'ls', '{}'], 2, 'path --exec holds the file'],
  ] as const) {
    const outcome = await place.run(['path', ...args])
    t.is(outcome.exit, exit, args.join(' '))
    t.true(outcome.stderr.startsWith(`dstore: ${message}`), outcome.stderr)
    t.is(outcome.stdout.byteLength, 0)
  }
})

test('R007-357 path --exec runs a program, and ends as it does', async (t) => {
  const { place } = await scene(t)
  const large = 'models/v1/large'
  for (const [args, exit, stdout] of [
    [[large, '--exec', '--', 'sh', '-c', 'wc -c < "$1"; exit 7', 'sh', '{}'], 7, '100000\n'],
    [[large, '--exec', '--', 'sh', '-c', 'kill -9 $$', '{}'], 137, ''],
    [['models/v1/bin/tool.sh', '--exec', '--', '{}', '1', '--help'], 0, 'ran 1 --help\n'],
    [['models/v1', '--exec', '--', '{}/bin/tool.sh', '--range', '-5'], 0, 'ran --range -5\n'],
    [['--exec', large, '--', 'test', '-r', '{}'], 0, ''],
    [[large, '--exec', '--', 'no-such-program', '{}'], 127, ''],
    [['models/v1', '--exec', '--', '{}/small', 'x'], 126, ''],
  ] as const) {
    const outcome = await place.run(['path', ...args])
    t.is(outcome.exit, exit, `${args.join(' ')}: ${outcome.stderr}`)
    t.is(outcome.stdout.toString(), stdout)
  }
})

test('R007-357 a signal is for the program, and a removal is told', async (t) => {
  const { place, node } = await scene(t)
  const script = 'trap "echo ended; exit 9" TERM; echo "$1"; while :; do sleep 0.05; done'
  const program = ['sh', '-c', script, 'sh', '{}']
  const child = place.start(['path', 'models/v1/small', '--exec', '--', ...program])
  const end = outcome(child)
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  const path = line.toString().trim()
  t.is(readFileSync(path, 'utf8'), 'small')
  const noted = once(child.stderr!, 'data')
  const { key } = (await node.index.lookup('models/v1'))!
  await node.index.remove(key, { force: true })
  t.false(existsSync(path))
  const [note] = (await noted) as [Buffer]
  t.is(
    note.toString(),
    'models/v1/small: the value was removed; the program keeps what it has opened\n',
  )
  child.kill('SIGTERM')
  const { exit } = await end
  t.is(exit, 9)
})

test('R007-361 PATH at the prompt shows a path that stays', async (t) => {
  const { place } = await scene(t)
  const { exit, stdout, stderr } = await place.run(['repl'], { input: 'PATH models/v1/small\n' })
  t.deepEqual([exit, stderr], [0, ''])
  t.is(readFileSync(stdout.toString().trim(), 'utf8'), 'small')
})

test('R007-357 the file is held no longer than the program runs', async (t) => {
  const { place } = await scene(t)
  const { stdout } = await place.run(['path', 'models/v1/small', '--exec', '--', 'echo', '{}'])
  t.true(await eventually(() => !existsSync(stdout.toString().trim())))
})

test('R007-352 a command with other mounts gets no path that means another file', async (t) => {
  if (!isPermitted) return t.pass()
  const { place, elsewhere } = await scene(t)
  const path = (await place.run(['path', 'models/v1/large'])).stdout.toString().trim()
  for (const [script, what] of [
    ['mount -t tmpfs none "$DIR"', 'is not there'],
    ['mount -t tmpfs none "$DIR"; echo other > "$FILE"', 'is another file'],
    ['mount --bind "$BUNDLE" "$FILE"', 'is another file'],
  ] as const) {
    const call = '"$NODE" "$BUNDLE" path models/v1/large'
    const where = `FILE=${path}; DIR=$(dirname "$FILE")`
    const { exit, stdout, stderr } = await elsewhere(`${where}; ${script}; ${call}`)
    t.deepEqual([exit, stdout.toString()], [1, ''], script)
    t.true(stderr.startsWith(`dstore: ${path} ${what} for this process\nhint: it sees`), stderr)
  }
  const same = await elsewhere('"$NODE" "$BUNDLE" path models/v1/large')
  t.is(same.stdout.toString().trim(), path, same.stderr)
  return undefined
})

test('R007-358 path --exec says where nothing may be executed', async (t) => {
  if (!isPermitted) return t.pass()
  const { elsewhere } = await scene(t)
  const { stdout, stderr } = await elsewhere(`
    mkdir noexec; mount -t tmpfs -o noexec none noexec
    printf '#!/bin/sh\\necho ran\\n' > tool; chmod +x tool; mkdir folder; cp tool folder
    dstore() { "$NODE" "$BUNDLE" "$@" --dir noexec/state; }
    dstore put tool -q --name tool > /dev/null
    dstore put folder -q --name folder > /dev/null
    path() { "$NODE" "$BUNDLE" path --dir noexec/state "$@" || echo "exit $?"; }
    path tool --exec -- {}
    path folder --exec -- {}/tool
    dstore stop`)
  t.is(stdout.toString(), 'exit 6\nexit 6\n', stderr)
  const messages = stderr.match(/^dstore: nothing may be executed where .* is \(noexec\)$/gm)
  t.is(messages?.length, 2, stderr)
  t.is(stderr.match(/^hint: .*--cache-dir/gm)?.length, 2, stderr)
  return undefined
})
