/** Files that threads copy into the store of a node. */
import { appendFile, readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { equal, gather } from '../../../src/bytes.ts'
import { hash } from '../../../src/hash/hasher.ts'
import {
  EARLY_SYNC_BYTES,
  GROUP_BYTES,
  HASH_THREADS,
  MIB,
  PARALLEL_COPY_BYTES,
} from '../../../src/limits.ts'
import { ingestFile, isCopied } from '../../../src/node/global/ingest.ts'
import type { CallOptions } from '../../../src/node/node.ts'
import { type DiskStore, openDiskStore } from '../../../src/store/disk/disk.ts'
import { type Files, nodeFiles } from '../../../src/store/disk/files.ts'
import { FileSource } from '../../../src/store/file/file-source.ts'
import { pattern } from '../../hash/sizes.ts'
import { inTemporary } from '../../store/temporary.ts'

interface Place {
  readonly store: DiskStore
  readonly path: string
  /** Ingests the file at `path`. */
  readonly put: (options?: CallOptions) => ReturnType<typeof ingestFile>
  /** Names in the directory of values. */
  readonly files: () => Promise<string[]>
}

async function withFile(
  bytes: Uint8Array,
  run: (place: Place) => Promise<void>,
  { files, maxBytes }: { readonly files?: Files; readonly maxBytes?: number } = {},
): Promise<void> {
  await inTemporary(async (directory) => {
    const path = join(directory, 'file')
    await writeFile(path, bytes)
    const options = { directory, ...(maxBytes !== undefined && { maxBytes }) }
    const store = await openDiskStore(options, files && { files })
    const put: Place['put'] = async (call = {}) => {
      const file = await FileSource.open(path)
      try {
        return await ingestFile(store, file, call)
      } finally {
        await file.close()
      }
    }
    try {
      await run({ store, path, put, files: () => readdir(join(directory, 'store-v3', 'values')) })
    } finally {
      await store.close()
    }
  })
}

async function checkNothingLeft(t: ExecutionContext, { store, files }: Place): Promise<void> {
  t.deepEqual(await files(), [])
  t.is((await store.usage()).headroomBytes, 100 * MIB)
}

const BOUNDED = { maxBytes: 100 * MIB }

for (const extra of [0, 1, GROUP_BYTES, 128 * 1024 + 1, MIB - 1, 3 * MIB + GROUP_BYTES + 5]) {
  const size = PARALLEL_COPY_BYTES + extra
  test(`R005-67: a file of ${size} bytes is what is stored, with its key and outboard`, async (t) => {
    const bytes = pattern(size)
    await withFile(bytes, async ({ store, put, path }) => {
      t.true(isCopied(store, await opened(t, path)))
      const done: number[] = []
      const value = await put({ onProgress: ({ doneBytes }) => done.push(doneBytes) })
      const expected = hash(bytes)
      t.true(equal(value.digest, expected.digest))
      t.true(equal(await store.outboard(value.location), expected.outboard))
      const all = { start: 0, end: size }
      t.true(equal(await gather(store.read(value.location, all)), bytes))
      t.is(done.at(-1), size)
      t.deepEqual(
        done,
        done.toSorted((a, b) => a - b),
      )
      await value.staging.discard()
    })
  })
}

async function opened(t: ExecutionContext, path: string): Promise<FileSource> {
  const file = await FileSource.open(path)
  t.teardown(() => file.close())
  return file
}

/** A copy ends only when what the test does meanwhile is done. */
const slow: Files = {
  ...nodeFiles,
  create: async (path) => {
    const file = await nodeFiles.create(path)
    return {
      ...file,
      copyFrom: async (content) => {
        const hashed = await file.copyFrom(content)
        await new Promise((resolve) => setTimeout(resolve, 60))
        return hashed
      },
    }
  },
}

const CHANGES: Readonly<Record<string, (path: string) => Promise<void>>> = {
  'it grows': (path) => appendFile(path, 'more'),
  'it shrinks': (path) => truncate(path, MIB),
  'it is written to': async (path) => {
    // Past the tick of the file system's clock.
    await new Promise((resolve) => setTimeout(resolve, 20))
    await writeFile(path, 'x', { flag: 'r+' })
  },
}

for (const [what, change] of Object.entries(CHANGES)) {
  test(`R005-52, R005-67: ${what} while threads copy it: changed, and nothing stays`, async (t) => {
    await withFile(
      pattern(PARALLEL_COPY_BYTES + 100),
      async (place) => {
        let isChanged: Promise<void> | undefined
        const onProgress = (): void => void (isChanged ??= change(place.path))
        const put = place.put({ onProgress })
        // Wherever the copy is by then: the change is seen at the end, or the file ends too early.
        const error = await t.throwsAsync(
          put.then(async (value) => {
            await isChanged
            return value
          }),
          { code: 'changed' },
        )
        t.regex(error.message, /while it was being read/)
        await checkNothingLeft(t, place)
      },
      { ...BOUNDED, files: slow },
    )
  })
}

test('R005-67: a call that is cancelled stops the threads, and nothing stays', async (t) => {
  // More than all threads take in one turn, and no bytes on the disk.
  const size = (HASH_THREADS + 1) * 32 * MIB
  await withFile(
    new Uint8Array(0),
    async ({ path, put, files, store }) => {
      await truncate(path, size)
      const cancel = new AbortController()
      let done = 0
      const onProgress: CallOptions['onProgress'] = ({ doneBytes }) => {
        done = doneBytes
        cancel.abort()
      }
      await t.throwsAsync(put({ signal: cancel.signal, onProgress }), { code: 'cancelled' })
      t.true(done < size, 'the rest was not copied')
      await t.throwsAsync(put({ signal: AbortSignal.abort() }), { code: 'cancelled' })
      t.deepEqual(await files(), [])
      t.is((await store.usage()).headroomBytes, size)
    },
    { maxBytes: size },
  )
})

test('R005-24, R005-67: a file that does not fit is refused before a byte is written', async (t) => {
  await withFile(
    pattern(PARALLEL_COPY_BYTES),
    async ({ put, files, store }) => {
      await t.throwsAsync(put(), { code: 'no-space' })
      t.deepEqual(await files(), [])
      t.is((await store.usage()).headroomBytes, MIB)
    },
    { maxBytes: MIB },
  )
})

for (const code of ['EIO', 'ENOSPC'] as const) {
  test(`R005-32, R005-67: ${code} of a copy fails the put, and nothing stays`, async (t) => {
    const files: Files = {
      ...nodeFiles,
      create: async (path) => ({
        ...(await nodeFiles.create(path)),
        copyFrom: async () => Promise.reject(Object.assign(new Error(code), { code })),
      }),
    }
    await withFile(
      pattern(PARALLEL_COPY_BYTES),
      async (place) => {
        await t.throwsAsync(place.put(), { code: code === 'EIO' ? 'unwritable' : 'no-space' })
        await checkNothingLeft(t, place)
      },
      { ...BOUNDED, files },
    )
  })
}

test('R005-67: many files at once share the threads, and each is whole', async (t) => {
  await inTemporary(async (directory) => {
    const store = await openDiskStore({ directory })
    const sizes = Array.from({ length: 9 }, (_, i) => PARALLEL_COPY_BYTES + i * GROUP_BYTES + i)
    const values = sizes.map(async (size, i) => {
      const path = join(directory, `file-${i}`)
      await writeFile(path, pattern(size))
      const file = await FileSource.open(path)
      const value = await ingestFile(store, file, {})
      await file.close()
      return value
    })
    for (const [i, value] of (await Promise.all(values)).entries()) {
      t.true(equal(value.digest, hash(pattern(sizes[i]!)).digest))
      await value.staging.discard()
    }
    await store.close()
  })
})

test('R005-67: a copy that is longer than a turn and an early sync is whole', async (t) => {
  const size = EARLY_SYNC_BYTES + 3 * MIB + 7
  const bytes = Buffer.alloc(size, pattern(251 * 61))
  await withFile(bytes, async ({ put, store }) => {
    const value = await put()
    const expected = hash(bytes)
    t.true(equal(value.digest, expected.digest))
    t.true(equal(await store.outboard(value.location), expected.outboard))
    await value.staging.discard()
  })
})
