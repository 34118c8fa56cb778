/**
 * What a program was given of a value is its own: it may keep it, while the node uses the memory
 * for others.
 */
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { createNode, type Dstore, type Value } from '../../src/dstore.ts'
import { MIB } from '../../src/limits.ts'
import { eventually } from '../eventually.ts'
import { temporaryDirectory } from '../daemon/serving.ts'
import { isPartOf, painted, paintedFile } from '../node/painted.ts'
import { POOLED_VALUE_BYTES } from '../../src/node/cache/cached-value.ts'

const SIZE = POOLED_VALUE_BYTES + 4567
const VALUE = painted(SIZE, 1)

interface Site {
  readonly local: Dstore
  /** Put a value through the Local; its key. */
  readonly put: (colour: number) => Promise<string>
}

/** A Local whose cache holds one value. */
async function opened(t: ExecutionContext): Promise<Site> {
  const global = await createNode({ role: 'global' })
  t.teardown(() => global.close())
  const { ticket } = await global.invite({ role: 'admin' })
  const local = await createNode({ role: 'local', ticket, cacheBytes: 6 * MIB })
  t.teardown(() => local.close())
  await eventually(async () => (await local.status()).global?.state === 'connected')
  const folder = temporaryDirectory(t)
  const put = async (colour: number): Promise<string> => {
    const { key } = await local.put({ path: await paintedFile(folder, SIZE, colour) })
    return key.toString()
  }
  return { local, put }
}

/** Read all of a value in one of the ways, and keep every piece. */
const WAYS: Readonly<Record<string, (value: Value) => Promise<Uint8Array[]>>> = {
  'piece by piece': async (value) => {
    const pieces: Uint8Array[] = []
    for await (const piece of value) pieces.push(piece)
    return pieces
  },
  'as a stream': async (value) => {
    const pieces: Uint8Array[] = []
    for await (const piece of value.stream()) pieces.push(piece)
    return pieces
  },
  'at once': async (value) => [await value.bytes()],
}

/** All of it, a part of one segment, and what lies in two. */
const RANGES: readonly (readonly [start: number, end: number])[] = [
  [0, SIZE],
  [100, 5000],
  [MIB - 10, MIB + 10],
]

for (const [way, read] of Object.entries(WAYS)) {
  test(`what was read ${way} stays as it is when the value is evicted and others come`, async (t) => {
    const { local, put } = await opened(t)
    const key = await put(1)
    for (const [start, end] of RANGES) {
      const pieces = await read(await local.get(key, { range: { start, end } }))
      t.is(await local.evict(key), SIZE, 'it was in the cache')
      await put(2)
      await put(3)
      let at = start
      for (const piece of pieces) {
        t.true(isPartOf(VALUE, at, piece), `from ${at}`)
        at += piece.byteLength
      }
      t.is(at, end)
      await local.prefetch(key)
    }
  })
}

test('a piece stays as it is while the next ones are read, and their value evicted', async (t) => {
  const { local, put } = await opened(t)
  const key = await put(1)
  const pieces: Uint8Array[] = []
  for await (const piece of await local.get(key)) {
    pieces.push(piece)
    if (pieces.length === 2) await local.evict(key)
    await put(1 + pieces.length)
  }
  let at = 0
  for (const piece of pieces) {
    t.true(isPartOf(VALUE, at, piece))
    at += piece.byteLength
  }
  t.is(at, SIZE)
})

test('pieces of a value that the cache has no room for stay as they are while the next ones come', async (t) => {
  const { local } = await opened(t)
  const value = painted(8 * MIB + 5, 4)
  const { key } = await local.put(value)
  const pieces: Uint8Array[] = []
  for await (const piece of await local.get(key)) pieces.push(piece)
  await t.throwsAsync(local.prefetch(key), { code: 'too-large' })
  let at = 0
  for (const piece of pieces) {
    t.true(isPartOf(value, at, piece), `from ${at}`)
    at += piece.byteLength
  }
  t.is(at, value.byteLength)
})

/** Begin to read, and stop; after that nothing of the value is in use. */
const STOPS: Readonly<Record<string, (value: Value) => Promise<void>>> = {
  'leaving the loop': async (value) => {
    for await (const _ of value) break
  },
  'cancelling it': async (value) => {
    const pieces = value[Symbol.asyncIterator]()
    await pieces.next()
    await value.cancel()
  },
  'cancelling its stream': async (value) => {
    const reader = value.stream().getReader()
    await reader.read()
    await reader.cancel()
  },
}

for (const [what, stop] of Object.entries(STOPS)) {
  test(`${what} frees the memory of a value that is being read`, async (t) => {
    const { local, put } = await opened(t)
    const other = await put(2)
    const key = await put(1)
    const reading = (await local.get(key))[Symbol.asyncIterator]()
    await reading.next()
    await t.throwsAsync(local.prefetch(other), { code: 'too-large' }, 'it is in use')
    await reading.return!()
    await local.prefetch(other)
    await local.prefetch(key)
    await stop(await local.get(key))
    await local.prefetch(other)
    t.is((await local.stat(other))?.heldBytes, SIZE)
  })
}
