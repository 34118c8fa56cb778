/** Commands on many values: how many are in flight, and what one that fails does to the others. */
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import type { ExecutionContext } from 'ava'
import { join } from 'node:path'
import { InFlight, IN_FLIGHT } from '../../cli/many/in-flight.ts'
import { ManyProgress } from '../../cli/many/progress.ts'
import { ProgressLine } from '../../cli/terminal/progress.ts'
import { DstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key, parseKey } from '../../src/hash/key.ts'
import { MIB } from '../../src/limits.ts'
import type { FakeNode } from '../daemon/fake-node.ts'
import { serving, type Serving } from '../daemon/serving.ts'
import { eventually } from '../eventually.ts'
import { test } from '../serial.ts'
import { isStraceInstalled, parseTrace, straceOptions } from '../store/disk/strace.ts'
import { BUNDLE, Place, outcome } from './command.ts'

const COUNT = 200
const UNKNOWN = '0'.repeat(64)

interface Scene extends Serving {
  readonly place: Place
  readonly keys: readonly string[]
}

/** A daemon in this process, whose node has `count` values. */
async function scene(t: ExecutionContext, count = COUNT, size = 100): Promise<Scene> {
  const served = await serving(t)
  const keys = Array.from({ length: count }, (_, i) => {
    const value = new Uint8Array(size).fill(i).fill(i >> 8, 0, 1)
    const key = new Key(hash(value).digest).toString()
    served.node.values.set(key, value)
    return key
  })
  return { ...served, place: new Place(t, served.directory.path), keys }
}

/** Counts calls that run at a time. The first wait until `IN_FLIGHT` of them do. */
function counting<Result>(call: (key: Key) => Promise<Result>): {
  readonly call: (key: Key) => Promise<Result>
  readonly most: () => number
} {
  let running = 0
  let most = 0
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return {
    most: () => most,
    call: async (key) => {
      most = Math.max(most, ++running)
      if (running >= IN_FLIGHT) open()
      await opened
      try {
        return await call(key)
      } finally {
        running--
      }
    },
  }
}

function checkFiles(
  t: ExecutionContext,
  place: Place,
  node: FakeNode,
  keys: readonly string[],
): void {
  t.deepEqual(readdirSync(place.file('out')).toSorted(), keys.toSorted())
  for (const key of keys) {
    const isSame = readFileSync(place.file(`out/${key}`)).equals(node.values.get(key)!)
    if (!isSame) t.fail(`${key} has other bytes`)
  }
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

test('R007-445 R007-200 standard input is one file or one list, and never the same twice', async (t) => {
  const { place } = await scene(t, 0)
  writeFileSync(place.file('list'), '-\n')
  const twice = [
    ['put', '-', '-'],
    ['cid', '-', '-'],
    ['put', '-', '--files-from', '-'],
    ['put', '-', '--files-from', 'list'],
    ['put', '--files-from', '-'],
  ]
  for (const args of twice) {
    const { exit, stdout, stderr } = await place.run(args, { input: '-\n' })
    t.is(exit, 2, args.join(' '))
    t.regex(stderr, /^dstore: standard input is given twice/, args.join(' '))
    t.is(stdout.byteLength, 0)
  }
  const once = await place.run(['put', '--files-from', 'list'], { input: 'a' })
  t.is(once.exit, 0, once.stderr)
  const long = await place.run(['put', '--files-from', '-'], { input: `x\n${'a'.repeat(20_000)}` })
  t.is(long.stderr, 'dstore: line 2 of standard input is too long\n')
  t.is(long.exit, 2)
})

test('R007-201 get --output-dir and prefetch keep 64 values in flight, and no more', async (t) => {
  const { place, node, keys } = await scene(t)
  const input = keys.join('\n')
  const get = node.get.bind(node)
  const gets = counting((key) => get(key))
  node.get = (key) => gets.call(key)
  const got = await place.run(['get', '--files-from', '-', '--output-dir', 'out'], { input })
  t.deepEqual({ ...got, stdout: got.stdout.length }, { exit: 0, stdout: 0, stderr: '' })
  checkFiles(t, place, node, keys)
  t.is(gets.most(), 64)
  const fetched = counting(() => Promise.resolve())
  node.prefetch = (key) => fetched.call(key)
  t.is((await place.run(['prefetch', '--files-from', '-'], { input })).exit, 0)
  t.is(fetched.most(), 64)
})

test('R007-201 values in flight have 64 MiB together, and two large ones are in flight at most', async (t) => {
  const inFlight = new InFlight()
  const entered: (() => void)[] = []
  const enter = async (size: number): Promise<number> => entered.push(await inFlight.enter(size))
  for (const size of [1e12, MIB, 1e12]) void enter(size)
  await eventually(() => entered.length === 2)
  await new Promise((resolve) => setImmediate(resolve))
  t.is(entered.length, 2, 'the second large one waits for the small one')
  entered[1]!()
  await eventually(() => entered.length === 3)
  const last = enter(1)
  await new Promise((resolve) => setImmediate(resolve))
  t.is(entered.length, 3)
  entered[0]!()
  t.is(await last, 4)
})

test('R007-200 a list has a key or name on each line, or between NUL bytes, after the arguments', async (t) => {
  const { place, node, keys } = await scene(t, 5)
  await node.bind('a name/of one', parseKey(keys[1]!))
  const list = ['a name/of one', '', keys[2]!.toUpperCase(), keys[2]!]
  for (const [name, text] of [
    ['lines', list.join('\n')],
    ['dos', `${list.join('\r\n')}\r\n`],
    ['nul', `${list.join('\0')}\0`],
  ] as const) {
    writeFileSync(place.file(name), text)
    const args = ['get', keys[0]!, '--files-from', name, '--output-dir', 'out']
    const { exit, stderr } = await place.run(args)
    t.deepEqual({ exit, stderr }, { exit: 0, stderr: '' })
    const out = place.file('out')
    t.deepEqual(readdirSync(out).toSorted(), ['a name', keys[0]!, keys[2]!].toSorted())
    const named = readFileSync(join(out, 'a name/of one'))
    t.true(named.equals(node.values.get(keys[1]!)!))
  }
  const empty = await place.run(['get', '--files-from', '-', '--output-dir', 'none'], { input: '' })
  t.is(empty.exit, 0)
  t.deepEqual(readdirSync(place.file('none')), [])
  t.is((await place.run(['evict', '--files-from', 'lines'])).exit, 0)
  t.is((await place.run(['has', '--files-from', 'lines'])).exit, 0)
  const stat = await place.run(['stat', '--json', '--files-from', 'lines'])
  t.is(lines(stat.stdout.toString()).length, 3)
})

test('R007-200 a list that cannot be read or understood ends the command before a daemon is asked', async (t) => {
  const place = new Place(t)
  writeFileSync(place.file('bad'), `one\ntwo\nth\u0007ree\n`)
  writeFileSync(place.file('latin'), Buffer.from('caf\xe9\n', 'latin1'))
  mkdirSync(place.file('folder'))
  const refused = async (args: readonly string[], exit: number, stderr: string): Promise<void> => {
    const ended = await place.run(args)
    t.deepEqual({ exit: ended.exit, stderr: ended.stderr.split('\n')[0] }, { exit, stderr })
  }
  const bad = 'dstore: line 3 of bad: not a name: it has control characters'
  await refused(['has', '--files-from', 'bad'], 2, bad)
  await refused(['prefetch', '--files-from', 'latin'], 2, 'dstore: latin is not UTF-8')
  await refused(
    ['stat', '--files-from', 'folder'],
    1,
    'dstore: cannot read folder: it is a directory',
  )
  await refused(['stat', '--files-from', 'gone'], 1, 'dstore: cannot read gone: no such file')
  await refused(
    ['get', '--files-from', 'bad'],
    2,
    'dstore: get --files-from needs --output-dir DIR',
  )
  const none = await place.run(['get', '--output-dir', 'out'])
  t.is(none.exit, 2)
  t.false(existsSync(place.state))
})

test('R007-203 one value that fails among many costs no other', async (t) => {
  const { place, node, keys } = await scene(t)
  const get = node.get.bind(node)
  const torn = keys[70]!
  node.get = async (key, options) => {
    const value = await get(key, options)
    if (key.toString() !== torn) return value
    return { ...value, bytes: failing() }
  }
  const all = [...keys.slice(0, 50), UNKNOWN, 'no name', ...keys.slice(50)]
  const args = ['get', ...all, '--output-dir', 'out']
  const { exit, stderr } = await place.run(args)
  t.is(exit, 8)
  const unknown = new Key(Buffer.from(UNKNOWN, 'hex')).toString()
  t.deepEqual(
    lines(stderr)
      .filter((line) => line.startsWith('dstore: '))
      .toSorted(),
    [
      `dstore: ${UNKNOWN}: no such key: ${unknown}`,
      `dstore: ${torn}: a wrong group`,
      'dstore: no such name: no name',
    ].toSorted(),
  )
  checkFiles(
    t,
    place,
    node,
    keys.filter((key) => key !== torn),
  )
  const absent = await place.run(['get', UNKNOWN, UNKNOWN, '--output-dir', 'none'])
  t.is(absent.exit, 3)
  t.false(existsSync(place.file('none')))
})

async function* failing(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new Uint8Array(10))
  throw new DstoreError('integrity', 'a wrong group')
}

test('R007-203 a full disk ends the command, with one message', async (t) => {
  const { place, node, keys } = await scene(t, COUNT, 20_000)
  let gets = 0
  const get = node.get.bind(node)
  node.get = (...args) => (gets++, get(...args))
  writeFileSync(place.file('list'), keys.join('\n'))
  const args = [BUNDLE, 'get', '--files-from', 'list', '--output-dir', 'out']
  const child = spawn('sh', ['-c', 'ulimit -f 16; exec "$0" "$@"', process.execPath, ...args], {
    cwd: place.path,
    env: place.env(),
  })
  const { exit, stderr } = await outcome(child)
  t.is(exit, 7, stderr)
  t.is(lines(stderr).filter((line) => line.startsWith('dstore: ')).length, 1, stderr)
  t.true(gets < COUNT, 'the rest was not asked for')
  t.false(existsSync(place.file('out')))
})

test('R007-203 a daemon that is gone ends the command, and is not reported for each value', async (t) => {
  const { place, node, keys, daemon } = await scene(t)
  let gets = 0
  const get = node.get.bind(node)
  node.get = async (...args) => {
    if (++gets > 100) {
      void daemon.close()
      throw new DstoreError('unreachable', 'it stops')
    }
    return get(...args)
  }
  const { exit, stderr } = await place.run(['get', ...keys, '--output-dir', 'out'])
  t.is(exit, 8, stderr)
  // While it closes it may still answer, so that the first failure is that of one value.
  t.true(lines(stderr).length <= 3, stderr)
  const { length } = readdirSync(place.file('out'))
  t.true(length > 0 && length <= 100, `${length} files`)
})

for (const [signal, exit] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`R007-202 ${signal} among many values leaves whole files, and nothing beside them`, async (t) => {
    const { place, node, keys } = await scene(t)
    const get = node.get.bind(node)
    const whole = new Set(keys.slice(0, 100))
    let hold = (): void => undefined
    t.teardown(() => hold())
    const held = new Promise<void>((resolve) => (hold = resolve))
    node.get = async (key, options) => {
      const value = await get(key, options)
      return whole.has(key.toString()) ? value : { ...value, bytes: halting(held) }
    }
    const child = place.start(['get', ...keys, '--output-dir', 'out'])
    const ended = outcome(child)
    const isHeld = (): boolean => files().length === 164
    const files = (): string[] =>
      existsSync(place.file('out')) ? readdirSync(place.file('out')) : []
    await eventually(isHeld)
    child.kill(signal)
    const { exit: code, stderr } = await ended
    t.deepEqual({ code, stderr }, { code: exit, stderr: '' })
    checkFiles(t, place, node, [...whole])
  })
}

/** Some bytes, and no more. */
async function* halting(held: Promise<void>): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(10)
  await held
}

test('R007-202 each file is synced before its rename, and each folder once after all of them', async (t) => {
  if (!isStraceInstalled()) {
    t.log('SKIPPED: strace is not installed')
    t.pass()
    return
  }
  const { place, keys } = await scene(t, 100)
  const linked = keys[40]!
  mkdirSync(place.file('out'))
  mkdirSync(place.file('elsewhere'))
  symlinkSync('../elsewhere/target', place.file(`out/${linked}`))
  writeFileSync(place.file(`out/${keys[41]!}`), 'replaced')
  const output = place.file('trace')
  const command = [process.execPath, BUNDLE, 'get', ...keys, '--output-dir', 'out']
  const child = spawn('strace', [...straceOptions(output), ...command], {
    cwd: place.path,
    env: place.env(),
  })
  t.is((await outcome(child)).exit, 0)
  const calls = parseTrace(readFileSync(output, 'utf8'))
  const syncs = calls.filter(({ name }) => name === 'fsync' || name === 'fdatasync')
  const renames = calls.filter(({ name }) => name.startsWith('rename'))
  t.is(renames.length, keys.length)
  for (const rename of renames) {
    const part = /(\.dstore-[\w-]+\.part)"/.exec(rename.args)![1]!
    const synced = syncs.find(({ args }) => args.includes(part))
    const written = calls.findLast(
      ({ name, args }) => name.includes('write') && args.includes(part),
    )
    if (!(written!.ended < synced!.began && synced!.ended < rename.began)) t.fail(part)
  }
  const last = Math.max(...renames.map(({ ended }) => ended))
  for (const folder of ['out', 'elsewhere']) {
    const ofFolder = syncs.filter(({ args }) => args.endsWith(`/${folder}>`))
    t.is(ofFolder.length, 1)
    t.true(ofFolder[0]!.began > last)
  }
})

test('R007-204 has and stat of many ask once, and print in the order of the arguments', async (t) => {
  const { place, node, keys } = await scene(t, 80)
  const all = [...keys.slice(0, 70), UNKNOWN, ...keys.slice(70)]
  const seen: number[] = []
  const statMany = node.statMany.bind(node)
  node.statMany = (list, options) => {
    seen.push(list.length)
    return statMany(list, options)
  }
  const check = async (): Promise<void> => {
    const stat = await place.run(['stat', '--json', ...all])
    t.is(stat.exit, 8)
    const { error } = JSON.parse(stat.stderr) as { error: object }
    t.like(error, { code: 'not-found', argument: UNKNOWN })
    const found = lines(stat.stdout.toString()).map(
      (line) => (JSON.parse(line) as { key: string }).key,
    )
    t.deepEqual(found, keys)
    const has = await place.run(['has', '--json', ...all])
    t.is(has.exit, 8)
    const answers = lines(has.stdout.toString()).map((line) => JSON.parse(line) as unknown)
    t.deepEqual(
      answers,
      all.map((key) => ({ key, has: key !== UNKNOWN })),
    )
  }
  await check()
  t.deepEqual(seen, [all.length, all.length])
  // Where one of them fails the request for all, each is asked for by itself.
  node.statMany = (list, options) =>
    list.length === 1 ? statMany(list, options) : Promise.reject(new DstoreError('busy', 'many'))
  await check()
})

test('R007-205 progress tells values, bytes and rate, and goes on after a message', (t) => {
  let now = 0
  const drawn: string[] = []
  const line = new ProgressLine(
    'many',
    (text) => drawn.push(text),
    () => 80,
    () => now,
  )
  const progress = new ManyProgress(line, 3)
  const one = progress.begin(1000)
  const two = progress.begin(3000)
  now = 2000
  one.update(500)
  t.is(drawn.at(-1), '\r\u001b[K0 of 3 values  500B  250B/s')
  one.update(1000)
  one.end()
  line.clear()
  t.is(drawn.at(-1), '\r\u001b[K')
  const three = progress.begin(4000)
  now = 4000
  two.update(1000)
  t.is(drawn.at(-1), '\r\u001b[K1 of 3 values  25%  1.95KiB of 7.81KiB  500B/s  12s left')
  three.update(4000)
  three.end()
  now = 5000
  two.end()
  t.true(drawn.at(-1)!.startsWith('\r\u001b[K3 of 3 values'))
  line.end()
})
