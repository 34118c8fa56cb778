/**
 * The process that is killed: puts and removes as fast as the store answers, and tells its parent
 * of each before and after, a line each. What it told `done` must survive it. Arguments: directory,
 * seed.
 */
import { randomBytes } from 'node:crypto'
import { writeSync } from 'node:fs'
import { open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GROUP_BYTES, PARALLEL_COPY_BYTES, PIECE_BYTES } from '../../../../src/limits.ts'
import { openDiskStore } from '../../../../src/store/disk/disk.ts'
import type { Location, Staging } from '../../../../src/store/store.ts'
import { keyOf, text } from '../../conformance/suite.ts'
import { valueOf } from './value.ts'

const WORKERS = 8

/** Mostly small, some around the size at which a file of its own begins, a few large. */
const SIZES: readonly number[] = [
  1,
  100,
  1000,
  1000,
  GROUP_BYTES - 64,
  GROUP_BYTES - 63,
  100_000,
  100_000,
  PIECE_BYTES + 1,
  8 * PIECE_BYTES,
  PARALLEL_COPY_BYTES + GROUP_BYTES + 1,
]

const [directory, run] = process.argv.slice(2) as [string, string]
const store = await openDiskStore({ directory })

/** A write to a pipe of less than a page is whole, and is with the parent when this returns. */
function tell(...words: readonly (string | number)[]): void {
  writeSync(1, `${words.join(' ')}\n`)
}

async function put(id: string, size: number): Promise<Location> {
  tell('put', id, size)
  const staging = await store.stage(size)
  const bytes = valueOf(id, size)
  if (size > PARALLEL_COPY_BYTES) {
    await fill(staging, id, bytes)
    return commit(id, size, staging)
  }
  for (let offset = 0; offset < size; offset += PIECE_BYTES) {
    await staging.write(bytes.subarray(offset, offset + PIECE_BYTES))
  }
  return commit(id, size, staging)
}

/** Writes the bytes to a file, from which threads copy them. */
async function fill(staging: Staging, id: string, bytes: Uint8Array): Promise<void> {
  const path = join(directory, `source-${id}`)
  await writeFile(path, bytes)
  const file = await open(path)
  await staging.copyFrom!({
    fd: file.fd,
    path,
    size: bytes.byteLength,
    signal: undefined,
    onProgress: () => undefined,
  })
  await file.close()
  await rm(path)
}

async function commit(id: string, size: number, staging: Staging): Promise<Location> {
  const location = await staging.seal(valueOf(id, 64))
  await store.commit({
    conditions: [{ key: keyOf(id), version: 0 }],
    writes: [{ key: keyOf(id), value: text(`${location} ${size}`) }],
    entry: text(`put ${id}`),
    adopt: [location],
  })
  tell('done', 'put', id, size)
  return location
}

async function remove(id: string, location: Location): Promise<void> {
  tell('remove', id)
  await store.commit({
    conditions: [],
    writes: [{ key: keyOf(id), value: undefined }],
    entry: text(`remove ${id}`),
    release: [location],
  })
  tell('done', 'remove', id)
}

async function work(worker: number): Promise<void> {
  const mine: (readonly [string, Location])[] = []
  for (let i = 0; ; i++) {
    const size = SIZES[randomBytes(1)[0]! % SIZES.length]!
    const id = `${run}-${worker}-${i}`
    mine.push([id, await put(id, size)])
    if (mine.length > 3) await remove(...mine.splice(randomBytes(1)[0]! % mine.length, 1)[0]!)
  }
}

tell('ready', store.recovery.deletedFiles, store.recovery.damaged.length)
await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)))
