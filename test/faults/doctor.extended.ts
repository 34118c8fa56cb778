/** `dstore doctor` where something is wrong for real: with daemons, sockets, clocks and disks. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import net from 'node:net'
import { dirname, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { test } from '../serial.ts'
import { eventually } from '../eventually.ts'
import { VERSION } from '../../src/node/version.ts'
import { BUNDLE, Place, outcome, type Outcome } from '../cli/command.ts'
import type { Finding } from '../../cli/doctor/finding.ts'
import type { DoctorDocument } from '../../cli/doctor/render.ts'
import { Daemon, shared } from '../e2e/nodes.ts'
import { Relay } from '../e2e/relay.ts'

/** On every network of this machine, at a port that stays over a restart. */
async function everywhere(): Promise<string> {
  const server = net.createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `/ip4/0.0.0.0/tcp/${port}`
}

interface Examined extends Outcome {
  readonly document: DoctorDocument
  /** `problem clock-off`, for what is not ok. */
  readonly found: readonly string[]
  readonly of: (id: string) => Finding
}

function examined(result: Outcome): Examined {
  const document = JSON.parse(result.stdout.toString()) as DoctorDocument
  const worse = document.findings.filter(({ severity }) => severity !== 'ok')
  return {
    ...result,
    document,
    found: worse.map(({ id, severity }) => `${severity} ${id}`),
    of: (id) => document.findings.find((finding) => finding.id === id)!,
  }
}

async function doctor(place: Place, ...args: string[]): Promise<Examined> {
  return examined(await place.run(['doctor', '--json', ...args]))
}

/** A Global on every network, and a Local of it. */
const fixture = shared(async (owner) => {
  const global = await Daemon.start(owner, ['--global', '--listen', await everywhere()])
  const local = await Daemon.join(owner, global, ['--cache', '64MiB'])
  return { global, local, port: Number(/\/tcp\/(\d+)/.exec(global.address)![1]) }
})

const alone = shared((owner) => Daemon.start(owner, ['--store', 'memory']))

/** Names, modes, sizes and times of all files. */
const inventory = (path: string): string[] =>
  readdirSync(path, { recursive: true }).map((name) => {
    const { mode, size, mtimeMs } = statSync(join(path, String(name)))
    return [name, mode, size, mtimeMs].join(' ')
  })

const isConnected = (local: Daemon): Promise<boolean> =>
  eventually(async (saw) => saw((await local.status()).global)?.state === 'connected')

test('R007-130 R007-131 R007-132 a healthy node of each role has no finding', async (t) => {
  const { global, local } = await fixture()
  const standalone = await alone()
  for (const [node, role] of [
    [standalone, 'standalone'],
    [global, 'global'],
    [local, 'local'],
  ] as const) {
    const before = inventory(node.place.state).filter((line) => !line.includes('store-v'))
    const { exit, found, stderr, document } = await doctor(node.place)
    t.deepEqual([exit, found, stderr], [0, [], 'nothing is wrong\n'], role)
    t.is(document.role, role)
    const after = inventory(node.place.state).filter((line) => !line.includes('store-v'))
    t.deepEqual(after, before, 'nothing is written')
  }
  const text = await local.run(['doctor'])
  t.is(text.exit, 0)
  t.regex(text.stdout.toString(), /^ok {7}global: reached at \/ip4\/\S+ in \d+ms/m)
  t.regex(text.stdout.toString(), /^ok {7}lane: port \d+ is open$/m)
  t.regex(text.stdout.toString(), /^ok {7}clock: \d+ms off Global's \(round trip \d+ms\)$/m)
  t.regex(text.stdout.toString(), /^ok {7}versions: command \S+, daemon \S+, Global \d\S+, Node v/m)
  const { refused } = await global.status()
  t.deepEqual(
    Object.values(refused!).filter((times) => times > 0),
    [],
    'a probe is no refusal',
  )
})

test('R007-138 R004-77 a clock that is off by an hour', async (t) => {
  const { global } = await fixture()
  const place = new Place(t)
  writeFileSync(place.file('ticket'), await global.invite())
  const preload = `--import ${new URL('../e2e/days-ahead.js', import.meta.url).href}`
  const env = { NODE_OPTIONS: preload, AHEAD_MS: String(3_600_000) }
  t.is((await place.run(['join', '@ticket'], { env })).exit, 0)
  const { exit, found, of } = await doctor(place)
  t.deepEqual([exit, found], [8, ['problem clock-off']])
  t.regex(of('clock-off').found, /^this node's clock is (1h|59m 5\ds) ahead of Global's \(round/)
  t.regex(of('clock-off').remedy!, /`timedatectl set-ntp true`/)
})

test('R007-137 R007-143 a lane port that is closed, and a Global on loopback', async (t) => {
  const global = await Daemon.start(t, ['--global'])
  const only = await doctor(global.place)
  t.deepEqual([only.exit, only.found], [0, ['note loopback-only']])
  t.regex(only.of('loopback-only').remedy!, /start --listen \/ip4\/0\.0\.0\.0\/tcp\/\d+`/)

  const relay = await Relay.before(t, global.address, { at: { host: '127.0.0.2', port: 0 } })
  const place = new Place(t)
  const joined = await Daemon.join(t, global, [], place)
  await joined.signal('SIGTERM')
  rmSync(join(place.state, 'global.json'))
  const local = await Daemon.start(t, ['--join', relay.address], place)
  t.true(await isConnected(local))
  const { exit, found, of } = await doctor(place)
  t.deepEqual([exit, found], [0, ['warning lane-closed']])
  const port = (await global.status()).lanePort!
  t.regex(of('lane-closed').found, new RegExp(`Global's port ${port} refuses connections`))
  t.regex(
    of('lane-closed').remedy!,
    new RegExp(`TCP port ${port} through the firewall.*--lane-port`),
  )
})

test('R007-136 Global stopped, mute, frozen, or another node in its place', async (t) => {
  const { global, local, port } = await fixture()
  const isAway = (): Promise<boolean> =>
    eventually(async (saw) => saw((await local.status()).global)?.state === 'away')
  const notChecked = ['note lane-not-checked', 'note clock-not-checked']

  await global.signal('SIGSTOP')
  t.true(await eventually(async (saw) => saw((await local.status()).global)?.state !== 'connected'))
  const frozen = await doctor(local.place, '--timeout', '1500ms')
  t.is(frozen.exit, 8)
  t.is(frozen.found[0], 'problem global-unreachable')
  t.regex(frozen.of('global-unreachable').found, /open, but nothing answers/)
  t.regex(frozen.of('global-unreachable').remedy!, /`dstore doctor`/)
  await global.signal('SIGCONT')
  await global.signal('SIGTERM')
  t.true(await isAway())

  const stopped = await doctor(local.place)
  t.deepEqual([stopped.exit, stopped.found.slice(0, 1)], [8, ['problem global-unreachable']])
  t.deepEqual(stopped.found.slice(-2), notChecked)
  const all = (await local.status()).global!.addresses
  const { found, remedy } = stopped.of('global-unreachable')
  t.is(found.match(/connection refused/g)!.length, all.length, 'every address is named')
  t.true(found.includes(`tcp/${port}: connection refused`), found)
  t.regex(remedy!, /^on Global's machine: `dstore start`; .*`dstore join \/ip4\/HOST\/tcp\/PORT/)

  const mute = net.createServer((socket) => t.teardown(() => socket.destroy()))
  mute.listen(port, '0.0.0.0')
  await once(mute, 'listening')
  const silent = await doctor(local.place, '--timeout', '1500ms')
  t.regex(silent.of('global-unreachable').found, /open, but nothing answers/)
  mute.close()

  const at = `/ip4/0.0.0.0/tcp/${port}`
  const impostor = await Daemon.start(t, ['--global', '--listen', at, '--store', 'memory'])
  const other = await doctor(local.place)
  t.deepEqual([other.exit, other.found[0]], [8, 'problem global-impostor'])
  t.regex(other.of('global-impostor').remedy!, /`dstore invite -o ticket`.*`dstore join @ticket`/)
  await impostor.signal('SIGTERM')

  const again = await Daemon.start(t, [], global.place)
  t.true(await isConnected(local))
  t.deepEqual((await doctor(local.place)).found, [])

  await again.run(['members', 'rm', await local.peerId()])
  t.true(await isAway())
  const removed = await doctor(local.place)
  t.deepEqual([removed.exit, removed.found], [8, ['problem member-removed', ...notChecked]])

  await local.signal('SIGTERM')
  const config = join(local.place.state, 'config.json')
  writeFileSync(config, readFileSync(config, 'utf8').replaceAll(`/tcp/${port}/`, '/tcp/1/'))
  const wrong = await doctor(local.place)
  t.is(wrong.exit, 8)
  t.deepEqual(wrong.found, ['problem global-unreachable', 'note daemon-stopped', ...notChecked])
  t.regex(wrong.of('global-unreachable').found, /\/tcp\/1: connection refused/)
})

/** A bundle of another version, whose daemon is a real process of it. */
function otherVersion(t: ExecutionContext, version: string): string {
  const folder = mkdtempSync(join(dirname(BUNDLE), 'other-version-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(join(dirname(BUNDLE), 'chunks'), join(folder, 'chunks'), { recursive: true })
  let replaced = 0
  for (const file of readdirSync(dirname(BUNDLE)).filter((name) => /\.(js|wasm)$/.test(name))) {
    cpSync(join(dirname(BUNDLE), file), join(folder, file))
  }
  for (const name of readdirSync(folder, { recursive: true }).map(String)) {
    if (!name.endsWith('.js')) continue
    const text = readFileSync(join(folder, name), 'utf8')
    const changed = text.replace(`VERSION = "${VERSION}"`, `VERSION = "${version}"`)
    if (changed === text) continue
    replaced++
    writeFileSync(join(folder, name), changed)
  }
  t.true(replaced > 0)
  return join(folder, 'dstore.js')
}

test('R007-142 R004-78 a daemon and a Global of an older version', async (t) => {
  const old = otherVersion(t, '0.0.9')
  const place = new Place(t)
  const args = ['start', '--global', '--listen', await everywhere(), '--store', 'memory']
  const started = await outcome(spawn(process.execPath, [old, ...args], { env: place.env() }))
  t.is(started.exit, 0, started.stderr)
  const own = await doctor(place)
  t.deepEqual([own.exit, own.found], [0, ['warning daemon-version']])
  t.regex(own.of('daemon-version').found, /^the daemon runs version 0\.0\.9, and this command is /)
  t.regex(own.of('daemon-version').remedy!, /`dstore stop`, then `dstore start`/)
  writeFileSync(place.file('ticket'), (await place.run(['invite'])).stdout)
  const local = new Place(t)
  t.is((await local.run(['join', `@${place.file('ticket')}`])).exit, 0)
  const { found, of } = await doctor(local)
  t.deepEqual(found, ['warning global-version'])
  t.regex(of('global-version').found, /^Global runs version 0\.0\.9, older than /)
  t.regex(of('global-version').remedy!, /^on Global's machine: install the newer version/)
})

test('R007-134 wrong permissions and foreign files, beside each other', async (t) => {
  const { place } = await alone()
  chmodSync(place.state, 0o777)
  const open = await doctor(place)
  t.deepEqual([open.exit, open.found], [8, ['problem directory-open']])
  t.is(open.of('directory-open').remedy, `\`chmod 700 ${place.state}\``)
  chmodSync(place.state, 0o700)
  if (process.getuid!() !== 0) {
    t.log('SKIPPED: a file of another user takes root')
    return
  }
  writeFileSync(place.state + '/extra', '')
  chownSync(place.state + '/extra', 65_534, 65_534)
  chmodSync(place.state, 0o755)
  const both = await doctor(place)
  t.deepEqual(both.found, ['problem files-foreign', 'warning directory-readable'])
  t.regex(both.of('files-foreign').found, /extra \(user 65534\)/)
  t.regex(both.of('files-foreign').remedy!, /`sudo chown -R 0 /)
  chmodSync(place.state, 0o700)
  rmSync(place.state + '/extra')
  t.deepEqual((await doctor(place)).found, [])
})

test('R007-141 a shell and a daemon with 64 descriptors', async (t) => {
  const place = new Place(t)
  const within64 = (...args: string[]): Promise<Outcome> => {
    const line = 'ulimit -n 64 && exec "$0" "$@"'
    return outcome(
      spawn('sh', ['-c', line, process.execPath, BUNDLE, ...args], { env: place.env() }),
    )
  }
  const started = await within64('start', '--store', 'memory')
  t.is(started.exit, 0, started.stderr)
  const both = examined(await within64('doctor', '--json'))
  t.deepEqual(
    [both.exit, both.found],
    [8, ['problem descriptors-shell', 'problem descriptors-daemon']],
  )
  t.regex(both.of('descriptors-shell').found, /^this shell may open 64 files \(hard limit 64\)/)
  t.regex(both.of('descriptors-shell').remedy!, /`ulimit -n 4096`/)
  t.regex(both.of('descriptors-daemon').remedy!, /`ulimit -n 4096`.*LimitNOFILE=/)
  t.deepEqual((await doctor(place)).found, ['problem descriptors-daemon'])
})

test('R007-139 a full disk', async (t) => {
  const outer = new Place(t)
  const disk = outer.file('disk')
  mkdirSync(disk, { mode: 0o700 })
  try {
    const options = ['-t', 'tmpfs', '-o', 'size=12m,mode=700', 'tmpfs', disk]
    execFileSync('mount', options, { stdio: 'ignore' })
  } catch {
    t.log('SKIPPED: mounting is not allowed here')
    t.pass()
    return
  }
  t.teardown(() => execFileSync('umount', ['-l', disk]))
  const place = new Place(t, join(disk, 'state'))
  mkdirSync(place.state, { mode: 0o700 })
  const { exit, found, of } = await doctor(place)
  t.is(exit, 8)
  t.true(found.includes('problem disk-full'), found.join())
  t.regex(of('disk-full').found, /^the disk is full: 12MiB of 12MiB free; puts fail below 16MiB$/)
  t.regex(of('disk-full').remedy!, /`df -h .*`dstore rm KEY`/)
  execFileSync('mount', ['-o', 'remount,ro', disk])
  t.true((await doctor(place)).found.includes('problem disk-read-only'))
})

test('R007-130 R007-135 a daemon that is frozen, then killed; Ctrl-C ends doctor at once', async (t) => {
  const node = await alone()
  const { pid } = (await node.status()).daemon
  await node.signal('SIGSTOP')
  const child = node.place.start(['doctor', '--timeout', '1m'])
  const began = performance.now()
  const ended = outcome(child)
  // It has begun once it waits for the daemon; a signal before that ends any command, too.
  await new Promise((resolve) => setTimeout(resolve, 1000))
  child.kill('SIGINT')
  const interrupted = await ended
  t.deepEqual([interrupted.exit, interrupted.stdout.toString()], [130, ''])
  t.true(performance.now() - began < 30_000)
  const frozen = await doctor(node.place, '--timeout', '1s')
  t.deepEqual([frozen.exit, frozen.found], [8, ['problem daemon-frozen']])
  t.is(frozen.of('daemon-frozen').remedy, `\`kill -CONT ${pid}\` lets it continue`)
  await node.signal('SIGKILL')
  const killed = await doctor(node.place)
  t.deepEqual([killed.exit, killed.found], [8, ['problem daemon-killed']])
  t.regex(killed.of('daemon-killed').found, new RegExp(`process ${pid}, .*stale socket`))
  t.regex(killed.of('daemon-killed').remedy!, /^`dstore start` replaces it/)
})

test('R007-133 R007-134 R007-135 odd places: no HOME, no directory, a broken file, no socket', async (t) => {
  const place = new Place(t)
  const nowhere = await doctor(place, '--dir', place.file('nowhere'))
  t.deepEqual([nowhere.exit, nowhere.found], [0, ['note directory-missing']])
  const { HOME: _, DSTORE_DIR: __, ...bare } = place.env()
  const homeless = spawn(process.execPath, [BUNDLE, 'doctor', '--json'], {
    env: { ...bare, XDG_DATA_HOME: place.path },
  })
  t.deepEqual(examined(await outcome(homeless)).found, ['note directory-missing'])

  mkdirSync(place.state, { mode: 0o700 })
  writeFileSync(join(place.state, 'config.json'), '{"role":', { mode: 0o600 })
  writeFileSync(join(place.state, 'dstore.sock'), 'a plain file')
  const odd = await doctor(place)
  t.deepEqual(
    [odd.exit, odd.found],
    [8, ['problem settings-broken', 'problem socket-not-a-socket']],
  )
  t.regex(odd.of('settings-broken').remedy!, /config\.json, or delete it/)
  rmSync(join(place.state, 'dstore.sock'))

  rmSync(join(place.state, 'config.json'))
  execFileSync('mkfifo', [join(place.state, 'config.json')])
  const pipe = await doctor(place)
  t.deepEqual([pipe.exit, pipe.found], [8, ['problem settings-broken']])
  rmSync(join(place.state, 'config.json'))

  const hangsUp = net.createServer((socket) => void socket.destroy())
  hangsUp.listen(join(place.state, 'dstore.sock'))
  await once(hangsUp, 'listening')
  t.teardown(() => hangsUp.close())
  t.true((await doctor(place)).found.includes('problem daemon-strange'))

  writeFileSync(place.file('plain'), '')
  const file = await doctor(place, '--dir', place.file('plain'))
  t.deepEqual([file.exit, file.found], [8, ['problem directory-not-a-directory']])
  t.deepEqual(readdirSync(place.path).toSorted(), ['plain', 'state'], 'nothing was made')
})
