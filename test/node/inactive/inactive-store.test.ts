/** The store of an earlier role at a Local: found, uploaded, deleted, and never changed before. */
import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile, stat, writeFile, chmod, mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { test } from '../../serial.ts'
import { DstoreError, asDstoreError } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { decodeKey, keyRow } from '../../../src/index/records/record.ts'
import { parseTicket } from '../../../src/membership/ticket.ts'
import type { InactiveUpload, Node, PutOptions } from '../../../src/node/node.ts'
import { Database } from '../../../src/store/disk/records/database.ts'
import { eventually } from '../../eventually.ts'
import { Nodes, once, read } from '../nodes.ts'

const MIB = 1 << 20
const HOUR = 3_600_000

/** A state directory whose node was standalone, with these values. */
async function served(
  nodes: Nodes,
  values: readonly (readonly [bytes: Uint8Array, ...names: string[]])[],
  role: 'standalone' | 'global' = 'standalone',
): Promise<{ readonly dir: string; readonly keys: readonly Key[] }> {
  const dir = await nodes.folder()
  const node = await nodes.open({ role, store: 'disk', dir })
  const put = async ([bytes, name, ...names]: (typeof values)[number]): Promise<Key> => {
    const source = { bytes: once(bytes), size: bytes.byteLength }
    const { key } = await node.put(source, name === undefined ? {} : { name })
    for (const other of names) await node.index.bind(other, key)
    return key
  }
  // At once: they share the syncs of the disk.
  const keys = await Promise.all(values.map(put))
  await node.close()
  return { dir, keys }
}

type Done = InactiveUpload & { type: 'done' }

/** Uploads to the end; the events without progress, and the summary. */
async function uploaded(local: Node): Promise<{ told: InactiveUpload[]; done: Done }> {
  const told: InactiveUpload[] = []
  let done: Done | undefined
  for await (const event of local.inactive!.upload()) {
    if (event.type === 'done') done = event
    else if (event.type !== 'progress') told.push(event)
  }
  return { told, done: done! }
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text)

async function fault(work: Promise<unknown>): Promise<DstoreError> {
  try {
    await work
  } catch (error) {
    return asDstoreError(error)
  }
  throw new Error('it did not fail')
}

/** Every file below a store, with its content and the time of its last write. */
async function snapshot(dir: string): Promise<string[]> {
  const root = join(dir, 'store-v3')
  const files: string[] = []
  for (const name of (await readdir(root, { recursive: true })).toSorted()) {
    // LMDB notes its readers there.
    if (name === 'records/lock.mdb') continue
    const stats = await stat(join(root, name))
    const content = stats.isFile()
      ? createHash('sha256').update(await readFile(join(root, name)))
      : ''
    const digest = content === '' ? '' : content.digest('hex')
    files.push(`${name} ${stats.mtimeMs} ${stats.mode} ${digest}`)
  }
  return files
}

/** Overwrites a byte in the file of the only large value. */
async function damage(dir: string, size: number): Promise<void> {
  const folder = join(dir, 'store-v3', 'values')
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const content = await readFile(path)
    if (content.byteLength < size || content.byteLength > size + size / 100) continue
    content[100_000]! ^= 1
    await chmod(path, 0o600)
    await writeFile(path, content)
    return
  }
  throw new Error('no such file')
}

test('R004-134: tags and expiring names are uploaded as what they are, and move nothing at Global', async (t) => {
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  const node = await nodes.open({ role: 'standalone', store: 'disk', dir })
  const kind = 'tag'
  const put = async (value: Uint8Array, name: string, naming: PutOptions['naming'] = {}) =>
    (await node.put({ bytes: once(value) }, { name, naming })).key
  const [small, large] = [bytesOf('small'), randomBytes(MIB)]
  await put(bytesOf('before'), 'tags/small', { kind, keepMs: 0 })
  const key = await put(small, 'tags/small', { kind })
  await put(large, 'tags/large', { kind, expiresMs: HOUR })
  await put(bytesOf('held'), 'tags/taken', { kind })
  await put(bytesOf('fixed'), 'fixed', { expiresMs: HOUR })
  await put(randomBytes(MIB), 'fixed/large', { expiresMs: 2 * HOUR })
  await put(bytesOf('over'), 'over', { expiresMs: 1 })
  await node.close()
  const global = await nodes.global()
  const other = await global.put(
    { bytes: once(bytesOf('other')) },
    { name: 'tags/taken', naming: { kind } },
  )
  const local = await nodes.local(global, { dir })
  const { told, done } = await uploaded(local)
  const refused = told.map((event) => (event.type === 'refused' ? event.name : event.type))
  t.deepEqual(new Set(refused), new Set(['over', 'tags/taken']))
  t.like(done, { missingValues: 0, missingNames: 1 })
  t.like(await global.index.lookup('tags/small'), { kind, key, expiresAt: undefined })
  const until = async (name: string): Promise<number> =>
    Date.parse((await global.index.lookup(name))!.expiresAt!) - Date.now()
  t.is((await global.index.lookup('tags/large'))?.kind, kind)
  for (const [name, ms] of [
    ['tags/large', HOUR],
    ['fixed', HOUR],
    ['fixed/large', 2 * HOUR],
  ] as const) {
    const left = await until(name)
    t.true(left > ms - 600_000 && left <= ms, name)
  }
  t.deepEqual((await global.index.lookup('tags/taken'))?.key, other.key, 'not moved')
  // Its only name holds it: the hold that brought it has ended.
  await global.index.unbind('tags/large')
  t.is(await global.index.stat(new Key(hash(large).digest)), undefined)
})

test('R007-149 R007-150 R005-59 values, names and the way they were put are uploaded; nothing changes', async (t) => {
  const nodes = new Nodes(t)
  const many: (readonly [Uint8Array, ...string[]])[] = Array.from({ length: 33 }, (_, i) =>
    i % 3 === 0 ? [bytesOf(`value ${i}`)] : [bytesOf(`value ${i}`), `many/${i}`],
  )
  const large = randomBytes(3 * MIB)
  const lost = randomBytes(2 * MIB)
  const { dir, keys } = await served(nodes, [
    [new Uint8Array(0), 'empty'],
    [large, 'large', 'large/too', 'large/three'],
    [bytesOf('at Global'), 'known'],
    [bytesOf('unnamed there'), 'both'],
    [bytesOf('taken'), 'taken', 'free'],
    [bytesOf('all taken'), 'taken/2'],
    [lost, 'lost'],
    ...many,
  ])
  await damage(dir, lost.byteLength)
  const before = await snapshot(dir)
  const global = await nodes.global()
  await global.put({ bytes: once(bytesOf('at Global')) }, { name: 'elsewhere' })
  await global.put({ bytes: once(bytesOf('unnamed there')) })
  for (const name of ['taken', 'taken/2']) {
    await global.put({ bytes: once(bytesOf(`other ${name}`)) }, { name })
  }
  const local = await nodes.local(global, { dir })
  const { inactiveStore } = await local.status()
  const total = keys.length
  t.like(inactiveStore, { values: total, names: 32 })

  const { told, done } = await uploaded(local)
  t.deepEqual(await snapshot(dir), before)
  t.deepEqual(told.map((one) => ('name' in one ? one.name : one.type)).toSorted(), [
    'damaged',
    'taken',
    'taken/2',
  ])
  t.like(done, { values: total - 1, missingValues: 1, names: 29, missingNames: 3 })
  t.is(done.sentValues, total - 3)
  t.true(done.sentBytes >= 3 * MIB)
  // The cache belongs to reads.
  t.is((await local.status()).cache!.values, 0)
  t.is(Buffer.compare(await read(local, keys[1]!), large), 0)
  const { names } = (await global.index.stat(keys[1]!))!
  t.deepEqual(names.toSorted(), ['large', 'large/three', 'large/too'])
  t.is((await global.index.lookup('free'))!.key.toString(), keys[4]!.toString())
  // A value that was only put by name goes with its last name, and one that was not stays.
  t.truthy((await global.index.unbind('many/1')).key)
  t.is((await global.index.unbind('known')).key, undefined)
  t.truthy((await global.index.unbind('empty')).key)

  // Again: what was removed meanwhile is taken along once more, and nothing else is sent.
  const again = await uploaded(local)
  t.like(again.done, { values: total - 1, missingValues: 1, sentValues: 2 })
  const refused = await fault(local.inactive!.drop())
  t.is(refused.code, 'conflict')
  t.deepEqual(await snapshot(dir), before)
  t.like(await local.inactive!.drop({ force: true }), { values: total, names: 32 })
  t.deepEqual(
    (await readdir(dir)).filter((name) => name.includes('store')),
    [],
  )
  t.is((await local.status()).inactiveStore, undefined)
  t.is((await fault(local.inactive!.drop())).code, 'not-found')
})

test('R007-149 a damaged small value is named and never sent', async (t) => {
  const nodes = new Nodes(t)
  const { dir, keys } = await served(nodes, [[bytesOf('damaged'), 'bad'], [bytesOf('whole')]])
  const database = new Database(join(dir, 'store-v3', 'records'))
  const location = decodeKey(database.row(keyRow(keys[0]!.digest))!).location
  const stored = database.value(location)!
  const small = Uint8Array.from(stored.small!, (byte) => byte ^ 1)
  await database.transact(() => database.writeValue(location, { ...stored, small }))
  await database.close()
  const global = await nodes.global()
  const { told, done } = await uploaded(await nodes.local(global, { dir }))
  t.like(told, [{ type: 'damaged', size: 7 }])
  t.like(done, { values: 1, missingValues: 1, missingNames: 1 })
  t.is((await global.status()).store!.values, 1)
})

test('R007-154 a miss says that the store of the directory has the value', async (t) => {
  const nodes = new Nodes(t)
  const { dir, keys } = await served(nodes, [[bytesOf('here'), 'mine']], 'global')
  const local = await nodes.local(await nodes.global(), { dir })
  t.regex((await fault(local.get(keys[0]!))).hint!, /join --with-data/)
  t.like(await local.inactive!.find('mine'), { size: 4, names: ['mine'] })
  t.is((await local.inactive!.find(keys[0]!.toString()))!.size, 4)
  t.is(await local.inactive!.find('other'), undefined)
  t.is(await local.inactive!.find('f'.repeat(64)), undefined)
})

test('R007-152 a store is deleted when Global has all of it, and what a kill left goes at the next start', async (t) => {
  const nodes = new Nodes(t)
  const { dir, keys } = await served(nodes, [[bytesOf('one'), 'one'], [randomBytes(100_000)]])
  const global = await nodes.global()
  const local = await nodes.local(global, { dir })
  t.like(await fault(local.inactive!.drop()), {
    code: 'conflict',
    message: 'the store is kept: 2 of its values and 1 of its names are not at Global',
  })
  await uploaded(local)
  await global.index.unbind('one', { keepValue: true })
  t.regex((await fault(local.inactive!.drop())).message, /0 of its values and 1 of its names/)
  await uploaded(local)
  await global.index.remove(keys[1]!)
  t.regex((await fault(local.inactive!.drop())).message, /1 of its values and 0 of its names/)
  await uploaded(local)
  t.is((await local.inactive!.drop()).values, 2)
  t.is(Buffer.from(await read(local, keys[0]!)).toString(), 'one')
  await local.close()
  // As a kill after the renaming leaves it.
  await mkdir(join(dir, 'dropped-store', 'values'), { recursive: true })
  await writeFile(join(dir, 'dropped-store', 'values', 'some'), 'rest')
  await nodes.local(global, { dir })
  t.false((await readdir(dir)).includes('dropped-store'))
})

test('R007-150 an upload that ends in the middle of a value continues there, once at a time', async (t) => {
  const nodes = new Nodes(t)
  const size = 24 * MIB
  const { dir, keys } = await served(nodes, [[randomBytes(size), 'big'], [bytesOf('small')]])
  const global = await nodes.global({ store: 'disk' })
  const local = await nodes.local(global, { dir })
  const stop = new AbortController()
  let doneBytes = 0
  const first = async (): Promise<void> => {
    for await (const event of local.inactive!.upload({ signal: stop.signal })) {
      if (event.type !== 'progress') continue
      ;({ doneBytes } = event)
      if (doneBytes > size / 3) {
        t.is((await fault(local.inactive!.upload().next())).code, 'busy')
        t.is((await fault(local.inactive!.drop({ force: true }))).code, 'busy')
        stop.abort()
      }
    }
  }
  t.is((await fault(first())).code, 'cancelled')
  t.is(await global.index.stat(keys[0]!), undefined)
  await eventually(async () => (await global.status()).store!.unfinishedBytes > 0)
  const { done } = await uploaded(local)
  t.like(done, { values: 2, names: 1, missingValues: 0, missingNames: 0 })
  t.true(done.sentBytes < size * 0.9, `${done.sentBytes} bytes sent again`)
})

test('R007-150 an upload outlives a restart of Global', async (t) => {
  const nodes = new Nodes(t)
  const { dir } = await served(nodes, [
    [randomBytes(16 * MIB), 'big'],
    [randomBytes(MIB), 'x'],
  ])
  const place = await nodes.folder()
  const options = { store: 'disk', dir: place } as const
  let global = await nodes.global(options)
  const listen = (await global.status()).listen.map((one) => one.replace(/\/p2p\/.*/, ''))
  const local = await nodes.local(global, { dir })
  let isRestarted: Promise<void> | undefined
  let done: InactiveUpload | undefined
  for await (const event of local.inactive!.upload()) {
    done = event
    if (isRestarted !== undefined || event.type !== 'progress' || event.doneBytes < 2 * MIB)
      continue
    isRestarted = (async () => {
      await global.close()
      global = await nodes.global({ ...options, listen })
    })()
  }
  t.truthy(isRestarted)
  t.like(done, { type: 'done', values: 2, names: 2, missingValues: 0, missingNames: 0 })
})

test('R007-150 no room, and no permission, end an upload; what was sent stays', async (t) => {
  const nodes = new Nodes(t)
  const { dir } = await served(nodes, [
    [randomBytes(3 * MIB), 'big'],
    [bytesOf('small'), 'small'],
  ])
  const full = await nodes.global({ maxBytes: MIB })
  const local = await nodes.local(full, { dir })
  t.is((await fault(uploaded(local))).code, 'no-space')
  t.is((await local.status()).inactiveStore!.values, 2)
  await local.close()

  const global = await nodes.global()
  const { ticket } = await global.members.invite({ role: 'reader' })
  const reader = await nodes.open({ role: 'local', ticket: parseTicket(ticket), dir })
  t.is((await fault(uploaded(reader))).code, 'not-permitted')
  await global.members.admit((await reader.status()).peerId!, 'writer')
  await eventually(async () => {
    const ended = await uploaded(reader).catch(asDstoreError)
    return !(ended instanceof DstoreError) && ended.done.values === 2
  })
})

test('R005-60 a store that cannot be read is told, and deleted only by force', async (t: ExecutionContext) => {
  const nodes = new Nodes(t)
  const { dir } = await served(nodes, [[bytesOf('x'), 'x']])
  const data = join(dir, 'store-v3', 'records', 'data.mdb')
  await writeFile(data, 'no database')
  const local = await nodes.local(await nodes.global(), { dir })
  const { inactiveStore } = await local.status()
  t.regex(inactiveStore!.error!, /not a database/)
  t.is((await fault(uploaded(local))).code, 'integrity')
  t.is((await fault(local.inactive!.drop())).code, 'integrity')
  await local.inactive!.drop({ force: true })
  t.is((await local.status()).inactiveStore, undefined)

  const other = await served(nodes, [[randomBytes(100_000), 'x']])
  const lost = join(other.dir, 'store-v3', 'records')
  await rename(join(lost, 'data.mdb'), join(lost, 'aside'))
  const second = await nodes.local(await nodes.global(), { dir: other.dir })
  t.regex((await second.status()).inactiveStore!.error!, /its records are missing/)
})
