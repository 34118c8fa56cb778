import { test } from '../serial.ts'
import { existsSync } from 'node:fs'
import { inspect } from 'node:util'
import { join } from 'node:path'
import { connect, createNode } from '../../src/dstore.ts'
import type { DstoreError, NodeOptions } from '../../src/dstore.ts'
import { startDaemon } from '../../src/daemon/process/daemon.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import { once } from '../../src/bytes.ts'
import { parseKey } from '../../src/hash/key.ts'
import { FoundValue } from '../../src/library/value.ts'
import { SILENT } from '../../src/log.ts'
import { openNode } from '../../src/node/open.ts'
import { eventually } from '../eventually.ts'
import { temporaryDirectory } from '../daemon/serving.ts'
import { all } from './conformance-samples.ts'

test('a directory keeps its values until it is opened again', async (t) => {
  const dir = join(temporaryDirectory(t), 'made', 'for', 'it')
  const first = await createNode({ dir })
  const { key } = await first.put('kept', { name: 'a' })
  t.is((await first.status()).store?.durable, true)
  await first.close()
  const second = await createNode({ dir })
  t.teardown(() => second.close())
  t.is(await (await second.get('a')).text(), 'kept')
  t.is((await second.get(key)).size, 4)
})

test('a directory is held by one at a time, node or daemon', async (t) => {
  const dir = temporaryDirectory(t)
  const node = await createNode({ dir })
  await t.throwsAsync(createNode({ dir }), { code: 'locked' })
  const directory = stateDirectory(dir)
  const options = { directory, settings: {}, log: SILENT, openNode }
  await t.throwsAsync(startDaemon(options), { code: 'locked' })
  await node.close()
  const daemon = await startDaemon(options)
  t.teardown(() => daemon.close())
  await t.throwsAsync(createNode({ dir }), { code: 'locked' })
})

test('a node that cannot be opened releases its directory', async (t) => {
  const dir = temporaryDirectory(t)
  const join = '/ip4/127.0.0.1/tcp/1/p2p/nobody'
  await t.throwsAsync(createNode({ dir, role: 'local', join }), { code: 'malformed-address' })
  const taken = await createNode({ role: 'global' })
  t.teardown(() => taken.close())
  const listen = (await taken.status()).listen.map((one) => one.replace(/\/p2p\/.*/, ''))
  await t.throwsAsync(createNode({ dir, role: 'global', listen }), { code: 'address-in-use' })
  await (await createNode({ dir })).close()
})

test('mistakes in the options of a node', async (t) => {
  const wrong: [options: unknown, instanceOf: typeof TypeError | typeof RangeError][] = [
    [{ role: 'king' }, TypeError],
    [{ role: 'local' }, TypeError],
    [{ role: 'global', listen: 7 }, TypeError],
    [{ dir: 3 }, TypeError],
    [{ maxBytes: -1 }, RangeError],
    [{ role: 'global', leaseMs: 0.5 }, RangeError],
  ]
  for (const [options, instanceOf] of wrong) {
    await t.throwsAsync(createNode(options as NodeOptions), { instanceOf }, JSON.stringify(options))
  }
  const dir = join(temporaryDirectory(t), 'new')
  const options: NodeOptions = { dir, role: 'global', listen: ['nowhere'] }
  await t.throwsAsync(createNode(options), { code: 'malformed-address' })
  t.false(existsSync(dir), 'nothing is made for a mistake')
})

test('two Locals of a Global share values, names and removals', async (t) => {
  const global = await createNode({ role: 'global' })
  t.teardown(() => global.close())
  const { ticket } = await global.invite({ role: 'admin', uses: 2 })
  const a = await createNode({ role: 'local', ticket })
  t.teardown(() => a.close())
  const b = await createNode({ role: 'local', ticket, cacheBytes: 1 << 20 })
  t.teardown(() => b.close())
  const { key } = await a.put('from a', { name: 'shared' })
  t.is(await (await b.get('shared')).text(), 'from a')
  const { acknowledged } = await a.remove(key, { force: true })
  t.is(acknowledged.length, 2)
  t.false(await b.has(key))
})

test('a Local whose Global is away serves the values that it holds, and reports them as unconfirmed', async (t) => {
  const global = await createNode({ role: 'global' })
  const { ticket } = await global.invite()
  const local = await createNode({ role: 'local', ticket })
  t.teardown(() => local.close())
  const { key } = await local.put('held')
  const absent = '0'.repeat(64)
  await global.close()
  await eventually(async () => (await local.status()).global?.state === 'away')
  t.is(await (await local.get(key)).text(), 'held')
  t.deepEqual(await local.hasMany([key, key]), [true, true])
  t.false((await local.stat(key))!.confirmed)
  await t.throwsAsync(local.has(absent), { code: 'unreachable' })
  await t.throwsAsync(local.hasMany([key, absent]), { code: 'unreachable' })
})

test('connecting without a daemon is an error that names the directory', async (t) => {
  const dir = temporaryDirectory(t)
  const error = await t.throwsAsync(connect({ dir }), { code: 'unreachable' })
  t.regex(error.message, new RegExp(dir))
  await t.throwsAsync(connect({ socket: join(dir, 'x.sock') }), { code: 'unreachable' })
})

test('a client has ended when its daemon has', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  const daemon = await startDaemon({ directory, settings: {}, log: SILENT, openNode })
  const client = await connect({ socket: directory.socket })
  t.teardown(() => client.close())
  await client.put('x')
  await daemon.close()
  await t.throwsAsync(client.put('y'), { code: 'unreachable' })
})

test('a value that ends early is an error, not a shorter value', async (t) => {
  const key = parseKey('0'.repeat(64))
  for (const size of [2, 4]) {
    const bytes = once(new Uint8Array(3))
    const value = new FoundValue({ key, size, range: { start: 0, end: size }, bytes }, {})
    await t.throwsAsync(all(value), { code: 'internal' })
  }
})

test('one signal for many calls at once', async (t) => {
  const node = await createNode()
  t.teardown(() => node.close())
  const { signal } = new AbortController()
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning)
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const puts = Array.from({ length: 50 }, (_, index) => node.put(`${index}`, { signal }))
  const keys = (await Promise.all(puts)).map(({ key }) => key)
  const texts = await Promise.all(keys.map(async (key) => (await node.get(key, { signal })).text()))
  t.deepEqual(texts.map(Number), [...keys.keys()])
  // Time for a warning that should not come.
  await new Promise((resolve) => setTimeout(resolve, 10))
  t.deepEqual(warnings, [])
})

test('R007-109: Node shows a node, a value and a fault in a line, and JSON has what tells them apart', async (t) => {
  const node = await createNode({})
  t.teardown(() => node.close())
  const { key } = await node.put('shown', { name: 'a' })
  const value = await node.get('a')
  const inLine = (shown: unknown): string => inspect(shown, { breakLength: Infinity })
  t.is(inLine(node), "Dstore { role: 'standalone' }")
  t.is(inLine([node]), "[ Dstore { role: 'standalone' } ]")
  t.is(JSON.stringify(node), '{"role":"standalone"}')
  const text = key.toString()
  t.is(inLine(value), `Value { key: Key(${text}), size: 5, range: { start: 0, end: 5 } }`)
  t.is(JSON.stringify(value), `{"key":"${text}","size":5,"range":{"start":0,"end":5}}`)
  t.is(await value.text(), 'shown')
  const fault = await t.throwsAsync(node.get('b'), { code: 'not-found' })
  t.deepEqual(JSON.parse(JSON.stringify(fault)), {
    name: 'DstoreError',
    code: 'not-found',
    message: 'no such name: b',
    hint: (fault as DstoreError).hint,
  })
  t.regex(inspect(fault), /^DstoreError: no such name: b\n/)
})
