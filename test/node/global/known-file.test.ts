/** Files that are values of the store already. */
import { appendFile, chmod, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { equal } from '../../../src/bytes.ts'
import { HASH_WINDOW_BYTES, MIB, PARALLEL_COPY_BYTES } from '../../../src/limits.ts'
import type { Node, PutOptions, PutResult } from '../../../src/node/node.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { type Files, nodeFiles } from '../../../src/store/disk/files.ts'
import { pattern } from '../../hash/sizes.ts'
import { inTemporary } from '../../store/temporary.ts'
import { once, read } from '../nodes.ts'
import { openGlobal } from './with-global.ts'

const SIZE = PARALLEL_COPY_BYTES + 12_345

interface Put extends PutResult {
  readonly phases: readonly string[]
  /** Files of values that the put began in the store. */
  readonly created: number
}

interface Place {
  readonly node: Node
  readonly values: string
  /** Puts a file of these bytes. */
  readonly put: (bytes: Uint8Array, options?: PutOptions) => Promise<Put>
  /** The node, closed and opened again. */
  readonly again: () => Promise<Place>
}

async function openPlace(directory: string): Promise<Place> {
  let created = 0
  const files: Files = {
    ...nodeFiles,
    create: (path) => {
      if (path.endsWith('.part')) created++
      return nodeFiles.create(path)
    },
  }
  const node = await openGlobal(await openDiskStore({ directory }, { files }))
  const path = join(directory, 'file')
  return {
    node,
    values: join(directory, 'store-v3', 'values'),
    put: async (bytes, options = {}) => {
      await writeFile(path, bytes)
      const before = created
      const phases = new Set<string>()
      const onProgress: PutOptions['onProgress'] = (progress) => {
        phases.add(progress.phase)
        options.onProgress?.(progress)
      }
      const result = await node.put({ path }, { ...options, onProgress })
      return { ...result, phases: [...phases], created: created - before }
    },
    again: async () => {
      await node.close()
      return openPlace(directory)
    },
  }
}

function placed(title: string, run: (t: ExecutionContext, place: Place) => Promise<Place | void>) {
  test(title, async (t) => {
    await inTemporary(async (directory) => {
      const place = await openPlace(directory)
      const last = await run(t, place)
      await (last ?? place).node.close()
    })
  })
}

placed('R005-68: a value that is put again is hashed and not written', async (t, place) => {
  const first = await place.put(pattern(SIZE))
  t.like(first, { existed: false, phases: ['store'], created: 1 })
  const second = await place.put(pattern(SIZE), { name: 'again' })
  t.like(second, { existed: true, phases: ['hash'], created: 0 })
  t.true(second.key.equals(first.key))
  t.is((await place.node.status()).store!.values, 1)
  const later = await place.again()
  t.like(await later.put(pattern(SIZE)), { existed: true, phases: ['hash'], created: 0 })
  t.true((await later.node.index.stat(first.key))!.names.includes('again'))
  const tag = { name: 'tag', naming: { kind: 'tag' } } as const
  const { key: previous } = await later.node.put({ bytes: once(pattern(5)) }, tag)
  const moved = await later.put(pattern(SIZE), tag)
  t.like(moved, { existed: true, phases: ['hash'], created: 0, silent: [] })
  t.true(moved.previous?.equals(previous), 'R007-302')
  return later
})

placed('R005-68: a value of a stream is known when it comes as a file', async (t, place) => {
  await place.node.put({ bytes: once(pattern(SIZE)), size: SIZE })
  t.like(await place.put(pattern(SIZE)), { existed: true, created: 0 })
})

placed('R005-68: where only the size is the same, nothing is hashed first', async (t, place) => {
  await place.put(pattern(SIZE))
  const other = pattern(SIZE).slice()
  other[HASH_WINDOW_BYTES - 1]! ^= 1
  t.like(await place.put(other), { existed: false, phases: ['store'], created: 1 })
  t.is((await place.node.status()).store!.values, 2)
})

placed('R005-68: where only the first window is the same, the rest decides', async (t, place) => {
  await place.put(pattern(SIZE))
  for (const at of [HASH_WINDOW_BYTES, SIZE - 1]) {
    const other = pattern(SIZE).slice()
    other[at]! ^= 1
    const put = await place.put(other)
    t.like(put, { existed: false, phases: ['hash', 'store'], created: 1 })
    t.true(equal(await read(place.node, put.key), other))
  }
})

placed('R005-46, R005-68: a damaged value is written, and whole again', async (t, place) => {
  const { key } = await place.put(pattern(SIZE))
  const [name] = await readdir(place.values)
  const path = join(place.values, name!)
  await chmod(path, 0o600)
  await writeFile(path, 'x', { flag: 'r+' })
  await t.throwsAsync(read(place.node, key), { code: 'integrity' })
  t.like(await place.put(pattern(SIZE)), { existed: true, created: 1 })
  t.true(equal(await read(place.node, key), pattern(SIZE)))
})

placed('R005-68: a removed value is a new one', async (t, place) => {
  const { key } = await place.put(pattern(SIZE))
  await place.node.index.remove(key)
  t.like(await place.put(pattern(SIZE)), { existed: false, phases: ['store'], created: 1 })
})

placed('R005-52, R005-68: a file that changes while it is hashed is refused', async (t, place) => {
  await place.put(pattern(SIZE))
  const path = join(place.values, '..', '..', 'file')
  let isChanged = false
  const onProgress = (): void => {
    if (isChanged) return
    isChanged = true
    void appendFile(path, 'more').then(() => utimes(path, 1, 1))
  }
  // What was appended when the last byte is read is seen.
  const large = Buffer.alloc(4 * PARALLEL_COPY_BYTES, pattern(251))
  await place.put(large)
  await t.throwsAsync(place.put(large, { onProgress }), { code: 'changed' })
  t.is((await place.node.status()).store!.values, 2)
})

placed('R005-68: a name that another value has is refused', async (t, place) => {
  await place.node.put({ bytes: once(pattern(MIB)) }, { name: 'taken' })
  await place.put(pattern(SIZE))
  await t.throwsAsync(place.put(pattern(SIZE), { name: 'taken' }), { code: 'conflict' })
})
