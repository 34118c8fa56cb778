import { test } from '../serial.ts'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { config } from '../../cli/commands/node/config.ts'
import { SETTINGS, variableOf } from '../../cli/commands/node/settings-table.ts'
import { FLAGS, NODE_FLAGS } from '../../cli/flags.ts'
import { takeLock } from '../../src/daemon/process/lock.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import { serving } from '../daemon/serving.ts'
import { Place } from './command.ts'

const spec = readFileSync('specs/007-daemon-and-command-line.md', 'utf8')

test('R007-453 the table has every setting of the spec, with its variable', (t) => {
  const rows = [...spec.matchAll(/^\| `(\w+)` +\| `(?:--([\w-]+))?.*?\| `(DSTORE_\w+)/gm)]
  t.true(rows.length > 25)
  const keys = Object.values(SETTINGS).map(({ key }) => key as string)
  t.deepEqual(keys.toSorted(), rows.map(([, key]) => key!).toSorted())
  for (const [, key, flag, variable] of rows) {
    if (key === 'role') continue
    t.is(SETTINGS[flag!]!.key, key as never, flag)
    t.is(variableOf(flag!, {}), variable!)
    t.true(Object.hasOwn(FLAGS, flag!))
  }
})

test('R007-453 every flag of a node is a setting, or for one start', (t) => {
  const once = ['global', 'standalone', 'take-over', 'trust-clock', 'log-level']
  const flags = NODE_FLAGS.filter((flag) => !Object.hasOwn(SETTINGS, flag))
  t.deepEqual(flags.toSorted(), once.toSorted())
})

test('R007-453 config shows where each setting comes from, and changes the saved ones', async (t) => {
  const place = new Place(t)
  const run = async (args: string, env = {}): Promise<string> => {
    const { stdout, stderr, exit } = await place.run(['config', ...args.split(' ')], { env })
    t.is(exit, 0, stderr)
    return stdout.toString().trimEnd()
  }
  const file = join(place.state, 'config.json')
  t.is(await run('get lease'), 'none')
  t.false(existsSync(place.state), 'only `set` makes the directory')
  await run('set cache 64MiB')
  t.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { cacheBytes: 2 ** 26 })
  const shown = await run('show', { DSTORE_MAX_SIZE: '1GiB' })
  t.regex(shown, /^cache +64MiB {2}\(config\.json\)$/m)
  t.regex(shown, /^max-size +1GiB {2}\(DSTORE_MAX_SIZE\)$/m)
  t.regex(shown, /^store +disk {2}\(default\)$/m)
  await run('set role global')
  await run('set lease 30s')
  t.is(await run('get lease'), '30s')
  t.is(
    await run('get cache --json'),
    JSON.stringify({
      setting: 'cache',
      value: 2 ** 26,
      text: '64MiB',
      source: 'config.json',
    }),
  )
  await run('unset cache')
  t.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { role: 'global', leaseMs: 30_000 })
  await run('set listen /ip4/127.0.0.1/tcp/4480')
  await run('unset role')
  t.is(readFileSync(file, 'utf8'), '{}\n', 'a standalone node opens no port')
})

test('R007-453 what a start refuses is refused, and the file stays as it was', async (t) => {
  const place = new Place(t)
  mkdirSync(place.state, { mode: 0o700 })
  const file = join(place.state, 'config.json')
  writeFileSync(file, '{ "store": "disk" }')
  const refused: readonly (readonly [args: string, message: RegExp])[] = [
    ['set cache much', /not a size: much/],
    ['set lease 5s', /--lease and --forget-after are for a Global/],
    ['set archive-ack no', /archive-ack is yes/],
    ['set role local', /role is standalone or global/],
    ['set store disk memory', /store takes one value/],
    ['set max-sise 1GiB', /no such setting: max-sise/],
    ['set toString 1', /no such setting/],
    ['set cache', /config takes/],
    ['show cache', /config takes/],
  ]
  for (const [args, message] of refused) {
    const call = { positionals: args.split(' '), flags: { dir: place.state } } as never
    await t.throwsAsync(config(call), { code: 'usage', message }, args)
  }
  t.is(readFileSync(file, 'utf8'), '{ "store": "disk" }')
  t.deepEqual(readdirSync(place.state), ['config.json'])
})

test('R007-453 R007-30 a running node keeps its socket, or stop would not find it', async (t) => {
  const { directory } = await serving(t)
  const place = new Place(t, directory.path)
  await place.run(['config', 'set', 'cache', '64MiB'])
  const same = await place.run(['config', 'set', 'cache', '64MiB'])
  t.is(same.stderr, '', 'nothing has changed')
  const { exit, stderr } = await place.run(['config', 'set', 'socket', '/tmp/elsewhere'])
  t.is(exit, 1)
  t.regex(stderr, /cannot move to another socket\nhint: run `dstore stop` first/)
  t.deepEqual(JSON.parse(readFileSync(directory.config, 'utf8')), { cacheBytes: 2 ** 26 })
})

test('R007-30 stop succeeds only if no daemon has the directory, whatever its socket', async (t) => {
  const place = new Place(t)
  t.is((await place.run(['stop'])).exit, 0)
  t.false(existsSync(place.state))
  mkdirSync(place.state, { mode: 0o700 })
  const lock = takeLock(stateDirectory(place.state).lock)
  const { exit, stderr } = await place.run(['stop'])
  t.is(exit, 1)
  t.regex(stderr, /a daemon is running .*: process \d+, since .*\nhint: it does not serve /)
  t.is((await place.run(['stop', '--socket', place.file('other.sock')])).exit, 0)
  lock.release()
  const idle = await place.run(['stop'])
  t.is(idle.exit, 0)
  t.is(idle.stderr, 'no daemon is running\n')
})

test('R007-453 a node that runs is told of, and one that starts is waited for', async (t) => {
  const { directory } = await serving(t)
  const running = new Place(t, directory.path)
  const told = await running.run(['config', 'set', 'cache', '64MiB'])
  t.is(told.exit, 0)
  t.regex(told.stderr, /^the running node does not use it yet/)

  const place = new Place(t)
  mkdirSync(place.state, { mode: 0o700 })
  const lock = takeLock(stateDirectory(place.state).lock)
  t.teardown(() => lock.release())
  const { exit, stderr } = await place.run(['config', 'set', 'cache', '64MiB'])
  t.is(exit, 1)
  t.regex(stderr, /a daemon is starting or stopping here/)
  t.false(existsSync(join(place.state, 'config.json')))
})
