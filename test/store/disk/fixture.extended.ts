/**
 * The state directories that layouts left behind (tools/store-fixture.ts), opened by the code of
 * today.
 */
import assert from 'node:assert/strict'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { equal, gather, once, toHex } from '../../../src/bytes.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { decodeChange } from '../../../src/index/records/change-record.ts'
import { decodeKey, keyRow, LOCAL_ROWS } from '../../../src/index/records/record.ts'
import { GROUP_BYTES } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import {
  decodeMember,
  decodeTicket,
  MEMBER_ROWS,
  memberOf,
  TICKET_ROWS,
} from '../../../src/membership/record.ts'
import { Global } from '../../../src/node/global/global.ts'
import { receive } from '../../../src/node/global/ingest.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { dropStore } from '../../../src/store/disk/drop-store.ts'
import { ReadOnlyStore } from '../../../src/store/disk/read-only-store.ts'
import type { Store } from '../../../src/store/store.ts'
import {
  DAMAGED_BYTES,
  EXPELLED,
  keyOf,
  MEMBER,
  PARTIAL_BYTES,
  REMOVED_SIZES,
  TICKET_USES,
  UNFLUSHED,
  VALUES,
  valueOf,
} from '../../../tools/store-fixture.ts'
import { Nodes, read } from '../../node/nodes.ts'
import { inTemporary } from '../temporary.ts'
import { openedAtEveryStep, unpackFixture } from './fixture.ts'

const FIXTURES = ['store-v1', 'store-v2', 'store-v3'] as const

const KEPT_BYTES = 3 * GROUP_BYTES

/** Every change of the two runs, with the names in it. */
const LOG: readonly string[] = [
  'run-started',
  'put',
  'put releases/1.0',
  'put',
  'put data/two groups',
  'put data/file',
  'put data/replaced',
  'put',
  'bind releases/stable',
  'bind old',
  'unbind old',
  'put',
  'remove',
  'put',
  'remove',
  'put temporary',
  'remove temporary',
  'admit',
  'admit',
  'expel',
  'invite',
  'admit',
  'put from/local',
  'run-started',
  'put',
  'bind second run/é',
]

/** Of the fixture's `identity.key`. */
const PEER_ID = '12D3KooWAHrNaEtiQrwMBPQdt3NyFnTw6DvunFPRnv2VZhVNRqt4'

const NAMES = VALUES.flatMap(({ size, names }) => names.map((name) => ({ name, size })))

function openGlobal(store: Store): Promise<Global> {
  return Global.open({
    store,
    network: undefined,
    gate: undefined,
    log: SILENT,
    now: () => performance.now(),
    wall: Date.now,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  })
}

/** Everything that the store was left with, byte by byte. */
async function checkStore(store: Store): Promise<void> {
  const usage = await store.usage()
  const sizes = [...VALUES.map(({ size }) => size), DAMAGED_BYTES]
  assert.equal(usage.values, sizes.length)
  assert.equal(
    usage.valueBytes,
    sizes.reduce((sum, size) => sum + size),
  )
  assert.equal(usage.damaged, 1)
  assert.equal(usage.unfinishedBytes, KEPT_BYTES)
  const rows = await store.rows(sizes.map((size) => keyRow(keyOf(size).digest)))
  for (const [i, size] of sizes.entries()) {
    const record = decodeKey(rows[i]!)
    assert.equal(record.size, size)
    assert.equal(await store.isDamaged(record.location), size === DAMAGED_BYTES)
    if (size === DAMAGED_BYTES) continue
    const { outboard } = hash(valueOf(size))
    const bytes = await gather(store.read(record.location, { start: 0, end: size }))
    assert.ok(equal(bytes, valueOf(size)), `${size} bytes are the value`)
    assert.ok(equal(await store.outboard(record.location), outboard), `${size} bytes: outboard`)
  }
  await checkLog(store)
  await checkMembers(store)
}

/** The changes that were logged, without what only tells one run from another. */
async function checkLog(store: Store): Promise<void> {
  const entries = await store.log(0, 1000)
  assert.deepEqual(
    entries.map(({ seq }) => seq),
    entries.map((_, i) => i + 1),
  )
  const lines = entries.map(({ entry }) => {
    const { change } = decodeChange(entry)
    const names = 'names' in change ? change.names : 'name' in change ? [change.name] : []
    return [change.type, ...names].join(' ')
  })
  assert.deepEqual(lines.slice(0, LOG.length), LOG)
  // Each opening of a node since then is a run of its own.
  for (const line of lines.slice(LOG.length)) assert.equal(line, 'run-started')
}

async function checkMembers(store: Store): Promise<void> {
  const rows = (prefix: Uint8Array) => store.scan('meta', { prefix, limit: 100 })
  const locals = await rows(LOCAL_ROWS)
  assert.equal(locals.length, 1)
  const members = await rows(MEMBER_ROWS)
  const roles = new Map(members.map((row) => [memberOf(row), decodeMember(row).role]))
  assert.equal(roles.size, 3)
  assert.equal(roles.get(MEMBER), 'reader')
  assert.ok(roles.has(EXPELLED))
  assert.equal(roles.get(EXPELLED), undefined)
  assert.ok([...roles.values()].includes('writer'))
  const tickets = await rows(TICKET_ROWS)
  assert.deepEqual(
    tickets.map((row) => decodeTicket(row).usesLeft),
    [TICKET_USES - 1],
  )
}

/** What a node answers; then the upload is resumed, and the damaged value put again. */
async function checkNode(store: Store): Promise<void> {
  const node = await openGlobal(store)
  for (const { size } of VALUES) {
    assert.ok(equal(await read(node, keyOf(size)), valueOf(size)), `${size} bytes are served`)
  }
  for (const size of REMOVED_SIZES) assert.equal(await node.index.stat(keyOf(size)), undefined)
  const names: { name: string; key: string }[] = []
  for await (const { name, key } of node.index.names()) names.push({ name, key: key.toString() })
  assert.deepEqual(
    names,
    NAMES.map(({ name, size }) => ({ name, key: keyOf(size).toString() })).toSorted((a, b) =>
      Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
    ),
  )
  await assert.rejects(read(node, keyOf(DAMAGED_BYTES)), { code: 'integrity' })
  await node.put({ bytes: once(valueOf(DAMAGED_BYTES)), size: DAMAGED_BYTES })
  assert.ok(equal(await read(node, keyOf(DAMAGED_BYTES)), valueOf(DAMAGED_BYTES)))
  const value = valueOf(PARTIAL_BYTES)
  const { digest, outboard } = hash(value)
  assert.equal(await store.partialBytes(digest), KEPT_BYTES)
  const resumed = { digest, size: PARTIAL_BYTES, start: KEPT_BYTES }
  const rest = once(value.subarray(KEPT_BYTES))
  const { location, staging } = await receive(store, resumed, rest, () => outboard)
  const bytes = await gather(store.read(location, { start: 0, end: PARTIAL_BYTES }))
  assert.ok(equal(bytes, value))
  await staging.discard()
  await node.close()
}

/** Digests of all files but LMDB's table of readers. */
async function contentOf(directory: string): Promise<Map<string, string>> {
  const content = new Map<string, string>()
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'lock.mdb') continue
    const path = join(entry.parentPath, entry.name)
    content.set(path, toHex(hash(await readFile(path)).digest))
  }
  return content
}

for (const fixture of FIXTURES) {
  test(`R005-35, R005-43, R005-64: what ${fixture} left behind is whole in the code of today`, async (t) => {
    await inTemporary(async (directory) => {
      await unpackFixture(fixture, directory)
      const store = await openDiskStore({ directory })
      t.deepEqual(store.recovery, { deletedFiles: 0, damaged: [] })
      await checkStore(store)
      // What only the journal had when the process was killed.
      const [unflushed] = await store.rows([UNFLUSHED])
      t.is(unflushed !== undefined, fixture === 'store-v3')
      await store.outboardsMoved
      await checkStore(store)
      await checkNode(store)
      t.deepEqual((await readdir(directory)).toSorted(), ['identity.key', 'store-v3'])
    })
  })

  test(`R005-59, R005-64: a store of ${fixture} is read by a node that does not serve it, and not changed`, async (t) => {
    await inTemporary(async (directory) => {
      await unpackFixture(fixture, directory)
      const before = await contentOf(directory)
      const store = (await ReadOnlyStore.open(directory))!
      const [unflushed] = await store.rows([UNFLUSHED])
      t.is(unflushed !== undefined, fixture === 'store-v3')
      for (const { size } of VALUES) {
        const [row] = await store.rows([keyRow(keyOf(size).digest)])
        const { location } = decodeKey(row!)
        const bytes = await gather(store.read(location, { start: 0, end: size }))
        t.true(equal(bytes, valueOf(size)), `${size} bytes`)
        t.true(equal(await store.outboard(location), hash(valueOf(size)).outboard))
      }
      await store.close()
      t.deepEqual(await contentOf(directory), before)
      t.deepEqual((await readdir(directory)).toSorted(), ['identity.key', fixture])
      await dropStore(directory)
      t.deepEqual(await readdir(directory), ['identity.key'])
    })
  })
}

test('R005-44: a partial upload that decayed is read back, refused and deleted', async (t) => {
  await inTemporary(async (directory) => {
    await unpackFixture('store-v1', directory)
    const value = valueOf(PARTIAL_BYTES)
    const { digest, outboard } = hash(value)
    const path = join(directory, 'store-v1', 'values', `${toHex(digest)}.part`)
    const kept = await readFile(path)
    kept[GROUP_BYTES]! ^= 1
    await writeFile(path, kept)
    const store = await openDiskStore({ directory })
    const resumed = { digest, size: PARTIAL_BYTES, start: KEPT_BYTES }
    const rest = once(value.subarray(KEPT_BYTES))
    const upload = receive(store, resumed, rest, () => outboard)
    await t.throwsAsync(upload, { code: 'integrity' })
    t.is(await store.partialBytes(digest), 0, 'the next one starts over')
    await store.close()
  })
})

test('R005-35: an opening that is killed at any operation on the disk loses nothing', async (t) => {
  const steps = await openedAtEveryStep(
    'store-v1',
    async (directory) => {
      const store = await openDiskStore({ directory })
      assert.deepEqual(store.recovery, { deletedFiles: 0, damaged: [] })
      await checkStore(store)
      await checkNode(store)
    },
    async (store) => {
      await store.outboardsMoved
      await (await openGlobal(store)).close()
    },
  )
  t.log(`${steps} operations`)
  t.true(steps > 20)
})

test('R003-19: a Global that opens it has its identity and members, and resumes the upload', async (t) => {
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  await unpackFixture('store-v1', dir)
  const global = await nodes.global({ dir, store: 'disk' })
  t.is((await global.status()).peerId, PEER_ID)
  const members = new Map<string, string | undefined>()
  for await (const { peer, role } of global.members.list()) members.set(peer, role)
  t.is(members.get(MEMBER), 'reader')
  t.is(members.get(EXPELLED), undefined)
  const local = await nodes.local(global)
  for (const { size } of VALUES) t.true(equal(await read(local, keyOf(size)), valueOf(size)))
  const value = valueOf(PARTIAL_BYTES)
  t.is((await global.status()).store!.unfinishedBytes, KEPT_BYTES)
  const { peerId } = await local.status()
  const received = async (): Promise<number> =>
    (await global.status()).traffic.find(({ peer }) => peer === peerId)?.valueBytesIn ?? 0
  const path = join(dir, 'upload')
  await writeFile(path, value)
  await local.put({ path })
  t.true((await received()) < PARTIAL_BYTES - KEPT_BYTES + 2 * GROUP_BYTES)
  t.is((await global.status()).store!.unfinishedBytes, 0)
  t.true(equal(await read(global, keyOf(PARTIAL_BYTES)), value))
})
