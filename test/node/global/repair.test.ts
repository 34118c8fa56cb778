/** A disk that changes a value under Global: nobody is served it, and it becomes whole again. */
import { chmod, readFile, readdir, open, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { equal } from '../../../src/bytes.ts'
import { GROUP_BYTES, MIB, PIECE_BYTES } from '../../../src/limits.ts'
import type { Node } from '../../../src/node/node.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { Nodes, once, read } from '../nodes.ts'

const SIZE = 3 * PIECE_BYTES + 17
const DAMAGED = { code: 'integrity' }

/** The one large value that a Global keeps in this folder. */
async function valueFile(dir: string): Promise<string> {
  const values = join(dir, 'store-v3', 'values')
  const [name] = (await readdir(values)).filter((one) => !one.includes('.'))
  return join(values, name!)
}

async function flip(path: string, at: number): Promise<void> {
  await chmod(path, 0o600)
  const file = await open(path, 'r+')
  const byte = new Uint8Array(1)
  await file.read(byte, 0, 1, at)
  byte[0]! ^= 1
  await file.write(byte, 0, 1, at)
  await file.close()
}

async function globalWith(
  t: ExecutionContext,
  bytes: Uint8Array,
): Promise<{
  nodes: Nodes
  dir: string
  global: Node
  key: Awaited<ReturnType<Node['put']>>['key']
}> {
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  const global = await nodes.global({ dir, store: 'disk' })
  const { key } = await global.put({ bytes: once(bytes) })
  return { nodes, dir, global, key }
}

const damagedAt = async (node: Node): Promise<number> => (await node.status()).store!.damaged

test('R005-41, R005-66: a flipped byte of an outboard in a file of its own is integrity, until a put', async (t) => {
  const bytes = pattern(5 * MIB)
  const { dir, global, key } = await globalWith(t, bytes)
  const outboard = `${await valueFile(dir)}.outboard`
  await flip(outboard, 64 * 100)
  await t.throwsAsync(read(global, key), DAMAGED)
  await global.put({ bytes: once(bytes) })
  t.true(equal(await read(global, key), bytes))
  await t.throwsAsync(stat(outboard), { code: 'ENOENT' })
})

test('R005-41: a flipped byte anywhere is integrity, then the value is set aside and whole after a put', async (t) => {
  const bytes = pattern(SIZE)
  const places = [0, GROUP_BYTES, PIECE_BYTES + 1, SIZE - 1]
  const { dir, global, key } = await globalWith(t, bytes)
  for (const at of places) {
    await flip(await valueFile(dir), at)
    await t.throwsAsync(read(global, key), DAMAGED, `at ${at}`)
    t.is(await damagedAt(global), 1)
    // Also where the damage is not: it is not the value any more.
    await t.throwsAsync(
      read(global, key, { range: { start: 2 * PIECE_BYTES, end: 2 * PIECE_BYTES + 1 } }),
      DAMAGED,
    )
    const again = await global.put({ bytes: once(bytes) })
    t.true(again.existed)
    t.is(await damagedAt(global), 0)
    t.is(Buffer.compare(await read(global, key), bytes), 0)
  }
  t.like((await global.status()).store, { values: 1, valueBytes: SIZE })
})

test('R003-41, R005-41: a Local is not given damage, Global notices, and the next put from a Local mends it', async (t) => {
  const bytes = pattern(SIZE)
  const { nodes, dir, global, key } = await globalWith(t, bytes)
  const local = await nodes.local(global)
  await flip(await valueFile(dir), 2 * PIECE_BYTES)
  await t.throwsAsync(read(local, key), DAMAGED)
  await eventually(async () => (await damagedAt(global)) === 1)
  await t.throwsAsync(read(local, key), DAMAGED)
  await t.throwsAsync(read(global, key), DAMAGED)

  const path = join(await nodes.folder(), 'value')
  await writeFile(path, bytes)
  const { existed } = await local.put({ path })
  t.true(existed, 'the key was there all the time')
  t.is(await damagedAt(global), 0)
  t.is(Buffer.compare(await read(await nodes.local(global), key), bytes), 0)
})

test('R005-35: a file that is gone or cut is damage, also after a restart', async (t) => {
  const bytes = pattern(SIZE)
  for (const harm of [(path: string) => rm(path), (path: string) => truncate(path, 100)]) {
    const { nodes, dir, global, key } = await globalWith(t, bytes)
    const path = await valueFile(dir)
    await global.close()
    await chmod(path, 0o600)
    await harm(path)
    const again = await nodes.global({ dir, store: 'disk' })
    t.is(await damagedAt(again), 1)
    await t.throwsAsync(read(again, key), DAMAGED)
    await again.put({ bytes: once(bytes) })
    t.is(Buffer.compare(await read(again, key), bytes), 0)
    await again.close()
    const last = await nodes.global({ dir, store: 'disk' })
    t.is(await damagedAt(last), 0)
    t.is(Buffer.compare(await read(last, key), bytes), 0)
    await last.index.remove(key)
    t.deepEqual(await readdir(join(dir, 'store-v3', 'values')), [])
  }
})

test('R005-41: a damaged value can be removed, and put again', async (t) => {
  const bytes = pattern(SIZE)
  const { dir, global, key } = await globalWith(t, bytes)
  await flip(await valueFile(dir), 5)
  await t.throwsAsync(read(global, key), DAMAGED)
  await global.index.remove(key)
  t.is(await damagedAt(global), 0)
  t.false((await global.put({ bytes: once(bytes) })).existed)
  t.is(Buffer.compare(await read(global, key), bytes), 0)
})

test('R005-45: a verification finds what is damaged, and mends it from a Local that holds it', async (t) => {
  const bytes = pattern(SIZE)
  const { nodes, dir, global, key } = await globalWith(t, bytes)
  await global.putMany([pattern(100), pattern(GROUP_BYTES)])
  const local = await nodes.local(global)
  t.is(Buffer.compare(await read(local, key), bytes), 0)
  t.like((await verified(global)).done, { values: 3, damaged: 0 })
  t.like((await verified(local)).done, { values: 1, damaged: 0 })

  await flip(await valueFile(dir), SIZE - 1)
  await local.evict(key)
  const found = await verified(global)
  t.deepEqual(found.damaged, [{ key: key.toString(), repaired: false }])
  t.like(found.done, { values: 3, damaged: 1 })
  t.is(await damagedAt(global), 1)

  const holder = await nodes.local(global, { listen: ['/ip4/127.0.0.1/tcp/0'] })
  await t.throwsAsync(read(holder, key), DAMAGED)
  await global.put({ bytes: once(bytes) })
  t.is(Buffer.compare(await read(holder, key), bytes), 0)
  await flip(await valueFile(dir), SIZE - 1)
  t.deepEqual((await verified(global, true)).damaged, [{ key: key.toString(), repaired: true }])
  t.is(await damagedAt(global), 0)
  t.is(Buffer.compare(await read(global, key), bytes), 0)
})

test('R005-45: a verification can be left, and ends with its signal', async (t) => {
  const { global } = await globalWith(t, pattern(5 * PIECE_BYTES))
  for await (const one of global.verify()) {
    t.is(one.type, 'progress')
    break
  }
  const stop = new AbortController()
  stop.abort(new Error('enough'))
  await t.throwsAsync(async () => {
    for await (const _ of global.verify({ signal: stop.signal }));
  })
})

/** Change every copy of these bytes in LMDB's file, which keeps no checksums. */
async function decay(dir: string, bytes: Uint8Array): Promise<void> {
  const path = join(dir, 'store-v3', 'records', 'data.mdb')
  const file = await readFile(path)
  let found = 0
  for (let at = file.indexOf(bytes); at !== -1; at = file.indexOf(bytes, at + 1), found++) {
    file[at + (bytes.byteLength >> 1)]! ^= 1
  }
  if (found === 0) throw new Error('the value is not in the file')
  await writeFile(path, file)
}

for (const size of [40, 1000, GROUP_BYTES - 8, GROUP_BYTES]) {
  test(`R005-50: a small value of ${size} bytes that decayed among the records is never given`, async (t) => {
    const bytes = pattern(size)
    const { nodes, dir, global: first, key } = await globalWith(t, bytes)
    await first.index.bind('small', key)
    const { key: other } = await first.put({ bytes: once(pattern(size - 1)) })
    await first.close()
    await decay(dir, bytes)
    const global = await nodes.global({ dir, store: 'disk' })
    const local = await nodes.local(global)
    // Asked for many at once, and by name: the others come.
    const both = await Promise.allSettled([read(local, key), read(local, other)])
    t.like(both[0], { status: 'rejected', reason: DAMAGED })
    t.is(both[1].status, 'fulfilled')
    t.is(await damagedAt(global), 1, 'Global noticed it by itself')
    t.like(await local.index.lookup('small'), { size, heldBytes: 0 })
    await t.throwsAsync(read(global, key), DAMAGED)

    const { existed } = await local.put({ bytes: once(bytes) })
    t.true(existed)
    t.is(await damagedAt(global), 0)
    t.is(Buffer.compare(await read(await nodes.local(global), key), bytes), 0)
  })
}

async function verified(
  node: Node,
  repair = false,
): Promise<{ damaged: { key: string; repaired: boolean }[]; done: unknown }> {
  const damaged: { key: string; repaired: boolean }[] = []
  let done: unknown
  for await (const one of node.verify({ repair })) {
    if (one.type === 'damaged') damaged.push({ key: one.key.toString(), repaired: one.repaired })
    if (one.type === 'done') done = one
  }
  return { damaged, done }
}
