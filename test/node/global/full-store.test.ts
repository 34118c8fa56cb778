/** Puts of values that are stored already, at a full store. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { test } from '../../serial.ts'
import { PARALLEL_COPY_BYTES, INLINE_VALUE_BYTES } from '../../../src/limits.ts'
import type { Global } from '../../../src/node/global/global.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'
import { pattern } from '../../hash/sizes.ts'
import { inTemporary } from '../../store/temporary.ts'
import { Nodes, once } from '../nodes.ts'
import { withGlobal } from './with-global.ts'

const SIZES = [100, INLINE_VALUE_BYTES + 1, PARALLEL_COPY_BYTES + 12_345]
const TOTAL = SIZES.reduce((sum, size) => sum + size, 0)

/** At a node whose store is full of a value of each size. */
function full(
  title: string,
  run: (t: ExecutionContext, at: { node: Global; path: string }) => Promise<void>,
) {
  for (const kind of ['memory', 'disk'] as const) {
    test(`${title}: ${kind}`, async (t) => {
      await inTemporary(async (directory) => {
        const maxBytes = TOTAL
        const store =
          kind === 'memory'
            ? createMemoryStore({ maxBytes })
            : await openDiskStore({ directory, maxBytes })
        await withGlobal(store, async (node) => {
          for (const size of SIZES) await node.put({ bytes: once(pattern(size)), size })
          t.is((await store.usage()).headroomBytes, 0)
          await run(t, { node, path: join(directory, 'file') })
          t.like(await store.usage(), { values: SIZES.length, headroomBytes: 0 })
        })
      })
    })
  }
}

/** The same length, and one bit that differs at the end. */
function other(size: number): Uint8Array {
  const bytes = pattern(size).slice()
  bytes[size - 1]! ^= 1
  return bytes
}

const NO_SPACE = { code: 'no-space' }

full('R007-457: a file that is stored needs no room', async (t, { node, path }) => {
  for (const [i, size] of SIZES.entries()) {
    await writeFile(path, pattern(size))
    t.like(await node.put({ path }, { name: `name ${i}` }), { existed: true, size })
    t.deepEqual((await node.index.lookup(`name ${i}`))?.size, size)
    await writeFile(path, other(size))
    await t.throwsAsync(node.put({ path }), NO_SPACE)
  }
})

full('R007-457: a stream of announced length that is stored needs no room', async (t, { node }) => {
  for (const size of SIZES) {
    t.like(await node.put({ bytes: once(pattern(size)), size }), { existed: true, size })
    await t.throwsAsync(node.put({ bytes: once(other(size)), size }), NO_SPACE)
  }
})

full(
  'R007-457: of a stream without a length, only a short one is read to its end',
  async (t, { node }) => {
    const [small, middle, large] = SIZES as [number, number, number]
    for (const size of [small, middle]) {
      t.like(await node.put({ bytes: once(pattern(size)) }), { existed: true, size })
      await t.throwsAsync(node.put({ bytes: once(other(size)) }), NO_SPACE)
    }
    let read = 0
    const counted = async function* () {
      for (let i = 0; i < 16; i++) {
        read += large / 8
        yield pattern(Math.floor(large / 8))
      }
    }
    await t.throwsAsync(node.put({ bytes: counted() }), NO_SPACE)
    t.true(read < large + large / 4, `${read} bytes were read`)
  },
)

full(
  'R007-457: small values that are stored need no room, also beside new ones',
  async (t, { node }) => {
    const stored = pattern(SIZES[0]!)
    t.like(await node.putMany([stored, stored]), [{ existed: true }, { existed: true }])
    t.like(await node.putNamed([{ value: stored, name: 'small' }]), [{ existed: true }])
    await t.throwsAsync(node.putMany([stored, other(100)]), NO_SPACE)
    t.like(await node.putMany([stored]), [{ existed: true }])
  },
)

test('R007-457: of a stream whose length no stored value has, nothing is read', async (t) => {
  const node = await new Nodes(t).global({ store: 'disk', maxBytes: 1 })
  let isRead = false
  const bytes = async function* () {
    isRead = true
    yield pattern(2)
  }
  await t.throwsAsync(node.put({ bytes: bytes(), size: PARALLEL_COPY_BYTES + 1 }), NO_SPACE)
  t.false(isRead)
  await t.throwsAsync(node.put({ bytes: bytes(), size: 2 }), NO_SPACE)
  t.true(isRead)
})

test('R007-457: what a Local puts again needs no room at Global', async (t) => {
  const nodes = new Nodes(t)
  const local = await nodes.local(await nodes.global({ maxBytes: 40_100 }))
  for (const size of [40_000, 100]) {
    await local.put({ bytes: once(pattern(size)) })
  }
  for (const size of [40_000, 100]) {
    t.like(await local.put({ bytes: once(pattern(size)) }), { existed: true, size })
    t.like(await local.put({ bytes: once(pattern(size)), size }), { existed: true, size })
    await t.throwsAsync(local.put({ bytes: once(other(size)) }), NO_SPACE)
  }
})
