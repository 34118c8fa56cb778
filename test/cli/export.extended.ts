/** `export` and `import` as people use them: real daemons, real files, and GNU tar between. */
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Client } from '../../src/daemon/client/client.ts'
import { MIB } from '../../src/limits.ts'
import { once } from '../node/nodes.ts'
import { Daemon, network, shared } from '../e2e/nodes.ts'
import { Place, outcome } from './command.ts'

/** A line of a list, but for when the name was bound. */
const withoutTime = (line: string): string => line.replace(/,"boundAt":"[^"]*"/, '')

const SIZES = [0, 1, 512, 16 * 1024, 16 * 1024 + 1, 100_000, MIB, MIB + 1, 3 * MIB]

interface Filled {
  readonly node: Daemon
  /** By key. */
  readonly values: ReadonlyMap<string, Buffer>
  readonly keys: readonly string[]
}

/** A node that every test here exports from, and none changes. */
const filled = shared(async (owner): Promise<Filled> => {
  const node = await Daemon.start(owner, [])
  const client = (await Client.connect(join(node.place.state, 'dstore.sock')))!
  const values = new Map<string, Buffer>()
  for (const [i, size] of SIZES.entries()) {
    const bytes = randomBytes(size)
    const { key } = await client.putBytes(once(bytes))
    values.set(key, bytes)
    for (let n = 0; n < i; n++) await client.bind(`of-${i}/${n} "\\ä`, key)
  }
  const keys = [...values.keys()]
  client.close()
  return { node, values, keys }
})

const lines = (stdout: Buffer): string[] => stdout.toString().split('\n').slice(0, -1).toSorted()

async function sameAs(t: ExecutionContext, { node, values }: Filled, other: Daemon): Promise<void> {
  t.deepEqual(lines((await other.run(['ls', '--keys'])).stdout), [...values.keys()].toSorted())
  t.deepEqual(
    lines((await other.run(['ls', '--json'])).stdout).map(withoutTime),
    lines((await node.run(['ls', '--json'])).stdout).map(withoutTime),
  )
  t.is((await other.run(['verify'])).exit, 0)
}

test('R007-40, R007-43: an export is imported elsewhere, by pipe and by GNU tar', async (t) => {
  const from = await filled()
  const exported = await from.node.run(['export'])
  t.is(exported.exit, 0, exported.stderr)
  const into = await Daemon.start(t, [])
  const imported = await into.run(['import'], exported.stdout)
  t.is(imported.exit, 0, imported.stderr)
  t.deepEqual(lines(imported.stdout), [...from.values.keys()].toSorted())
  await sameAs(t, from, into)
  t.is(Buffer.compare((await into.run(['export'])).stdout, exported.stdout), 0)

  const { place } = from.node
  const file = place.file('all.tar')
  writeFileSync(file, exported.stdout)
  const listed = execFileSync('tar', ['tf', file]).toString().split('\n').slice(0, -1)
  const lists = listed.filter((name) => name.startsWith('names'))
  t.true(lists.length > 1)
  t.deepEqual(listed.toSorted(), [...from.values.keys(), ...lists].toSorted())
  const folder = place.file('unpacked')
  mkdirSync(folder)
  execFileSync('tar', ['xf', file, '-C', folder])
  for (const [key, value] of from.values) {
    t.is(Buffer.compare(readFileSync(join(folder, key)), value), 0)
  }
  for (const format of ['gnu', 'pax', 'ustar']) {
    // The names come before the values.
    const files = [...lists, ...from.keys].map((name) => `./unpacked/${name}`)
    const again = place.file(`${format}.tar`)
    execFileSync('tar', [`--format=${format}`, '-cf', again, ...files], { cwd: place.path })
    const target = await Daemon.start(t, [])
    const result = await target.run(['import', again])
    t.is(result.exit, 0, result.stderr)
    await sameAs(t, from, target)
    const once = await target.run(['import', again])
    t.is(once.exit, 0, 'what is there already is success')
  }
})

test('R007-41: values by key and by name, each once, with all of their names', async (t) => {
  const { node, keys } = await filled()
  const words = [keys[2]!, 'of-2/1 "\\ä', keys[4]!]
  const file = node.place.file('some.tar')
  const { exit, stdout, stderr } = await node.run(['export', ...words, '-o', file])
  t.is(exit, 0, stderr)
  t.is(stdout.byteLength, 0)
  const listed = execFileSync('tar', ['tf', file]).toString().split('\n').slice(0, -1)
  t.deepEqual(listed, [keys[2]!, keys[4]!, 'names.json'])
  const names = JSON.parse(execFileSync('tar', ['xOf', file, 'names.json']).toString()) as unknown[]
  t.is(names.length, 6)
})

test('R007-41: missing values are named, the rest is exported; without any, nothing', async (t) => {
  const { node, keys } = await filled()
  const some = await node.run(['export', 'nobody', keys[1]!])
  t.is(some.exit, 8)
  t.regex(some.stderr, /no such name: nobody/)
  writeFileSync(node.place.file('some.tar'), some.stdout)
  const listed = execFileSync('tar', ['tf', node.place.file('some.tar')]).toString()
  t.is(listed, `${keys[1]}\nnames.json\n`)
  const file = node.place.file('none.tar')
  writeFileSync(file, 'as it was')
  const none = await node.run(['export', 'nobody', 'nor-he', '-o', file])
  t.is(none.exit, 3)
  t.is(readFileSync(file, 'utf8'), 'as it was')
  t.false(readdirSync(node.place.path).some((name) => name.endsWith('.part')))
})

test('R007-41: an export to a full disk is exit code 7, to a closed pipe 1', async (t) => {
  const { node } = await filled()
  const full = node.place.start(['export'], { stdout: openSync('/dev/full', 'w') })
  const { exit, stderr } = await outcome(full)
  t.is(exit, 7, stderr)
  const left = node.place.start(['export'])
  left.stdout!.once('data', () => left.stdout!.destroy())
  t.like(await outcome(left), { exit: 141, stderr: '' })
})

test('R007-28: Ctrl-C ends an export without a reader and an import without input', async (t) => {
  const { node } = await filled()
  const { stdout: archive } = await node.run(['export'])
  for (const command of ['export', 'import']) {
    const child = node.place.start([command])
    let stderr = ''
    child.stderr!.on('data', (piece) => (stderr += String(piece)))
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.stdin!.on('error', () => undefined)
    // All of it but its end: a large value has been stored when its key is printed.
    if (command === 'import') child.stdin!.write(archive.subarray(0, -1024))
    await new Promise((resolve) => child.stdout!.once('readable', resolve))
    child.kill('SIGINT')
    t.is(await ended, 130, `${command}: ${stderr}`)
    child.stdout!.destroy()
  }
})

test('R007-43: a value that is not its key’s leaves no trace; others are stored', async (t) => {
  const from = await filled()
  const { stdout: archive } = await from.node.run(['export'])
  const large = from.values.get(from.keys.at(-1)!)!
  const small = from.values.get(from.keys[3]!)!
  for (const value of [large, small]) archive[archive.indexOf(value) + value.byteLength - 1]! ^= 1
  const into = await Daemon.start(t, [])
  const { exit, stdout, stderr } = await into.run(['import'], archive)
  t.is(exit, 8)
  t.is(stderr.match(/does not match its key/g)?.length, 2, stderr)
  t.regex(stderr, /^dstore: 11 names: no such key: .*of-3\/0 "\\ä/m)
  const whole = SIZES.length - 2
  t.is(lines(stdout).length, whole)
  t.is(lines((await into.run(['ls', '--keys'])).stdout).length, whole)
  const kept = readdirSync(join(into.place.state, 'store-v3', 'values'))
  t.is(kept.length, [...from.values.values()].filter((one) => one.length > 16_384).length - 1)
})

test('R007-42: values before the cut of a truncated archive are imported; one error', async (t) => {
  const from = await filled()
  const { stdout: archive } = await from.node.run(['export', ...from.keys])
  const into = await Daemon.start(t, [])
  const { exit, stdout, stderr } = await into.run(['import'], archive.subarray(0, -3 * MIB))
  t.is(exit, 8, stderr)
  t.is(stderr.match(/the archive ends after/g)?.length, 1, stderr)
  t.deepEqual(lines(stdout), lines((await into.run(['ls', '--keys'])).stdout))
  t.true(lines(stdout).length >= SIZES.length - 4, stdout.toString())
  t.is((await into.run(['verify'])).exit, 0)
  const nothing = await into.run(['import'], archive.subarray(0, 100))
  t.is(nothing.exit, 1)
})

test('R007-105: a harmed archive is imported from a file and a pipe but for the harm', async (t) => {
  const from = await Daemon.start(t, [])
  const into = await Daemon.start(t, [])
  const client = (await Client.connect(join(from.place.state, 'dstore.sock')))!
  for (const size of [20_000, 300_000]) {
    const names = Array.from({ length: 10 }, (_, i) => `${size}/${i}`)
    for (const name of names) {
      const { key } = await client.putBytes(once(randomBytes(size)))
      await client.bind(name, key)
    }
    const { stdout: archive } = await from.run(['export', ...names])
    const last = archive.subarray(0, archive.lastIndexOf('ustar')).lastIndexOf('ustar') - 257
    const flipped = Buffer.from(archive)
    flipped[last + 20]! ^= 4
    // Without the last value first: once it is there, its name is bound whatever happens to it.
    for (const [harm, harmed, values, faults] of [
      ['a cut in the last value', archive.subarray(0, last + 1000), 9, 1],
      ['a bad header', flipped, 9, 2],
      ['a newline more', Buffer.concat([archive, Buffer.from('\n')]), 10, 1],
      ['a byte less', archive.subarray(0, -1), 10, 1],
      ['a block less', archive.subarray(0, -512), 10, 1],
    ] as const) {
      const file = from.place.file('harmed.tar')
      writeFileSync(file, harmed)
      for (const [args, input] of [
        [['import', file], undefined],
        [['import'], harmed],
      ] as const) {
        const { exit, stdout, stderr } = await into.run(args, input)
        const what = `${size}: ${harm}: ${stderr}`
        t.is(exit, 8, what)
        t.is(lines(stdout).length, values, what)
        // The last values share a list of names, which is cut off with one of them.
        const bound = Number(/ (\d+) names$/m.exec(stderr)?.[1])
        t.true(bound <= values && bound >= (harm.startsWith('a cut') ? values - 7 : values), what)
        t.is(stderr.match(/^dstore: /gm)?.length, faults, what)
      }
    }
  }
  client.close()
})

test('R007-44: a name that is bound to another key is a conflict; others are bound', async (t) => {
  const from = await filled()
  const { stdout: archive } = await from.node.run(['export'])
  const into = await Daemon.start(t, [])
  await into.run(['put', '-', '--name', 'of-1/0 "\\ä'], 'something else')
  const { exit, stderr } = await into.run(['import', '-'], archive)
  t.is(exit, 8)
  t.regex(stderr, /of-1\/0 "\\ä.* is bound to bafkr4i/)
  t.notRegex(stderr, /Warning/)
  const theirs = lines((await from.node.run(['ls'])).stdout)
  t.deepEqual(lines((await into.run(['ls'])).stdout), theirs)
})

test('R007-43: a Local exports and imports like its Global, and repairs damage', async (t) => {
  const { global, locals } = await network(t, 1)
  const [local] = locals as [Daemon]
  const from = await filled()
  const { stdout: archive } = await from.node.run(['export'])
  const imported = await local.run(['import'], archive)
  t.is(imported.exit, 0, imported.stderr)
  await sameAs(t, from, global)
  const exported = await local.run(['export'])
  t.is(exported.exit, 0, exported.stderr)
  t.is(Buffer.compare(exported.stdout, archive), 0)

  const values = join(global.place.state, 'store-v3', 'values')
  const name = readdirSync(values)[0]!
  const { size } = statSync(join(values, name))
  chmodSync(join(values, name), 0o600)
  writeFileSync(join(values, name), randomBytes(size))
  const first = await global.run(['export', '-o', global.place.file('first.tar')])
  t.true(first.exit === 4 || first.exit === 8, first.stderr)
  // From here on it is known, and the rest can be exported.
  const rest = await global.run(['export'])
  t.is(rest.exit, 8, rest.stderr)
  const again = await global.run(['import'], archive)
  t.is(again.exit, 0, again.stderr)
  t.is((await global.run(['verify'])).exit, 0)
})

test('R007-42: an import needs an archive', async (t) => {
  const place = new Place(t)
  for (const [args, exit] of [
    [['import', 'nowhere'], 1],
    [['import', '.'], 1],
    [['import', 'a', 'b'], 2],
  ] as const) {
    t.is((await place.run(args)).exit, exit, args.join(' '))
  }
  t.is((await place.run(['status'])).exit, 5, 'no daemon was started')
})
