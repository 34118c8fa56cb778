/**
 * A lone put of 100 bytes at the store beside one durable write of 4 KiB to a preallocated file, in
 * turns; then many at once, batches, and openings. `node dist/bench/lone-put.js [ROUNDS] [KEYS]`.
 */
import { constants } from 'node:fs'
import { cp, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDiskStore } from '../src/store/disk/disk.ts'
import type { Store } from '../src/store/store.ts'

const SMALL_BYTES = 100
const BLOCK_BYTES = 4096
const BATCH = 1024

const rounds = Number(process.argv[2] ?? 1000)
const keys = Number(process.argv[3] ?? 100_000)

const report = (line: string): void => void process.stdout.write(`${line}\n`)

async function time(act: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await act()
  return performance.now() - begin
}

const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!

let count = 0

function nextId(): Uint8Array {
  const id = Buffer.alloc(32)
  // Spread as digests are.
  id.writeUInt32BE(Math.imul(++count, 0x9e37_79b1) >>> 0)
  id.writeUInt32BE(count, 4)
  return id
}

async function puts(store: Store, number: number): Promise<void> {
  const values = Array.from({ length: number }, () => Buffer.alloc(SMALL_BYTES, count))
  const locations = await store.sealSmall(values)
  await store.commitAll(
    locations.map((location) => {
      const id = nextId()
      const key = { table: 'keys', id } as const
      return {
        conditions: [{ key, version: 0 }],
        writes: [{ key, value: Buffer.from(location) }],
        entry: id,
        adopt: [location],
      }
    }),
  )
}

async function lone(directory: string): Promise<void> {
  const store = await openDiskStore({ directory: join(directory, 'lone') })
  const path = join(directory, 'plain')
  const plain = await open(path, constants.O_CREAT | constants.O_RDWR | constants.O_DSYNC)
  await plain.write(Buffer.alloc(rounds * BLOCK_BYTES))
  const block = Buffer.alloc(BLOCK_BYTES, 1)
  const ours: number[] = []
  const theirs: number[] = []
  for (let i = 0; i < rounds; i++) {
    theirs.push(await time(() => plain.write(block, 0, BLOCK_BYTES, i * BLOCK_BYTES)))
    ours.push(await time(() => puts(store, 1)))
  }
  await plain.close()
  await store.close()
  const [put, write] = [quantile(ours, 0.5), quantile(theirs, 0.5)]
  report(
    `lone put of 100 bytes: p50 ${put.toFixed(3)} ms, p99 ${quantile(ours, 0.99).toFixed(3)} ms; ` +
      `a durable write of 4 KiB: p50 ${write.toFixed(3)} ms; ratio ${(put / write).toFixed(2)}`,
  )
}

async function together(directory: string): Promise<void> {
  const store = await openDiskStore({ directory: join(directory, 'together') })
  let left = 20_000
  const worker = async (): Promise<void> => {
    while (left-- > 0) await puts(store, 1)
  }
  const ms = await time(() => Promise.all(Array.from({ length: 64 }, worker)))
  report(`64 at once: ${((20_000 / ms) * 1000).toFixed(0)} puts/s`)
  const batches = await time(async () => {
    for (let i = 0; i < 50; i++) await puts(store, BATCH)
  })
  report(`batches of ${BATCH}: ${(((50 * BATCH) / batches) * 1000).toFixed(0)} puts/s`)
  await store.close()
}

async function openings(directory: string): Promise<void> {
  const from = join(directory, 'many')
  const store = await openDiskStore({ directory: from })
  for (let i = 0; i < keys; i += BATCH) await puts(store, BATCH)
  await store.close()
  const clean = await time(async () => (await openDiskStore({ directory: from })).close())
  report(`${keys} keys: opened and closed in ${clean.toFixed(0)} ms`)
  // As a process leaves it that is killed: LMDB has nothing of what came last.
  const to = join(directory, 'killed')
  const last = await openDiskStore({ directory: from }, { after: () => () => undefined })
  for (let i = 0; i < 900; i++) await puts(last, 1)
  await cp(from, to, { recursive: true })
  await last.close()
  const killed = await time(async () => {
    const again = await openDiskStore({ directory: to })
    setTimeout(() => void again.close(), 0)
  })
  report(`after a kill, with entries to replay: opened in ${killed.toFixed(0)} ms`)
}

const directory = await mkdtemp(join(tmpdir(), 'dstore-bench-'))
try {
  await lone(directory)
  await together(directory)
  await openings(directory)
} finally {
  await rm(directory, { recursive: true })
}
