/** `dstore join` in a directory with the store of a standalone node, with real processes. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { test } from '../serial.ts'
import type { StatusAnswer, UploadLine } from '../../src/daemon/api/api.ts'
import { Client } from '../../src/daemon/client/client.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import { settingsFromEnvironment, type Settings } from '../../src/daemon/config/settings.ts'
import { startDaemon } from '../../src/daemon/process/daemon.ts'
import { asDstoreError } from '../../src/errors.ts'
import { SILENT } from '../../src/log.ts'
import { parseTicket } from '../../src/membership/ticket.ts'
import { Place, outcome, type Outcome, type Owner } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { connect, createNode, type InactiveUpload } from '../../src/dstore.ts'
import { Daemon, shared } from './nodes.ts'
import { fill, named, type Given } from './join-data.ts'

const MIB = 1 << 20

const theGlobal = shared((owner) => Daemon.start(owner, ['--global']))

const THREE: readonly Given[] = [
  [Buffer.from('mine'), 'mine', 'other'],
  [Buffer.from('without a name')],
  [new Uint8Array(3 * MIB).fill(7), 'large'],
]

const CONFLICT =
  'dstore: this directory has a store with 3 values (3MiB) and 3 names, ' +
  'which a Local does not serve\n'

/** A place whose state directory has these values, and a ticket for one node. */
async function prepared(t: Owner, values: Iterable<Given>, role = 'writer'): Promise<Place> {
  const place = new Place(t)
  await fill(place.state, values)
  writeFileSync(place.file('ticket'), await (await theGlobal()).invite(['--role', role]))
  return place
}

async function status(place: Place): Promise<StatusAnswer> {
  const client = (await Client.connect(stateDirectory(place.state).socket))!
  try {
    return await client.status()
  } finally {
    client.close()
  }
}

async function stop(place: Place): Promise<void> {
  await (await Client.connect(stateDirectory(place.state).socket))!.stop()
}

const jsonLines = ({ stdout }: Outcome): unknown[] =>
  stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)

test('R007-146 no way into the role Local hides a store, and nothing is changed', async (t) => {
  const global = await theGlobal()
  const place = await prepared(t, THREE)
  const directory = stateDirectory(place.state)
  const refused = await place.run(['join', '@ticket'])
  t.is(refused.exit, 9, refused.stderr)
  t.true(refused.stderr.startsWith(CONFLICT), refused.stderr)
  t.regex(refused.stderr, /\nhint: .*--with-data.*--without-data.*--dir.*dstore export/)
  t.is(refused.stderr.trimEnd().split('\n').length, 2)
  t.false(existsSync(directory.config))
  t.false(existsSync(`${place.state}/identity.key`))

  const ticket = parseTicket(readFileSync(place.file('ticket'), 'utf8').trim())
  const openNode = (): never => {
    throw new Error('opened')
  }
  const join = [global.address]
  const start = async (settings: Settings, more = {}): Promise<string> => {
    const options = { directory, settings, log: SILENT, openNode, ...more }
    const error = asDstoreError(await startDaemon(options).catch((thrown: unknown) => thrown))
    return `${error.code} ${error.message}`
  }
  const told = /^conflict this directory has a store with 3 values/
  t.regex(await start({}, { ticket }), told)
  t.regex(await start({ role: 'local', join }), told)
  t.regex(await start(settingsFromEnvironment({ DSTORE_JOIN: global.address })), told)
  writeFileSync(directory.config, JSON.stringify({ role: 'local', join }))
  t.regex(await start({}), told)
  t.is(await start({ withoutData: true }), 'internal opened')
  const consent = { DSTORE_WITHOUT_DATA: '1' }
  t.is(await start(settingsFromEnvironment(consent)), 'internal opened')
  writeFileSync(directory.config, JSON.stringify({ role: 'local', join, withoutData: true }))
  t.is(await start({}), 'internal opened')
  t.regex(
    await start({ role: 'standalone', withoutData: true }),
    /^usage .*--without-data is for a Local/,
  )

  const options = { role: 'local', dir: place.state, join: global.address } as const
  const refusal = asDstoreError(await createNode(options).catch((thrown: unknown) => thrown))
  t.is(refusal.code, 'conflict')
  t.regex(refusal.hint!, /withoutData: true/)
  // A Local that ran here since, before there was this rule, goes on.
  writeFileSync(directory.config, JSON.stringify({ role: 'local', join }))
  writeFileSync(`${place.state}/global.json`, '{}')
  t.is(await start({}), 'internal opened')
  // But not after the store was served again.
  await fill(place.state, [])
  t.regex(await start({}), told)

  // An empty store stops nobody, and a store that cannot be read does.
  const empty = new Place(t)
  await fill(empty.state, [])
  const of = (one: Place): object => ({ directory: stateDirectory(one.state) })
  t.is(await start({ role: 'local', join }, of(empty)), 'internal opened')
  writeFileSync(`${empty.state}/store-v3/records/data.mdb`, 'no database')
  t.regex(await start({ role: 'local', join }, of(empty)), /^conflict .*not a database/)
  const members = await global.run(['members'])
  t.false(members.stdout.toString().includes(' away '), 'no ticket was shown')
})

test('R007-147 R007-153 R007-154 a Local says what it does not serve, and standalone serves it again', async (t) => {
  const place = await prepared(t, THREE)
  const joined = await place.run(['join', '--without-data', '@ticket'])
  t.is(joined.exit, 0, joined.stderr)
  t.like((await status(place)).inactiveStore, { values: 3, valueBytes: 3 * MIB + 18, names: 3 })
  const shown = (await place.run(['status'])).stdout.toString()
  t.regex(
    shown,
    /not served +3 values \(3.*MiB\) and 3 names of .*`dstore join --with-data` uploads/,
  )
  const listed = await place.run(['ls'])
  t.is(listed.stdout.toString(), '')
  t.regex(listed.stderr, /^not listed: 3 values .*join --with-data/)
  for (const [command, exit] of [
    ['get', 3],
    ['stat', 3],
    ['has', 1],
  ] as const) {
    const missed = await place.run([command, 'mine'])
    t.is(missed.exit, exit, missed.stderr)
    t.regex(missed.stderr, /a store in this directory has it.*join --with-data/, command)
  }
  t.notRegex((await place.run(['has', 'nobody'])).stderr, /with-data/)
  const program = await connect({ dir: place.state })
  await t.throwsAsync(program.dropInactive(), { code: 'conflict' })
  const events: InactiveUpload[] = []
  for await (const event of program.uploadInactive()) events.push(event)
  t.like(events.at(-1), { type: 'done', values: 3, names: 3, sentValues: 3 })
  await program.close()
  await stop(place)
  t.is((await place.run(['start', '--standalone'])).exit, 0)
  t.is((await place.run(['get', 'mine'])).stdout.toString(), 'mine')
  const running = await place.run(['join', '--with-data', '@ticket'])
  t.is(running.exit, 1)
  t.regex(
    running.stderr,
    /a standalone node is running here; it has 3 values.*\nhint: run `dstore stop`/,
  )
  await stop(place)
  t.is((await place.run(['join', '@ticket'])).exit, 9)
})

test('R007-148 R007-151 R007-152 join --with-data uploads, verifies, and deletes only when asked', async (t) => {
  const global = await theGlobal()
  const place = await prepared(t, [
    ...named(
      'few',
      Array.from({ length: 40 }, (_, i) => 20 + i * 1000),
    ),
    [Buffer.from('a'), 'sold', 'own'],
  ])
  const theirs = new Place(t)
  writeFileSync(theirs.file('b'), 'b')
  await global.ask((client) => client.putBytes(theirBytes(), 1, { name: 'sold' }))
  const first = await place.run(['join', '--with-data', '--json', '@ticket'])
  t.is(first.exit, 8, first.stderr)
  const lines = jsonLines(first) as (UploadLine | StatusAnswer)[]
  t.like(lines[0], { role: 'local' })
  t.like(lines[1], { event: 'refused', name: 'sold' })
  t.like(lines[2], { event: 'done', values: 41, sentValues: 41, names: 41, missingNames: 1 })
  const again = await place.run(['join', '--with-data'])
  t.is(again.exit, 8)
  t.regex(
    again.stdout.toString(),
    /^dstore ready local .*\nsold not bound: the name sold is bound to/,
  )
  t.regex(
    again.stderr,
    /^verified at Global: 41 values \(.*\), 41 of 42 names; 0 sent \(0B\), 41 there before\n/,
  )
  t.regex(again.stderr, /\nNOT at Global: 0 values and 1 name/)
  const kept = await place.run(['join', '--drop-data'])
  t.is(kept.exit, 9)
  t.regex(kept.stderr, /^dstore: the store is kept: 0 of its values and 1 of its names are not at/)

  await global.ask((client) => client.unbind('sold'))
  const third = await place.run(['join', '--with-data', '@ticket'])
  t.is(third.exit, 0, third.stderr)
  t.regex(
    third.stderr,
    /41 values .*, 42 names; .*\nthe old copy is still .*`dstore join --drop-data`/,
  )
  const dropped = await place.run(['join', '--drop-data'])
  t.is(dropped.exit, 0, dropped.stderr)
  t.regex(dropped.stderr, /^deleted the old copy: 41 values \(.*\) and 42 names\n$/)
  t.false(existsSync(`${place.state}/store-v3`))
  t.is((await place.run(['join', '--drop-data'])).exit, 0)
  t.is((await place.run(['get', 'few/0'])).stdout.length, 20)
  t.is((await place.run(['join', '--drop-data', '--with-data'])).exit, 2)
  t.is((await place.run(['join', '--force', '@ticket'])).exit, 2)
  const other = await createNode({ role: 'global' })
  t.teardown(() => other.close())
  writeFileSync(place.file('other'), (await other.invite()).ticket)
  const elsewhere = await place.run(['join', '--with-data', '@other'])
  t.is(elsewhere.exit, 1)
  t.regex(elsewhere.stderr, /a Local of another Global is running here/)
})

async function* theirBytes(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('b')
}

test('R007-150 kill -9 of the command and of the Local, wherever it is, and join --with-data finishes', async (t) => {
  const sizes = [...Array.from({ length: 30 }, () => 5000), 8 * MIB, 8 * MIB, 8 * MIB]
  const place = await prepared(t, named('killed', sizes))
  // The same command each time: the Local may be killed before its settings are saved.
  const words = ['join', '--with-data', '@ticket']
  let isKilled = 0
  for (const [round, victim] of (['daemon', 'command', 'daemon'] as const).entries()) {
    const command = place.start(words)
    command.stdin!.end()
    const ended = outcome(command)
    const { socket } = stateDirectory(place.state)
    // Just after it serves, and after some bytes.
    let pid = 0
    await eventually(async () => {
      if (command.exitCode !== null) return true
      const client = await Client.connect(socket)
      if (client === undefined) return false
      const { daemon, traffic } = await client.status().finally(() => client.close())
      pid = daemon.pid
      return traffic.reduce((sum, one) => sum + one.valueBytesOut, 0) >= round * 3 * MIB
    })
    if (command.exitCode === null) isKilled++
    if (victim === 'command') command.kill('SIGKILL')
    else process.kill(pid, 'SIGKILL')
    const { exit, stdout, stderr } = await ended
    if (victim === 'daemon' && exit !== 0) {
      t.is(exit, 5, stderr)
      const isJoined = stdout.includes('dstore ready')
      if (isJoined) t.regex(stderr, /hint: `dstore join --with-data` continues/)
    }
  }
  t.true(isKilled > 0)
  const last = await place.run(words)
  t.is(last.exit, 0, last.stderr)
  t.regex(last.stderr, /verified at Global: 33 values \(.*\), 33 names; /)
  t.is((await place.run(['join', '--drop-data'])).exit, 0)
  t.deepEqual(
    readdirSync(place.state).filter((name) => name.includes('store-')),
    [],
  )
})

test('R007-150 Ctrl-C says how to continue, and a reader what it needs', async (t) => {
  const place = await prepared(t, named('stopped', [16 * MIB, 16 * MIB]), 'reader')
  const reader = await place.run(['join', '--with-data', '@ticket'])
  t.is(reader.exit, 6)
  t.regex(
    reader.stderr,
    /\(at Global so far: 0 of 2 values\)\nhint: an admin makes this node a writer/,
  )
  const global = await theGlobal()
  const { peerId } = await status(place)
  await global.ask((client) => client.admit(peerId!, 'writer'))
  const command = place.start(['join', '--with-data'])
  const ended = outcome(command)
  command.stdin!.end()
  await once(command.stdout!, 'data')
  command.kill('SIGINT')
  const { exit, stderr } = await ended
  if (exit !== 0) {
    t.is(exit, 130)
    t.regex(
      stderr,
      /^stopped; (at Global so far: \d of 2 values; )?`dstore join --with-data` continues\n$/,
    )
  }
  t.is((await place.run(['join', '--with-data', '-q'])).exit, 0)
})
