import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { checkJoinAddress, checkListenAddress } from '../../../src/daemon/config/addresses.ts'
import {
  formatHttpAddress,
  isLoopback,
  parseHttpAddress,
} from '../../../src/daemon/config/http-address.ts'
import { settingsFromFlags } from '../../../cli/node-flags.ts'
import { createLog } from '../../../src/daemon/process/log.ts'
import {
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
  parseTimeout,
} from '../../../src/daemon/config/quantities.ts'
import {
  mergeSettings,
  parsePort,
  readSettings,
  settingsFromEnvironment,
  resolveSettings,
  writeSettings,
} from '../../../src/daemon/config/settings.ts'
import type { Settings } from '../../../src/daemon/config/settings.ts'
import { CONFIG_FILE_BYTES, MIB, SOCKET_PATH_BYTES } from '../../../src/limits.ts'
import { socketAddress } from '../../../src/daemon/config/socket-address.ts'
import { findPlace } from '../../../src/daemon/config/socket-place.ts'
import { startDaemon } from '../../../src/daemon/process/daemon.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { SILENT } from '../../../src/log.ts'
import type { NodeOptions } from '../../../src/node/open.ts'
import { FakeNode } from '../fake-node.ts'
import { serving, temporaryDirectory } from '../serving.ts'

const GLOBAL = '/ip4/127.0.0.1/tcp/4480/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'

test('R007-6 a flag goes before a variable, that before the file', (t) => {
  const flags: Settings = { cacheBytes: 1 }
  const variables: Settings = { cacheBytes: 2, store: 'memory' }
  const file: Settings = { cacheBytes: 3, store: 'disk', maxBytes: 3 }
  t.deepEqual(resolveSettings(mergeSettings(flags, variables), file), {
    cacheBytes: 1,
    store: 'memory',
    maxBytes: 3,
  })
})

test('R007-6 a node that changes its role keeps only the settings of the new one', (t) => {
  const listen = ['/ip4/127.0.0.1/tcp/4480']
  t.deepEqual(resolveSettings({ role: 'global' }, { role: 'local', join: [GLOBAL] }), {
    role: 'global',
  })
  t.deepEqual(resolveSettings({ role: 'local', join: [GLOBAL] }, { role: 'global', listen }), {
    role: 'local',
    join: [GLOBAL],
  })
  t.deepEqual(resolveSettings({}, { role: 'global', listen }), { role: 'global', listen })
  t.deepEqual(resolveSettings({ listen }, { role: 'global' }), { role: 'global', listen })
  t.throws(() => resolveSettings({ listen }, {}), { code: 'usage' })
  t.throws(() => resolveSettings({ role: 'local' }, {}), { code: 'usage' })
})

test('R007-37 leases are for a Global, within bounds, and end by none', (t) => {
  const global: Settings = { role: 'global', leaseMs: 5000 }
  t.deepEqual(resolveSettings({ leaseMs: 0 }, global), { role: 'global', leaseMs: 0 })
  t.deepEqual(resolveSettings({ forgetAfterMs: 10_000 }, global), {
    ...global,
    forgetAfterMs: 10_000,
  })
  t.deepEqual(resolveSettings({ role: 'standalone' }, global), { role: 'standalone' })
  t.throws(() => resolveSettings({ forgetAfterMs: 9999 }, global), { code: 'usage' })
  t.throws(() => resolveSettings({ leaseMs: 5000 }, {}), { code: 'usage' })
  t.throws(() => resolveSettings({ forgetAfterMs: 5000 }, { role: 'local', join: [GLOBAL] }), {
    code: 'usage',
  })
  t.deepEqual(settingsFromEnvironment({ DSTORE_LEASE: '5s', DSTORE_FORGET_AFTER: '1h' }), {
    leaseMs: 5000,
    forgetAfterMs: 3_600_000,
  })
  t.deepEqual(settingsFromEnvironment({ DSTORE_LEASE: 'none' }), { leaseMs: 0 })
  for (const lease of ['2999ms', '8d', '0s', 'x']) {
    t.throws(() => settingsFromEnvironment({ DSTORE_LEASE: lease }), { code: 'usage' }, lease)
  }
})

test('R007-6 the address for TCP and the group of the socket are saved until new ones are given', (t) => {
  const kept: Settings = { http: '127.0.0.1:4481', httpPublic: true, socketGroup: 'staff' }
  t.deepEqual(resolveSettings({}, kept), kept)
  t.deepEqual(resolveSettings({ http: 'none' }, kept), { socketGroup: 'staff' })
  t.deepEqual(resolveSettings({ socketGroup: 'none' }, kept), { http: kept.http, httpPublic: true })
  // Who names an address and does not say that it is public does not get a public one.
  t.deepEqual(resolveSettings({ http: '4482' }, kept), { http: '4482', socketGroup: 'staff' })
  t.deepEqual(resolveSettings({ httpPublic: true }, { http: '4482' }), {
    http: '4482',
    httpPublic: true,
  })
  t.throws(() => resolveSettings({ httpPublic: true }, {}), { code: 'usage' })
  t.throws(() => resolveSettings({ httpPublic: true, http: 'none' }, kept), { code: 'usage' })
  t.deepEqual(
    settingsFromEnvironment({
      DSTORE_HTTP: '[::1]:4481',
      DSTORE_HTTP_PUBLIC: '1',
      DSTORE_SOCKET_GROUP: '20',
    }),
    { http: '[::1]:4481', httpPublic: true, socketGroup: '20' },
  )
})

test('an address for HTTP is a host and a port, or a port of this machine', (t) => {
  const good: [text: string, host: string, port: number, loopback: boolean][] = [
    ['4481', '127.0.0.1', 4481, true],
    [':0', '127.0.0.1', 0, true],
    ['127.9.9.9:65535', '127.9.9.9', 65_535, true],
    ['localhost:1', 'localhost', 1, true],
    ['[::1]:1', '::1', 1, true],
    ['0.0.0.0:1', '0.0.0.0', 1, false],
    ['[::]:1', '::', 1, false],
    ['build-1.example:1', 'build-1.example', 1, false],
    // A name is not an address, whatever it looks like.
    ['127.0.0.1.evil.example:1', '127.0.0.1.evil.example', 1, false],
  ]
  for (const [text, host, port, loopback] of good) {
    const address = parseHttpAddress(text)
    t.deepEqual(address, { host, port })
    t.is(isLoopback(address), loopback, text)
    t.deepEqual(parseHttpAddress(formatHttpAddress(address)), address)
  }
  for (const bad of ['', ':', 'x', '1:', '65536', '::1:80', '[1.2.3.4]:1', '[]:1', 'a b:1', '-1']) {
    t.throws(() => parseHttpAddress(bad), { code: 'malformed-address' }, bad)
  }
})

test('R007-6 a daemon saves the settings it started with, and none that it could not start with', async (t) => {
  const { daemon, directory } = await serving(t, { cacheBytes: 5 })
  t.deepEqual(readSettings(directory.config), { cacheBytes: 5 })
  await daemon.close()
  const again = await serving(t, { maxBytes: 7 * MIB }, directory)
  t.deepEqual(readSettings(directory.config), { cacheBytes: 5, maxBytes: 7 * MIB })
  await again.daemon.close()
  const file = join(temporaryDirectory(t), 'file')
  writeFileSync(file, '')
  await t.throwsAsync(serving(t, { listen: ['/ip4/127.0.0.1/tcp/1'] }, directory), {
    code: 'usage',
  })
  t.deepEqual(readSettings(directory.config), { cacheBytes: 5, maxBytes: 7 * MIB })
})

test('R007-6 the socket is that of the flag, else of the variable, else of the file', (t) => {
  const dir = temporaryDirectory(t)
  const variable = { DSTORE_SOCKET: '/variable' }
  t.is(findPlace(dir, undefined, {}).socket, join(dir, 'dstore.sock'))
  writeSettings(join(dir, 'config.json'), { socket: '/file' })
  t.is(findPlace(dir, undefined, {}).socket, '/file')
  t.is(findPlace(dir, undefined, variable).socket, '/variable')
  t.is(findPlace(dir, '/flag', variable).socket, '/flag')
})

test('R007-5 a path that just fits is the address of the socket, a longer one is not', (t) => {
  const folder = temporaryDirectory(t)
  const path = join(folder, 's'.repeat(SOCKET_PATH_BYTES - folder.length - 1))
  t.is(path.length, SOCKET_PATH_BYTES)
  for (const [wanted, isSame] of [
    [path, true],
    [`${path}s`, false],
  ] as const) {
    const address = socketAddress(wanted)
    t.is(address.path === wanted, isSame)
    address.release()
  }
})

test('R007-458 a quota without room for a value is refused, wherever it is given', (t) => {
  const dir = temporaryDirectory(t)
  const tooSmall = { code: 'usage', message: /--max-size: a store of .+ is too small/ }
  for (const size of ['0', '0GiB', '10', '1023KiB']) {
    t.throws(() => settingsFromFlags({ 'max-size': size }), tooSmall, size)
    t.throws(() => settingsFromEnvironment({ DSTORE_MAX_SIZE: size }), tooSmall, size)
  }
  const path = join(dir, 'config.json')
  for (const maxBytes of [0, MIB - 1]) {
    writeFileSync(path, JSON.stringify({ maxBytes }))
    t.throws(() => readSettings(path), tooSmall)
  }
  t.deepEqual(settingsFromFlags({ 'max-size': '1MiB' }), { maxBytes: MIB })
  t.is(settingsFromEnvironment({ DSTORE_MAX_SIZE: '1MiB' }).maxBytes, MIB)
})

test('R007-6 a node is opened with the settings of its daemon', async (t) => {
  const opened: NodeOptions[] = []
  const settings: Settings = {
    role: 'global',
    listen: ['/ip4/127.0.0.1/tcp/1'],
    lanePort: 9,
    store: 'memory',
    cacheBytes: 1,
    maxBytes: 2,
    leaseMs: 5000,
    forgetAfterMs: 10_000,
  }
  const directory = stateDirectory(temporaryDirectory(t))
  const openNode = (options: NodeOptions): Promise<FakeNode> => {
    opened.push(options)
    return Promise.resolve(new FakeNode())
  }
  const daemon = await startDaemon({ directory, settings, log: SILENT, openNode })
  t.teardown(() => daemon.close())
  const [{ held, ...options }] = opened as [NodeOptions]
  t.deepEqual(options, {
    ...settings,
    role: 'global',
    hostName: hostname(),
    dir: directory.path,
    log: SILENT,
  } as const)
  t.truthy(held)
})

test('R007-122 the port of lanes is a port, of a node that listens, and another than its own', (t) => {
  t.deepEqual(['0', '1', '65535'].map(parsePort), [0, 1, 65_535])
  for (const bad of ['', '-1', '65536', '1.5', ' 1', '0x10', 'none', '123456']) {
    t.throws(() => parsePort(bad), { code: 'usage' }, bad)
    if (bad === '') continue
    t.throws(() => settingsFromEnvironment({ DSTORE_LANE_PORT: bad }), { code: 'usage' })
  }
  const listen = ['/ip4/127.0.0.1/tcp/4480']
  const global: Settings = { role: 'global', listen, lanePort: 4490 }
  t.deepEqual(resolveSettings({}, global), global)
  t.deepEqual(resolveSettings({ lanePort: 0 }, global), { ...global, lanePort: 0 })
  t.deepEqual(resolveSettings({ role: 'global', lanePort: 1 }, {}), { role: 'global', lanePort: 1 })
  const local: Settings = { role: 'local', join: [GLOBAL] }
  t.deepEqual(resolveSettings(local, global), local, 'another role forgets it')
  t.deepEqual(resolveSettings({ listen, lanePort: 1 }, local), { ...local, listen, lanePort: 1 })
  t.throws(() => resolveSettings({ lanePort: 1 }, local), { code: 'usage' })
  t.throws(() => resolveSettings({ lanePort: 1 }, {}), { code: 'usage' })
  t.throws(() => resolveSettings({ lanePort: 4480 }, global), { code: 'usage' })
})

test('R007-122 the default port of lanes leaves the API its port', async (t) => {
  const opened: NodeOptions[] = []
  const directory = stateDirectory(temporaryDirectory(t))
  const openNode = (options: NodeOptions): Promise<FakeNode> => {
    opened.push(options)
    return Promise.resolve(new FakeNode())
  }
  const settings: Settings = { role: 'global', http: '127.0.0.1:0' }
  const daemon = await startDaemon({ directory, settings, log: SILENT, openNode })
  t.teardown(() => daemon.close())
  t.deepEqual(
    opened.map(({ reservedPorts }) => reservedPorts),
    [[0]],
  )
})

test('R007-37 R004-64 --trust-clock is for one start of a node that keeps the index', async (t) => {
  const opened: NodeOptions[] = []
  const openNode = (options: NodeOptions): Promise<FakeNode> => {
    opened.push(options)
    return Promise.resolve(new FakeNode())
  }
  const directory = stateDirectory(temporaryDirectory(t))
  for (const trustClock of [true, false]) {
    const settings: Settings = { role: 'global' }
    const rest = { log: SILENT, openNode, trustClock }
    const daemon = await startDaemon({ directory, settings, ...rest })
    await daemon.close()
  }
  t.deepEqual(
    opened.map(({ trustClock = false }) => trustClock),
    [true, false],
  )
  t.false(readFileSync(directory.config, 'utf8').includes('trust'), 'it is not saved')
  const settings: Settings = { role: 'local', join: [GLOBAL] }
  const atLocal = startDaemon({ directory, settings, log: SILENT, openNode, trustClock: true })
  await t.throwsAsync(atLocal, { code: 'usage', message: /--trust-clock/ })
  t.is(opened.length, 2)
})

test('R007-6 variables are read as flags are', (t) => {
  t.deepEqual(settingsFromEnvironment({}), {})
  t.deepEqual(settingsFromEnvironment({ DSTORE_CACHE: '', DSTORE_JOIN: '' }), {})
  t.deepEqual(
    settingsFromEnvironment({ DSTORE_JOIN: GLOBAL, DSTORE_CACHE: '64MiB', DSTORE_MAX_SIZE: '1GB' }),
    { role: 'local', join: [GLOBAL], cacheBytes: 64 * 2 ** 20, maxBytes: 1e9 },
  )
  t.deepEqual(
    settingsFromEnvironment({
      DSTORE_GLOBAL: '1',
      DSTORE_LISTEN: '/ip4/127.0.0.1/tcp/1,/ip6/::1/tcp/2',
      DSTORE_LANE_PORT: '4482',
      DSTORE_STORE: 'memory',
    }),
    {
      role: 'global',
      listen: ['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/2'],
      lanePort: 4482,
      store: 'memory',
    },
  )
  t.throws(() => settingsFromEnvironment({ DSTORE_STORE: 'tape' }), { code: 'usage' })
  t.throws(() => settingsFromEnvironment({ DSTORE_GLOBAL: '1', DSTORE_JOIN: GLOBAL }), {
    code: 'usage',
  })
})

test('a configuration file that is not ours is said so, with its name', (t) => {
  const path = join(temporaryDirectory(t), 'config.json')
  t.deepEqual(readSettings(path), {})
  writeSettings(path, { role: 'global', store: 'memory' })
  t.deepEqual(readSettings(path), { role: 'global', store: 'memory' })
  writeFileSync(path, '{}'.padEnd(CONFIG_FILE_BYTES))
  t.deepEqual(readSettings(path), {})
  const bad = [
    '',
    '{',
    'null',
    '[]',
    '{"role":"boss"}',
    '{"cacheBytes":-1}',
    '{"cacheBytes":1.5}',
    '{"listen":"/ip4/127.0.0.1/tcp/1"}',
    '{"listen":["/ip4/0.0.0.256/tcp/1"]}',
    '{"lanePort":65536}',
    '{"lanePort":"4481"}',
    '{"join":"nowhere"}',
    '{"store":"tape"}',
    '{"sockets":"x"}',
    '{"__proto__":{"role":"global"}}',
    '{}'.padEnd(CONFIG_FILE_BYTES + 1),
  ]
  for (const text of bad) {
    writeFileSync(path, text)
    const error = t.throws(() => readSettings(path), { code: 'usage' }, text.slice(0, 40))
    t.true(error?.message.startsWith(path))
  }
})

test('R007-7 an IP address and a TCP port can be listened on', (t) => {
  for (const address of [
    '/ip4/127.0.0.1/tcp/0',
    '/ip4/0.0.0.0/tcp/65535',
    '/ip6/::1/tcp/4480',
    '/ip6/::/tcp/1',
    '/ip6/::ffff:127.0.0.1/tcp/1',
  ]) {
    t.is(checkListenAddress(address), address)
  }
  for (const address of [
    '',
    'localhost:1',
    '/ip4/127.0.0.1.example.com/tcp/1',
    '/ip4/1270.0.0.1/tcp/1',
    '/ip6/127.0.0.1/tcp/1',
    '/ip4/::1/tcp/1',
    '/ip4/127.0.0.1',
    '/ip4/127.0.0.1/tcp/65536',
    '/ip4/127.0.0.1/tcp/1/ws',
    '/dns4/localhost/tcp/1',
  ]) {
    t.throws(() => checkListenAddress(address), { code: 'malformed-address' }, address)
  }
})

test('R007-7 a Global is joined by an address with its peer id', (t) => {
  t.is(checkJoinAddress(GLOBAL), GLOBAL)
  for (const address of ['', 'nowhere', '/ip4/127.0.0.1/tcp/1', '/p2p/12D3KooW', `${GLOBAL}/x`]) {
    t.throws(() => checkJoinAddress(address), { code: 'malformed-address' }, address)
  }
})

test('sizes and durations are parsed to bytes and milliseconds', (t) => {
  t.is(parseSize('0'), 0)
  t.is(parseSize('4096'), 4096)
  t.is(parseSize('10GiB'), 10 * 2 ** 30)
  t.is(parseSize('1.5 kB'), 1500)
  t.is(parseDuration('500ms'), 500)
  t.is(parseDuration('1.5m'), 90_000)
  for (const text of ['', '-1', '1e3', '10G', '10gib', 'GiB', '1.GiB', '9007199254740993', ' 1']) {
    t.throws(() => parseSize(text), { code: 'usage' }, text)
  }
  for (const text of ['', '30', '0s', '0.1ms', '-5s', '5 minutes']) {
    t.throws(() => parseDuration(text), { code: 'usage' }, text)
    t.throws(() => parseTimeout(text), { code: 'usage' }, text)
  }
  t.is(parseTimeout('1d'), 86_400_000)
  const message = '86401s is longer than a day, the longest time-out'
  t.throws(() => parseTimeout('86401s'), { code: 'usage', message })
})

test('a size that is shown reads back as about the same', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (bytes) => {
      const back = parseSize(formatSize(bytes))
      t.true(Math.abs(back - bytes) <= bytes * 0.01)
    }),
  )
  t.is(formatSize(0), '0B')
  t.is(formatSize(1023), '1023B')
  t.is(formatSize(1024), '1KiB')
  t.is(formatSize(2 ** 50), '1024TiB')
  t.is(formatDuration(5000), '5s')
  t.is(formatDuration(1500), '1500ms')
  t.is(formatDuration(86_400_000), '1d')
})

test('a log line stays one line for any content', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (message, value) => {
      const lines: string[] = []
      const log = createLog(
        'info',
        (line) => lines.push(line),
        () => new Date(0),
      )
      log.info(message, { value, none: undefined })
      log.debug('not this one')
      t.is(lines.length, 1)
      t.is(lines[0]!.indexOf('\n'), lines[0]!.length - 1)
      t.true(lines[0]!.startsWith('1970-01-01T00:00:00.000Z info '))
      // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
      t.notRegex(lines[0]!.slice(0, -1), /[\u0000-\u001f\u007f-\u009f]/)
    }),
  )
})

test('R007-111 settings that are as they were saved are not written, whatever their order', (t) => {
  const { config } = stateDirectory(temporaryDirectory(t))
  writeFileSync(config, '{"cacheBytes":1,"role":"standalone"}')
  const before = statSync(config)
  writeSettings(config, { role: 'standalone', cacheBytes: 1 })
  t.is(statSync(config).ino, before.ino)
  writeSettings(config, { role: 'standalone', cacheBytes: 2 })
  t.deepEqual(readSettings(config), { role: 'standalone', cacheBytes: 2 })
  rmSync(config)
  writeSettings(config, {})
  t.deepEqual(readSettings(config), {})
  t.true(existsSync(config))
})

test('R007-111 settings that cannot be saved leave the old ones, and nothing beside them', (t) => {
  const { config, path } = stateDirectory(temporaryDirectory(t))
  writeSettings(config, { cacheBytes: 1 })
  mkdirSync(`${config}.new`)
  writeFileSync(join(`${config}.new`, 'x'), '')
  t.throws(() => writeSettings(config, { cacheBytes: 2 }), { code: 'unwritable' })
  t.deepEqual(readSettings(config), { cacheBytes: 1 })
  rmSync(`${config}.new`, { recursive: true })
  mkdirSync(join(path, 'folder'))
  t.throws(() => writeSettings(join(path, 'folder'), {}), { code: 'unreadable' })
  t.deepEqual(readdirSync(path).toSorted(), ['config.json', 'folder'])
})
