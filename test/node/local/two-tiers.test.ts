/** A Local that caches in memory and in files, with a real Global (specs/003, "Two tiers"). */
import {
  chmodSync,
  existsSync,
  readdirSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { DstoreError } from '../../../src/errors.ts'
import type { Key } from '../../../src/hash/key.ts'
import { parseTicket } from '../../../src/membership/ticket.ts'
import { KIB, MIB } from '../../../src/limits.ts'
import type { Log, LogFacts } from '../../../src/log.ts'
import type { CacheStatus, ServedNode } from '../../../src/node/node.ts'
import type { NodeOptions } from '../../../src/node/open.ts'
import { eventually } from '../../eventually.ts'
import { test } from '../../serial.ts'
import { pattern } from '../../hash/sizes.ts'
import { sameBytes } from '../../same-bytes.ts'
import { Nodes, once, read } from '../nodes.ts'

/** Memory cannot hold it; a copy by threads is worth it. */
const LARGE = pattern(3 * MIB + 12_345)
const CACHE_BYTES = MIB

interface Scene {
  readonly nodes: Nodes
  readonly global: ServedNode
  readonly local: ServedNode
  readonly key: Key
  readonly cacheDir: string
  readonly options: Partial<NodeOptions>
  readonly warnings: (readonly [message: string, facts: LogFacts | undefined])[]
}

async function scene(t: ExecutionContext, more: Partial<NodeOptions> = {}): Promise<Scene> {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const cacheDir = join(await nodes.folder(), 'cache')
  const warnings: Scene['warnings'] = []
  const log: Log = {
    debug() {},
    info() {},
    error() {},
    warn: (message, facts) => void warnings.push([message, facts]),
  }
  const dir = await nodes.folder()
  const budget = { cacheBytes: CACHE_BYTES, cacheDirBytes: 16 * MIB }
  const options = { ...budget, cacheDir, dir, log, ...more }
  const local = await nodes.local(global, options)
  const { key } = await global.put({ bytes: once(LARGE) })
  return { nodes, global, local, key, cacheDir, options, warnings }
}

const cacheOf = async (local: ServedNode): Promise<CacheStatus> => (await local.status()).cache!

const received = async (local: ServedNode): Promise<number> =>
  (await local.status()).traffic.reduce((sum, { valueBytesIn }) => sum + valueBytesIn, 0)

/** Paths of files below a folder, whole values only. */
const valuesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => /\/values\/[^/]+$/.test(path))

/** Another process of the same user changes the file. */
function change(path: string, how: (path: string) => void): void {
  chmodSync(path, 0o600)
  how(path)
}

const flip = (path: string): void => {
  const bytes = Uint8Array.from(LARGE)
  bytes[2 * MIB]! ^= 1
  writeFileSync(path, bytes)
}

async function copied(local: ServedNode, key: Key, folder: string): Promise<Uint8Array> {
  const path = join(folder, `copy-${Math.random()}`)
  const file = await open(path, 'wx')
  try {
    const { copyTo } = await local.get(key)
    const rewrite = async (bytes: Uint8Array, at: number): Promise<void> => {
      await file.write(bytes, 0, bytes.byteLength, at)
    }
    const target = { fd: file.fd, name: 'it', wrote: () => undefined, rewrite }
    if (!(await copyTo!(target))) throw new Error('nothing was copied')
    return await readFile(path)
  } finally {
    await file.close()
  }
}

test('R003-160: what memory could never hold is kept in a file, and served from it', async (t) => {
  const { local, key, cacheDir } = await scene(t)
  sameBytes(t, await read(local, key), LARGE)
  const bytesIn = await received(local)
  const [path, ...others] = valuesIn(cacheDir)
  t.deepEqual(others, [])
  sameBytes(t, await readFile(path!), LARGE)
  sameBytes(t, await read(local, key), LARGE)
  for (const [start, end] of [
    [0, 1],
    [MIB - 1, MIB + 1],
    [LARGE.byteLength - 7, undefined],
  ]) {
    const range = { start: start!, ...(end !== undefined && { end }) }
    sameBytes(t, await read(local, key, { range }), LARGE.subarray(start, end))
  }
  sameBytes(t, await copied(local, key, cacheDir), LARGE)
  t.is(await received(local), bytesIn, 'nothing is fetched twice')
  const { usedBytes, files, hits, misses } = await cacheOf(local)
  t.is(usedBytes, 0)
  t.true(files!.usedBytes >= LARGE.byteLength && files!.usedBytes <= 16 * MIB)
  t.deepEqual([files!.values, files!.kind, hits, misses], [1, 'disk', 5, 1])
})

test('R003-160: a value for memory is kept there, and one for neither tier goes past', async (t) => {
  const { global, local, cacheDir } = await scene(t, { cacheDirBytes: 2 * MIB })
  const small = pattern(300 * KIB)
  const [{ key }, large] = [
    await global.put({ bytes: once(small) }),
    await global.put({ bytes: once(pattern(3 * MIB)) }),
  ]
  sameBytes(t, await read(local, key), small)
  sameBytes(t, await read(local, large.key), pattern(3 * MIB))
  t.deepEqual(valuesIn(cacheDir), [])
  const { values, files } = await cacheOf(local)
  t.deepEqual([values, files!.values, files!.usedBytes], [1, 0, 0])
})

test('R003-160: a range of a value in a file is fetched once, and the rest when it is read', async (t) => {
  // Memory could hold a part of it.
  const { local, key, cacheDir } = await scene(t, { cacheBytes: 2.5 * MIB })
  const range = { start: MIB, end: MIB + 100_000 }
  sameBytes(t, await read(local, key, { range }), LARGE.subarray(range.start, range.end))
  const bytesIn = await received(local)
  t.true(bytesIn < 2 * MIB)
  t.is((await cacheOf(local)).usedBytes, 0, 'nothing of it is in memory')
  sameBytes(t, await read(local, key, { range }), LARGE.subarray(range.start, range.end))
  t.is(await received(local), bytesIn)
  t.deepEqual(valuesIn(cacheDir), [])
  sameBytes(t, await read(local, key), LARGE)
  t.true((await received(local)) < LARGE.byteLength + MIB / 2)
  t.is(valuesIn(cacheDir).length, 1)
})

for (const [what, how] of [
  ['changed', flip],
  ['cut', (path: string) => truncateSync(path, MIB)],
  ['deleted', unlinkSync],
] as const) {
  test(`R003-161: of a ${what} file no byte is served, and the value is fetched in the same read`, async (t) => {
    const { local, key, cacheDir, warnings } = await scene(t)
    await read(local, key)
    const [path] = valuesIn(cacheDir)
    change(path!, how)
    sameBytes(t, await read(local, key), LARGE)
    t.is(warnings.length, 1)
    const [, facts] = warnings[0]!
    t.is(facts!.key, key.toString())
    t.is(facts!.path, path)
    sameBytes(t, await read(local, key), LARGE)
    t.is(warnings.length, 1, 'the new file is sound')
  })

  test(`R003-162: a copy of a ${what} file is overwritten with what is fetched`, async (t) => {
    const { local, key, cacheDir, warnings } = await scene(t)
    await read(local, key)
    change(valuesIn(cacheDir)[0]!, how)
    sameBytes(t, await copied(local, key, cacheDir), LARGE)
    t.is(warnings.length, 1)
  })
}

test('R003-164: a value that was read twice moves to a file when memory fills, and no other', async (t) => {
  const { global, local } = await scene(t, { cacheBytes: 2 * MIB })
  const values = [0, 1, 2, 3, 4, 5, 6].map((number) => {
    const bytes = Uint8Array.from(pattern(400 * KIB))
    bytes[0] = number
    return bytes
  })
  const keys: Key[] = []
  for (const bytes of values) keys.push((await global.put({ bytes: once(bytes) })).key)
  await read(local, keys[0]!)
  await read(local, keys[0]!)
  for (const key of keys.slice(1)) await read(local, key)
  await eventually(async () => (await cacheOf(local)).files!.values === 1)
  const bytesIn = await received(local)
  sameBytes(t, await read(local, keys[0]!), values[0]!)
  t.is(await received(local), bytesIn, 'it was not fetched again')
  t.is((await cacheOf(local)).files!.values, 1)
})

test('R003-116: a glance at a value takes no file where memory is full', async (t) => {
  const { global, local } = await scene(t, { cacheBytes: 512 * KIB })
  const keys: Key[] = []
  for (const size of [400 * KIB, 401 * KIB]) {
    keys.push((await global.put({ bytes: once(pattern(size)) })).key)
  }
  await read(local, keys[0]!)
  const range = { start: 0, end: 10 }
  sameBytes(t, await read(local, keys[1]!, { range }), pattern(10))
  const { values, evictions, files } = await cacheOf(local)
  t.deepEqual([values, evictions, files!.values, files!.usedBytes], [1, 0, 0, 0])
})

test('R003-165: evict frees both tiers', async (t) => {
  const { local, key, cacheDir } = await scene(t, { cacheBytes: 8 * MIB })
  await read(local, key)
  await read(local, key)
  t.is(await local.evict(key), LARGE.byteLength)
  await new Promise((resolve) => setImmediate(resolve))
  const { usedBytes, files } = await cacheOf(local)
  t.deepEqual([usedBytes, files!.usedBytes, valuesIn(cacheDir)], [0, 0, []])
})

test('R004-171: a removal takes the file from its path, and ends a reader', async (t) => {
  const { global, local, key, cacheDir } = await scene(t)
  await read(local, key)
  const reader = (await local.get(key)).bytes[Symbol.asyncIterator]()
  await reader.next()
  await global.index.remove(key)
  t.deepEqual(valuesIn(cacheDir), [])
  const error = await t.throwsAsync(async () => {
    while ((await reader.next()).done !== true);
  })
  t.is((error as DstoreError).code, 'removed')
  t.is((await cacheOf(local)).files!.usedBytes, 0)
  await t.throwsAsync(read(local, key), { code: 'not-found' } as never)
})

test('R004-170: files of an earlier run are served once Global has confirmed them', async (t) => {
  const { nodes, global, local, key, cacheDir, options, warnings } = await scene(t)
  const other = Uint8Array.from(LARGE).fill(7, 0, 9)
  const removed = await global.put({ bytes: once(other) })
  for (const one of [key, removed.key]) await read(local, one)
  const before = valuesIn(cacheDir)
  t.is(before.length, 2)
  await local.close()
  t.false(before.some(existsSync), 'no path leads to a value after the goodbye')
  await global.index.remove(removed.key)
  const { ticket } = await global.members.invite({ role: 'admin' })
  const again = await nodes.open({ ...options, ticket: parseTicket(ticket), role: 'local' })
  await eventually(async () => (await cacheOf(again)).files!.values === 1)
  await t.throwsAsync(read(again, removed.key), { code: 'not-found' } as never)
  sameBytes(t, await read(again, key), LARGE)
  t.is(await received(again), 0)
  t.false(before.some(existsSync))
  t.deepEqual(warnings, [])
})

test('R003-166: a file of an earlier run that was changed is not served', async (t) => {
  const { nodes, global, local, key, cacheDir, options, warnings } = await scene(t)
  await read(local, key)
  await local.close()
  const [left] = readdirSync(cacheDir, { recursive: true })
    .map((name) => join(cacheDir, String(name)))
    .filter((path) => /\/(found|values)\/[^/]+$/.test(path))
  change(left!, flip)
  const { ticket } = await global.members.invite({ role: 'admin' })
  const again = await nodes.open({ ...options, ticket: parseTicket(ticket), role: 'local' })
  sameBytes(t, await read(again, key), LARGE)
  t.is(warnings.length, 1)
  t.true((await received(again)) >= LARGE.byteLength)
})

test('R003-166: verify looks at what an earlier run left, once Global has confirmed it', async (t) => {
  const { nodes, global, local, key, cacheDir, options } = await scene(t)
  const other = (await global.put({ bytes: once(pattern(2 * MIB)) })).key
  for (const one of [key, other]) await read(local, one)
  await local.close()
  const path = readdirSync(cacheDir, { recursive: true })
    .map((name) => join(cacheDir, String(name)))
    .find((one) => one.includes('/values/') && one.endsWith(other.toString()))
  change(path!, flip)
  const { ticket } = await global.members.invite({ role: 'admin' })
  const again = await nodes.open({ ...options, ticket: parseTicket(ticket), role: 'local' })
  const damaged: string[] = []
  let doneBytes = 0
  // Global confirms what was found soon after the start.
  await eventually(async () => {
    for await (const event of again.verify()) {
      if (event.type === 'damaged') damaged.push(event.key.toString())
      if (event.type === 'done') doneBytes = event.doneBytes
    }
    return damaged.length > 0 && doneBytes > 0
  })
  t.deepEqual(damaged, [other.toString()])
  t.is(doneBytes, LARGE.byteLength)
})

test('R007-390: a folder on a disk needs a size', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const cacheDir = join(await nodes.folder(), 'cache')
  const opened = nodes.local(global, { cacheDir })
  await t.throwsAsync(opened, { code: 'usage', message: /on a disk/ } as never)
})

test('R003-168: a folder that other users may write to is refused', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const cacheDir = await nodes.folder()
  chmodSync(cacheDir, 0o777)
  const opened = nodes.local(global, { cacheDir, cacheDirBytes: MIB })
  await t.throwsAsync(opened, { code: 'not-permitted', message: /other users/ } as never)
  chmodSync(cacheDir, 0o700)
})
