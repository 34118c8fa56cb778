/** What `dstore doctor` reads of the system, and what it meets at addresses. */
import { test } from '../serial.ts'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { bounded } from '../../cli/doctor/bounded.ts'
import { lookAtDirectory, lookAtDisk } from '../../cli/doctor/gather-directory.ts'
import { savedAddresses } from '../../cli/doctor/gather-global.ts'
import { lookAtCertificate } from '../../cli/doctor/gather-settings.ts'
import { lookAtDescriptors, memoryLimit } from '../../cli/doctor/gather-system.ts'
import { DstoreError } from '../../src/errors.ts'
import { newIdentity, peerIdOf } from '../../src/network/identity.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import { probePeer, probeTcp } from '../../src/network/probe.ts'

function temporary(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'dstore-doctor-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

/** Files below a folder, by path. */
function tree(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
  const root = temporary(t)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const MIB = 2 ** 20

test('R007-140 the lowest limit of a control group and those above it counts, in version 2 and 1', async (t) => {
  const limitOf = (files: Readonly<Record<string, string>>): Promise<number | undefined> => {
    const root = tree(t, files)
    return memoryLimit(5, join(root, 'proc'), join(root, 'cgroup'))
  }
  const two = { 'proc/5/cgroup': '0::/a.slice/b.service\n', 'cgroup/x': '' }
  const own = { 'cgroup/a.slice/b.service/memory.max': `${300 * MIB}\n` }
  t.is(await limitOf({ ...two, ...own }), 300 * MIB)
  t.is(await limitOf({ ...two, ...own, 'cgroup/a.slice/memory.max': `${200 * MIB}\n` }), 200 * MIB)
  t.is(await limitOf({ ...two, ...own, 'cgroup/a.slice/memory.max': 'max\n' }), 300 * MIB)
  t.is(await limitOf({ ...two, 'cgroup/a.slice/b.service/memory.max': 'max\n' }), undefined)
  // In a container the path is that of its root.
  const inside = { 'proc/5/cgroup': '0::/\n', 'cgroup/memory.max': `${64 * MIB}\n` }
  t.is(await limitOf(inside), 64 * MIB)
  const one = { 'proc/5/cgroup': '7:cpu,cpuacct:/docker/c\n6:memory:/docker/c\n0::/\n' }
  const file = 'cgroup/memory/docker/c/memory.limit_in_bytes'
  t.is(await limitOf({ ...one, [file]: `${512 * MIB}\n` }), 512 * MIB)
  t.is(await limitOf({ ...one, [file]: '9223372036854771712\n' }), undefined)
  t.is(await limitOf({ 'other/file': '' }), undefined)
})

test('R007-141 the limit of open files of this process, and of one that is gone', async (t) => {
  const { soft, hard } = (await lookAtDescriptors())!
  t.true(soft > 0 && hard >= soft)
  t.is(await lookAtDescriptors(2 ** 22 + 1), undefined)
})

test('R007-134 R007-139 a directory and its disk are looked at, there or not', async (t) => {
  const root = tree(t, { 'config.json': '{}', 'store-v3/journal/1.spare': '' })
  const found = await lookAtDirectory(root)
  t.like(found, { state: 'there', uid: process.getuid!(), mode: 0o700, unwritable: undefined })
  t.deepEqual(
    found.state === 'there' && found.entries.map(({ name }) => name).toSorted(),
    ['config.json', 'store-v3', 'store-v3/journal', 'store-v3/journal/1.spare'],
    'what another user left anywhere keeps a daemon from starting',
  )
  t.deepEqual(await lookAtDirectory(join(root, 'none')), { state: 'missing' })
  const file = join(root, 'config.json')
  for (const path of [file, join(file, 'x'), join(file, 'x', 'y')]) {
    t.deepEqual(await lookAtDirectory(path), { state: 'no directory', file })
  }
  const disk = await lookAtDisk(root)
  t.true(disk.freeBytes > 0 && disk.totalBytes >= disk.freeBytes)
  t.is((await lookAtDisk(join(root, 'none', 'below'))).totalBytes, disk.totalBytes)
})

test('R007-136 a stopped Local tries what was given and what it learned', async (t) => {
  const peer = peerIdOf(await newIdentity())
  const given = [`/ip4/10.0.0.1/tcp/1/p2p/${peer}`]
  const named = ['/ip4/10.0.0.2/tcp/2']
  const root = tree(t, { 'global.json': JSON.stringify({ given, named, last: named[0] }) })
  const learned = `/ip4/10.0.0.2/tcp/2/p2p/${peer}`
  t.deepEqual(await savedAddresses(root, { join: given }), [learned, ...given])
  // It was told another Global since.
  const others = [`/ip4/10.0.0.9/tcp/1/p2p/${peer}`]
  t.deepEqual(await savedAddresses(root, { join: others }), others)
  writeFileSync(join(root, 'global.json'), '{')
  t.deepEqual(await savedAddresses(root, { join: given }), given)
  t.deepEqual(await savedAddresses(root, {}), [])
})

test('R007-130 R007-133 a part that hangs or fails is a reason, and Ctrl-C ends it', async (t) => {
  const stop = new AbortController()
  const seen: string[] = []
  const onPart = (what: string, isOver: boolean): void => void seen.push(`${what} ${isOver}`)
  const bounds = { timeoutMs: 20, signal: stop.signal, onPart }
  const hangs = (): Promise<never> => new Promise(() => undefined)
  t.deepEqual(await bounded('it', bounds, hangs), { why: 'it took longer than 20ms' })
  t.deepEqual(seen, ['it false', 'it true'])
  const fails = (): Promise<never> => Promise.reject(new Error('broken\nat x'))
  t.deepEqual(await bounded('it', bounds, fails), { why: 'broken' })
  t.deepEqual(await bounded('it', bounds, () => Promise.resolve(1)), { value: 1 })
  const waiting = bounded('it', { ...bounds, timeoutMs: 60_000 }, hangs)
  const reason = new DstoreError('cancelled', 'Ctrl-C')
  stop.abort(reason)
  t.is(await t.throwsAsync(waiting), reason)
})

test('R007-136 R007-137 what is met at an address', async (t) => {
  const { signal } = new AbortController()
  const options = { signal, timeoutMs: 20_000 }
  const identity = await newIdentity()
  const node = await createNetwork({ identity, listen: ['/ip4/127.0.0.1/tcp/0'] })
  t.teardown(() => node.close())
  const [address] = node.addresses() as [string]
  const port = Number(/tcp\/(\d+)/.exec(address)![1])
  const talks = net.createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end('220 some other service\r\n')
  })
  talks.listen(0, '127.0.0.1')
  await once(talks, 'listening')
  t.teardown(() => talks.close())
  const { port: other } = talks.address() as net.AddressInfo
  const stranger = peerIdOf(await newIdentity())
  const tried = await probePeer(
    [
      address,
      `/dns4/localhost/tcp/${port}/p2p/${peerIdOf(identity)}`,
      `/ip4/127.0.0.1/tcp/${other}/p2p/${stranger}`,
      `/ip4/127.0.0.1/tcp/1/p2p/${stranger}`,
      `/dns4/no-such-host.invalid/tcp/1/p2p/${stranger}`,
    ],
    options,
  )
  const outcomes = tried.map(({ outcome }) => outcome)
  t.is(outcomes[0], 'reached')
  // Where the system has no resolver, no name is known.
  t.true(['reached', 'no-host'].includes(outcomes[1]!), outcomes[1])
  t.deepEqual(outcomes.slice(2, 4), ['stranger', 'refused'])
  t.true(['no-host', 'late'].includes(outcomes[4]!), outcomes[4])
  const [impostor] = await probePeer([address.replace(/[^/]+$/, stranger)], options)
  t.is(impostor!.outcome, 'other-peer')
  t.is(await probeTcp('127.0.0.1', port, options), 'open')
  const mute = net.createServer((socket) => t.teardown(() => socket.destroy()))
  mute.listen(0, '127.0.0.1')
  await once(mute, 'listening')
  t.teardown(() => mute.close())
  const silent = `/ip4/127.0.0.1/tcp/${(mute.address() as net.AddressInfo).port}/p2p/${stranger}`
  const [silence] = await probePeer([silent], { signal, timeoutMs: 300 })
  t.is(silence!.outcome, 'mute')
  const stop = new AbortController()
  const waits = probePeer([silent], { signal: stop.signal, timeoutMs: 60_000 })
  stop.abort(new DstoreError('cancelled', 'Ctrl-C'))
  t.is((await t.throwsAsync(waits)).message, 'Ctrl-C')
})

test('R007-143 doctor reads the certificate and its key as a start does', async (t) => {
  const root = temporary(t)
  const [path, key] = [join(root, 'cert.pem'), join(root, 'key.pem')]
  await t.throwsAsync(lookAtCertificate(path, key), { code: 'unreadable', message: /no such file/ })
  copyFileSync('test/fixtures/tls/first.cert.pem', path)
  copyFileSync('test/fixtures/tls/second.key.pem', key)
  chmodSync(key, 0o600)
  await t.throwsAsync(lookAtCertificate(path, key), { code: 'unreadable', message: /do not fit/ })
  copyFileSync('test/fixtures/tls/first.key.pem', key)
  chmodSync(key, 0o600)
  const { validTo, isExpired } = await lookAtCertificate(path, key)
  t.is(isExpired, validTo.getTime() <= Date.now())
  t.false(Number.isNaN(validTo.getTime()))
  await t.throwsAsync(lookAtCertificate(root, key), { message: /is not a regular file/ })
})
