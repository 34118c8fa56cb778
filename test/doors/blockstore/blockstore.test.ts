/** The package `@dstore/blockstore` over a node: what the suite of its interface does not ask. */
import { test } from '../../serial.ts'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { createNode, digestName, DstoreError, Key, keyOf, type Dstore } from '@dstore/dstore'
import { CID } from 'multiformats/cid'
import * as multihash from 'multiformats/hashes/digest'
import {
  blake3,
  DstoreBlockstore,
  dstoreBlockBroker,
} from '../../../packages/blockstore/src/index.ts'
import { temporaryDirectory } from '../../daemon/serving.ts'
import { readyGroups } from '../../../packages/blockstore/src/groups.ts'
import { largePieces } from '../../../packages/blockstore/src/pieces.ts'
import type { BlockstoreOptions } from '../../../packages/blockstore/src/index.ts'

const RAW = 0x55
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const own = (bytes: Uint8Array, codec = RAW): CID => CID.createV1(codec, blake3.digest(bytes))

const sha =
  (name: 'sha1' | 'sha256' | 'sha384' | 'sha512', code: number) =>
  (bytes: Uint8Array): CID =>
    CID.createV1(
      RAW,
      multihash.create(code, Uint8Array.from(createHash(name).update(bytes).digest())),
    )

const foreign = sha('sha256', 0x12)

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

const read = async (pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> => {
  const parts: Uint8Array[] = []
  for await (const piece of pieces) parts.push(piece)
  return Buffer.concat(parts)
}

async function opened(
  t: ExecutionContext,
  options: BlockstoreOptions = {},
): Promise<{ store: Dstore; blocks: DstoreBlockstore }> {
  const store = await createNode()
  t.teardown(() => store.close())
  return { store, blocks: new DstoreBlockstore(store, options) }
}

const isFault =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof DstoreError && error.code === code

async function fails(
  t: ExecutionContext,
  code: string,
  work: () => Promise<unknown>,
): Promise<DstoreError> {
  const error = await t.throwsAsync(work)
  t.true(isFault(code)(error), String(error))
  return error as DstoreError
}

const LARGE = Uint8Array.from({ length: 3_000_000 }, (_, at) => (at * 7) & 255)

async function* inPieces(bytes: Uint8Array, length = 100_000): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(length)
  for (let at = 0; at < bytes.byteLength; at += length) {
    await Promise.resolve()
    // As a reader of files does, it uses the same memory again.
    const part = bytes.subarray(at, at + length)
    piece.set(part)
    yield piece.subarray(0, part.byteLength)
  }
}

test('a block by BLAKE3 is the value with that key, of any size and codec', async (t) => {
  const { store, blocks } = await opened(t)
  for (const bytes of [new Uint8Array(), bytesOf('text'), LARGE]) {
    for (const source of [bytes, [bytes], inPieces(bytes)]) {
      const cid = own(bytes)
      t.is(await blocks.put(cid, source), cid)
      t.true((await read(blocks.get(cid))).equals(bytes))
      t.true((await read(blocks.get(own(bytes, 0x71)))).equals(bytes))
      t.true(await blocks.has(own(bytes, 0x70)))
      t.true(await store.has(cid.toString()))
      await store.remove(cid.toString())
    }
  }
})

test('a block by SHA-2 is the value with the name that spells its digest', async (t) => {
  const { store, blocks } = await opened(t)
  for (const [code, name, algorithm] of [
    [0x12, 'sha256', 'sha2-256'],
    [0x20, 'sha384', 'sha2-384'],
    [0x13, 'sha512', 'sha2-512'],
  ] as const) {
    const cid = sha(name, code)(LARGE)
    await blocks.put(cid, inPieces(LARGE))
    t.true((await read(blocks.get(cid))).equals(LARGE))
    const bound = await store.lookup(digestName(algorithm, cid.multihash.digest))
    t.is(bound?.key.toString(), keyOf(LARGE).toString())
    await blocks.delete(cid)
    t.false(await blocks.has(cid))
  }
  const old = CID.createV0(multihash.create(0x12, foreign(LARGE).multihash.digest))
  await blocks.put(old, LARGE)
  t.true(await blocks.has(foreign(LARGE)))
})

test('bytes that are not those of the CID are refused, and nothing is stored', async (t) => {
  const { store, blocks } = await opened(t)
  for (const cid of [own(bytesOf('one')), foreign(bytesOf('one'))]) {
    for (const source of [bytesOf('two'), [bytesOf('two')], inPieces(LARGE)]) {
      await fails(t, 'usage', () => blocks.put(cid, source))
      await fails(t, 'usage', () => all(blocks.putMany([{ cid, bytes: source }])))
    }
    t.false(await blocks.has(cid))
  }
  t.deepEqual(await all(store.keys()), [])
})

test('bytes that change while they are put do not pass for the block', async (t) => {
  const { store, blocks } = await opened(t)
  const put = store.put.bind(store)
  store.put = (source, options) => {
    ;(source as Uint8Array).fill(1)
    return put(source, options)
  }
  const bytes = bytesOf('text')
  await fails(t, 'usage', () => blocks.put(own(bytes), bytes))
})

test('a hash function that dstore has no names for: nothing is there, and put says why', async (t) => {
  const { blocks } = await opened(t)
  const sha1 = sha('sha1', 0x11)(LARGE)
  const short = CID.createV1(RAW, blake3.digest(LARGE, { truncate: 20 }))
  for (const cid of [sha1, short, CID.createV1(RAW, multihash.create(0, new Uint8Array(3)))]) {
    t.false(await blocks.has(cid))
    await t.throwsAsync(() => all(blocks.get(cid)), { name: 'NotFoundError' })
    await t.notThrowsAsync(() => blocks.delete(cid))
    const { hint } = await fails(t, 'usage', () => blocks.put(cid, LARGE))
    t.regex(hint!, /sha2-256/)
    await fails(t, 'usage', () => all(blocks.putMany([{ cid, bytes: LARGE }])))
  }
})

test('a block is read as one piece, and one of any size in large ones', async (t) => {
  const { blocks } = await opened(t)
  await blocks.put(own(LARGE), LARGE)
  for (const bytes of [new Uint8Array(), LARGE]) {
    await blocks.put(own(bytes), bytes)
    t.is((await all(blocks.get(own(bytes)))).length, 1)
  }
  for (const [size, length, lengths] of [
    [250_000, 100_000, [100_000, 100_000, 50_000]],
    [200_000, 70_000, [70_000, 70_000, 60_000]],
    [100_000, 100_000, [100_000]],
  ] as const) {
    const bytes = LARGE.subarray(0, size)
    const pieces = await all(largePieces(Object.assign(inPieces(bytes, 30_000), { size }), length))
    t.deepEqual(
      pieces.map(({ byteLength }) => byteLength),
      lengths,
    )
    t.true(Buffer.concat(pieces).equals(bytes))
  }
})

test('putMany: groups share messages, and a block fails alone', async (t) => {
  const { store, blocks } = await opened(t)
  const sizes: number[] = []
  const putMany = store.putMany.bind(store) as (...given: unknown[]) => Promise<never>
  store.putMany = (items: readonly unknown[], ...rest: unknown[]) => {
    sizes.push(items.length)
    return putMany(items, ...rest)
  }
  const texts = Array.from({ length: 200 }, (_, at) => bytesOf(`block ${at}`))
  const pairs = texts.map((bytes, at) => ({ cid: (at % 2 ? own : foreign)(bytes), bytes }))
  t.deepEqual(
    await all(blocks.putMany(pairs)),
    pairs.map(({ cid }) => cid),
  )
  t.deepEqual(sizes, [64, 64, 64, 8])
  for (const { cid, bytes } of pairs) t.true((await read(blocks.get(cid))).equals(bytes))

  const wrong = [...pairs.slice(0, 3), { cid: own(bytesOf('x')), bytes: bytesOf('y') }, ...pairs]
  const seen: CID[] = []
  await fails(t, 'usage', async () => {
    for await (const cid of blocks.putMany(wrong)) seen.push(cid)
  })
  t.deepEqual(
    seen,
    pairs.slice(0, 3).map(({ cid }) => cid),
  )
})

test('putMany: large blocks are streamed, in their place', async (t) => {
  const { blocks } = await opened(t)
  const small = bytesOf('small')
  const pairs = [
    { cid: foreign(small), bytes: small },
    { cid: own(LARGE), bytes: inPieces(LARGE) },
    { cid: foreign(LARGE), bytes: inPieces(LARGE) },
    { cid: own(small), bytes: [small] },
  ]
  t.deepEqual(
    await all(blocks.putMany(pairs)),
    pairs.map(({ cid }) => cid),
  )
  for (const { cid } of pairs) t.true(await blocks.has(cid))
})

test('putMany does not wait for a source that waits for it', async (t) => {
  const { blocks } = await opened(t)
  let stored = 0
  let wake = (): void => undefined
  async function* source(): AsyncGenerator<{ cid: CID; bytes: Uint8Array }> {
    for (let at = 0; at < 3; at++) {
      if (stored < at) await new Promise<void>((resolve) => (wake = resolve))
      const bytes = bytesOf(`block ${at}`)
      yield { cid: own(bytes), bytes }
    }
  }
  for await (const _ of blocks.putMany(source())) {
    stored++
    wake()
  }
  t.is(stored, 3)
})

test('a source that is left is told, and one that is busy does not keep its caller', async (t) => {
  let left = 0
  const source = (next: () => Promise<IteratorResult<number>>): AsyncIterator<number> => ({
    next,
    return: () => {
      left++
      return Promise.resolve({ done: true, value: undefined })
    },
  })
  async function* endless(): AsyncGenerator<number> {
    yield 1
    await new Promise(() => undefined)
  }
  const items = endless()
  const busy = source(() => items.next())
  // As a generator does, it leaves only when it is no longer busy.
  busy.return = () => {
    left++
    return items.return(undefined)
  }
  for await (const group of readyGroups(busy, 10, () => false)) {
    t.deepEqual(group, [1])
    break
  }
  t.is(left, 1)
  let at = 2
  const failing = source(() =>
    at++ < 4 ? Promise.resolve({ done: false, value: at }) : Promise.reject(new Error('broken')),
  )
  const groups: (readonly number[])[] = []
  await t.throwsAsync(
    async () => {
      for await (const group of readyGroups(failing, 10, () => false)) groups.push(group)
    },
    { message: 'broken' },
  )
  t.deepEqual(groups, [[3, 4]])
})

test('getAll has each block once: by its name where it has one, else by its key', async (t) => {
  const { store, blocks } = await opened(t)
  const texts = Array.from({ length: 600 }, (_, at) => bytesOf(`block ${at}`))
  await store.putMany(texts)
  await blocks.put(foreign(texts[0]!), texts[0]!)
  await store.put('named', { name: 'a/name' })
  const found = new Map<string, string>()
  for await (const { cid, bytes } of blocks.getAll()) {
    t.false(found.has(cid.toString()))
    found.set(cid.toString(), (await read(bytes)).toString())
  }
  t.is(found.size, 601)
  t.is(found.get(foreign(texts[0]!).toString()), 'block 0')
  t.is(found.get(own(texts[1]!).toString()), 'block 1')
  t.is(found.get(own(bytesOf('named')).toString()), 'named')
})

test('delete removes no value by its key unless it was told to', async (t) => {
  const { store, blocks } = await opened(t)
  const bytes = bytesOf('text')
  await blocks.put(own(bytes), bytes)
  const { hint } = await fails(t, 'not-permitted', () => blocks.delete(own(bytes)))
  t.regex(hint!, /deletes: 'values'/)
  t.true(await blocks.has(own(bytes)))
  const careful = new DstoreBlockstore(store, { deletes: 'nothing' })
  await blocks.put(foreign(bytes), bytes)
  await fails(t, 'not-permitted', () => careful.delete(foreign(bytes)))
  t.true(await blocks.has(foreign(bytes)))
})

test('delete of a key takes what nothing else holds, and refuses the rest', async (t) => {
  const { store, blocks } = await opened(t, { deletes: 'values' })
  const bytes = bytesOf('text')
  const cid = own(bytes)
  await blocks.put(cid, bytes)
  t.deepEqual(await all(blocks.deleteMany([cid, cid])), [cid, cid])
  t.false(await blocks.has(cid))

  await store.put(bytes, { name: 'a/name' })
  await fails(t, 'conflict', () => blocks.delete(cid))
  t.is((await store.lookup('a/name'))?.key.toString(), cid.toString())
  await store.unbind('a/name')
  t.false(await blocks.has(cid))

  const folder = temporaryDirectory(t)
  writeFileSync(join(folder, 'file'), bytes)
  const { key } = await store.putDirectory(folder)
  await fails(t, 'conflict', () => blocks.delete(cid))
  await blocks.delete(CID.parse(key.toString()))
  t.false(await blocks.has(cid), 'it went with its directory')
})

test('delete of a name leaves the value to its other names, and to who put it by its key', async (t) => {
  const { store, blocks } = await opened(t)
  const bytes = bytesOf('text')
  await blocks.put(foreign(bytes), bytes)
  await store.put(bytes, { name: 'a/name' })
  await blocks.delete(foreign(bytes))
  t.false(await blocks.has(foreign(bytes)))
  t.true(await blocks.has(own(bytes)))
  await blocks.put(own(bytes), bytes)
  await blocks.put(foreign(bytes), bytes)
  await store.unbind('a/name')
  await blocks.delete(foreign(bytes))
  t.true(await blocks.has(own(bytes)))
})

test('a signal that was aborted keeps every call from beginning, and its reason is the error', async (t) => {
  const { store, blocks } = await opened(t)
  const reason = new Error('the reason')
  const aborted = { signal: AbortSignal.abort(reason) }
  const bytes = bytesOf('text')
  const cid = own(bytes)
  const closed = new DstoreBlockstore(new Proxy(store, { get: () => t.fail('a call began') }))
  for (const call of [
    () => closed.has(cid, aborted),
    () => closed.put(cid, bytes, aborted),
    () => closed.delete(cid, aborted),
    () => all(closed.get(cid, aborted)),
    () => all(closed.getMany([cid], aborted)),
    () => all(closed.putMany([{ cid, bytes }], aborted)),
    () => all(closed.deleteMany([cid], aborted)),
    () => all(closed.getAll(aborted)),
    () => dstoreBlockBroker(store).retrieve(cid, aborted),
  ]) {
    t.is(await t.throwsAsync(call), reason)
  }
  await blocks.put(own(LARGE), LARGE)
  const controller = new AbortController()
  const reading = blocks.get(own(LARGE), controller).next()
  controller.abort(reason)
  t.is(await t.throwsAsync(() => reading), reason)
})

test('a missing block is NotFoundError; other faults are dstore’s own', async (t) => {
  const { store, blocks } = await opened(t)
  for (const cid of [own(LARGE), foreign(LARGE)]) {
    await t.throwsAsync(() => all(blocks.get(cid)), { name: 'NotFoundError' })
    await t.throwsAsync(() => dstoreBlockBroker(store).retrieve(cid), { name: 'NotFoundError' })
    await t.notThrowsAsync(() => new DstoreBlockstore(store, { deletes: 'values' }).delete(cid))
  }
  await store.close()
  await fails(t, 'unreachable', () => all(blocks.get(own(LARGE))))
})

test('the broker gives whole blocks of any size, verified by who asks', async (t) => {
  const { store, blocks } = await opened(t)
  await blocks.put(own(LARGE), LARGE)
  const broker = dstoreBlockBroker(store)
  t.true(Buffer.from(await broker.retrieve(own(LARGE))).equals(LARGE))
  const validated: number[] = []
  const validateFn = (block: Uint8Array): Promise<void> => {
    validated.push(block.byteLength)
    return Promise.resolve()
  }
  await broker.retrieve(own(LARGE), { validateFn, maxSize: LARGE.byteLength })
  t.deepEqual(validated, [LARGE.byteLength])
  const maxSize = LARGE.byteLength - 1
  await t.throwsAsync(() => broker.retrieve(own(LARGE), { maxSize }), { instanceOf: RangeError })
  const bad = (): Promise<void> => Promise.reject(new Error('not this block'))
  await t.throwsAsync(() => broker.retrieve(own(LARGE), { validateFn: bad }), {
    message: 'not this block',
  })
})

test('the hasher gives the digests of keys at once, whole or truncated', (t) => {
  for (const bytes of [new Uint8Array(), bytesOf('text'), LARGE]) {
    const digest = blake3.digest(bytes)
    t.is(digest.code, 0x1e)
    t.deepEqual(Buffer.from(digest.digest), Buffer.from(keyOf(bytes).digest))
    t.is(CID.createV1(RAW, digest).toString(), keyOf(bytes).toString())
    const short = blake3.digest(bytes, { truncate: 20 })
    t.deepEqual(short.digest, digest.digest.subarray(0, 20))
    t.is(short.size, 20)
    t.deepEqual(blake3.digest(bytes, { truncate: 32 }).bytes, digest.bytes)
  }
  for (const truncate of [0, 19, 33, -1]) {
    t.throws(() => blake3.digest(LARGE, { truncate }), { message: /truncate/ })
  }
  t.throws(() => blake3.digest('text' as never), { message: /binary/ })
  t.true(new Key(Uint8Array.from(blake3.encode(LARGE))).equals(keyOf(LARGE)))
})
