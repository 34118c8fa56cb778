/** Nodes that start and run where the disk is full or descriptors are few, for real. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect as open } from 'node:net'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { connect } from '../../src/dstore.ts'
import { HTTP_CONNECTIONS, MIB } from '../../src/limits.ts'
import { BUNDLE, Place, outcome, type Outcome } from '../cli/command.ts'
import { eventually } from '../eventually.ts'

/** A filesystem of this size; undefined where this user may not mount one. */
function smallDisk(t: ExecutionContext, size: string): Place | undefined {
  const place = new Place(t)
  const disk = place.file('disk')
  mkdirSync(disk, { mode: 0o700 })
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', disk]
    execFileSync('mount', options, { stdio: 'ignore' })
  } catch {
    t.log('SKIPPED: mounting is not allowed here')
    t.pass()
    return undefined
  }
  const onDisk = new Place(t, join(disk, 'state'))
  t.teardown(async () => {
    await onDisk.run(['stop'])
    execFileSync('umount', ['-l', disk])
  })
  return onDisk
}

/** Leaves not one byte. */
function fill(place: Place): void {
  const fd = openSync(join(place.state, '..', 'filling'), 'a')
  for (let bytes = MIB; bytes >= 1;) {
    try {
      writeSync(fd, new Uint8Array(bytes))
    } catch {
      bytes >>= 1
    }
  }
  closeSync(fd)
}

function isNoSpace(t: ExecutionContext, { exit, stderr, stdout }: Outcome): void {
  t.is(exit, 7, stderr)
  t.regex(stderr, /^dstore: .*(the disk is full|no space left).*\n(hint: .*\n)?$/)
  t.is(stdout.toString(), '')
}

test('R005-58, R007-112 a first start on a full disk is exit code 7, in every role', async (t) => {
  const place = smallDisk(t, '2m')
  if (place === undefined) return
  fill(place)
  const file = place.file('value')
  execFileSync('cp', [BUNDLE, file])
  for (const args of [
    ['start'],
    ['daemon'],
    ['start', '--global'],
    ['start', '--store', 'memory'],
    ['start', '--http', '0'],
    ['put', file],
  ]) {
    isNoSpace(t, await place.run(args))
  }
})

test('R005-58 a first start where little is free is exit code 7, or serves', async (t) => {
  const place = smallDisk(t, '1m')
  if (place === undefined) return
  // With 744 there is room for the records, and not for their journal.
  for (const kib of [1004, 1000, 976, 744, 40]) {
    const fd = openSync(join(place.state, '..', 'filling'), 'w')
    writeSync(fd, new Uint8Array(kib * 1024))
    closeSync(fd)
    const started = await place.run(['start'])
    if (started.exit !== 0) isNoSpace(t, started)
    t.is(started.exit === 0, kib === 40, `${kib} KiB are taken`)
  }
})

test('R007-111, R005-38 a Global that was stopped starts on a full disk, and rm frees it', async (t) => {
  const place = smallDisk(t, '48m')
  if (place === undefined) return
  t.is((await place.run(['start', '--global'])).exit, 0)
  const value = randomBytes(4 * MIB)
  const put = await place.run(['put', '-'], { input: value })
  const small = await place.run(['put', '-'], { input: 'small' })
  t.is(put.exit, 0, put.stderr)
  await place.run(['stop'])
  fill(place)
  const settings = readFileSync(join(place.state, 'config.json'), 'utf8')

  // Other settings have to be saved.
  isNoSpace(t, await place.run(['start', '--cache', '5MiB']))
  t.is(readFileSync(join(place.state, 'config.json'), 'utf8'), settings)
  t.false(readdirSync(place.state).includes('config.json.new'))

  const started = await place.run(['start'])
  t.is(started.exit, 0, started.stderr)
  t.regex(started.stderr, /^listening only on loopback[^\n]*\nnext: [^\n]*\n$/)
  isNoSpace(t, await place.run(['put', '-'], { input: randomBytes(100) }))
  isNoSpace(t, await place.run(['put', '-'], { input: randomBytes(MIB) }))
  const key = put.stdout.toString().trim()
  t.is(Buffer.compare((await place.run(['get', key])).stdout, value), 0)
  const removed = await place.run(['rm', key])
  t.is(removed.exit, 0, removed.stderr)
  await place.run(['stop'])
  t.is((await place.run(['start'])).exit, 0)
  t.is((await place.run(['ls', '--keys'])).stdout.toString(), small.stdout.toString())
})

test('R007-113 a daemon whose log and ready line cannot be written serves', async (t) => {
  const place = smallDisk(t, '48m')
  if (place === undefined) return
  const put = await place.run(['put', '-'], { input: 'kept' })
  t.is(put.exit, 0, put.stderr)
  await place.run(['stop'])
  fill(place)
  const full = openSync(join(place.state, '..', 'output'), 'w')
  const child = spawn(process.execPath, [BUNDLE, 'daemon', '--log-level', 'debug'], {
    env: place.env(),
    stdio: ['ignore', full, full],
  })
  const ended = outcome(child)
  closeSync(full)
  await eventually(async () => (await place.run(['status'])).exit === 0)
  t.is((await place.run(['get', 'nothing', '--no-start'])).exit, 3)
  t.is((await place.run(['stop'])).exit, 0)
  t.is((await ended).exit, 0)
})

test('R007-113 a daemon in the background whose log disk fills up goes on', async (t) => {
  const place = smallDisk(t, '48m')
  if (place === undefined) return
  t.is((await place.run(['start', '--log-level', 'debug'])).exit, 0)
  const put = await place.run(['put', '-'], { input: 'kept' })
  fill(place)
  for (let turn = 0; turn < 5; turn++) {
    t.is((await place.run(['get', 'nothing', '--no-start'])).exit, 3)
  }
  const key = put.stdout.toString().trim()
  t.is((await place.run(['get', key, '--no-start'])).stdout.toString(), 'kept')
})

/** Runs a command with few descriptors. */
function withDescriptors(place: Place, count: number, args: readonly string[]): Promise<Outcome> {
  const line = `ulimit -n ${count} && exec "$0" "$@"`
  const child = spawn('sh', ['-c', line, process.execPath, BUNDLE, ...args], { env: place.env() })
  return outcome(child)
}

test('R007-112 with few descriptors a command names them, and with some more it works', async (t) => {
  const place = new Place(t)
  const outcomes: Outcome[] = []
  // How many are open at once while modules load depends on the load of the machine.
  for (const count of [19, 20, 21, 22, 24, 26, 28, 30, 40, 64, 256]) {
    const started = await withDescriptors(place, count, ['start'])
    outcomes.push(started)
    t.notRegex(
      started.stderr,
      /internal error|undefined|ended before it could/,
      `${count} descriptors`,
    )
    // A start that lacked descriptors itself may have left a daemon that serves.
    await place.run(['stop'])
  }
  t.is(outcomes.at(-1)!.exit, 0, outcomes.at(-1)!.stderr)
  const named = outcomes.filter(({ stderr }) =>
    /^dstore: .*too many open files\nhint: raise the limit with `ulimit -n`\n$/.test(stderr),
  )
  t.true(named.length > 0)
  t.deepEqual([...new Set(named.map(({ exit }) => exit))], [7])
})

test('R007-114, R007-115 idle clients keep no command out, nor does a program with 1,500 calls at once', async (t) => {
  const place = new Place(t)
  t.is((await place.run(['start', '--store', 'memory'])).exit, 0)
  const idle = Array.from({ length: HTTP_CONNECTIONS + 8 }, async () => {
    const socket = open(join(place.state, 'dstore.sock'))
    t.teardown(() => socket.destroy())
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write('GET /v1/keys HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(socket, 'data')
  })
  await Promise.all(idle)
  const put = await place.run(['put', '-', '--name', 'mine'], { input: 'kept' })
  t.is(put.exit, 0, put.stderr)
  const programs = await Promise.all([1, 2, 3].map(() => connect({ dir: place.state })))
  const calls = programs.flatMap((program) =>
    Array.from({ length: 500 }, async () => (await program.get('mine')).text()),
  )
  t.deepEqual([...new Set(await Promise.all(calls))], ['kept'])
  for (const program of programs) await program.close()
})

test('R007-114, R007-115 three processes with 500 gets at once each get everything', async (t) => {
  const place = new Place(t)
  t.is((await place.run(['start', '--store', 'memory'])).exit, 0)
  const large = randomBytes(200_000)
  t.is((await place.run(['put', '-', '--name', 'large'], { input: large })).exit, 0)
  t.is((await place.run(['put', '-', '--name', 'small'], { input: 'kept' })).exit, 0)
  const program = `
    import { connect } from ${JSON.stringify(new URL('../../src/dstore.js', import.meta.url).href)}
    const node = await connect({ dir: ${JSON.stringify(place.state)} })
    const names = Array.from({ length: 500 }, (_, n) => (n % 2 === 0 ? 'small' : 'large'))
    const sizes = await Promise.all(
      names.map(async (name) => (await (await node.get(name)).bytes()).byteLength),
    )
    console.log(sizes.reduce((sum, size) => sum + size, 0))
    await node.close()`
  const args = ['--input-type=module', '-e', program]
  const ended = await Promise.all(
    [1, 2, 3].map(() => outcome(spawn(process.execPath, args, { env: place.env() }))),
  )
  for (const { exit, stdout, stderr } of ended) {
    t.deepEqual([exit, stdout.toString(), stderr], [0, `${250 * 200_004}\n`, ''])
  }
})
