/**
 * The put of a small value at the store on disk beside one durable write of 4 KiB, in turns; puts
 * with 64 under way; and how long a store opens whose process died with a full overlay.
 * `node dist/bench/put-latency.js [ROUNDS]`, in a folder on the disk to measure.
 */
import { constants } from 'node:fs'
import { type FileHandle, cp, mkdtemp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { KIB, MIB } from '../src/limits.ts'
import { openDiskStore } from '../src/store/disk/disk.ts'
import { Database } from '../src/store/disk/records/database.ts'
import type { Store } from '../src/store/store.ts'
import { median } from './ratio.ts'

const ROUNDS = Number(process.argv[2] ?? 2000)
/** Not counted: until then the code is not compiled. */
const WARM_UP: number = Math.floor(ROUNDS / 4)
const WRITE_BYTES = 4 * KIB
const SMALL_BYTES = 100
const DEPTH = 64
const DEEP_ROUNDS = 5
const DEEP_PUTS = 5000

const directory = await mkdtemp(join(process.cwd(), 'bench-put-'))
const report = (line: string): void => void process.stdout.write(`${line}\n`)

let made = 0

/** Spread as digests are. */
function nextDigest(): Uint8Array {
  const id = Buffer.alloc(32)
  id.writeUInt32BE(Math.imul(++made, 0x9e37_79b1) >>> 0)
  id.writeUInt32BE(made, 4)
  return id
}

async function put(store: Store): Promise<void> {
  const [location] = await store.sealSmall([new Uint8Array(SMALL_BYTES).fill(made)])
  const id = nextDigest()
  const key = { table: 'keys', id } as const
  await store.commit({
    conditions: [{ key, version: 0 }],
    writes: [{ key, value: new Uint8Array(40) }],
    entry: id,
    adopt: [location!],
  })
}

/** A file written with zeros, each write to which is durable when it resolves. */
async function durableFile(bytes: number): Promise<FileHandle> {
  const path = join(directory, 'durable')
  const file = await open(path, 'w')
  for (let at = 0; at < bytes; at += MIB) await file.write(new Uint8Array(MIB), 0, MIB, at)
  await file.sync()
  await file.close()
  return open(path, constants.O_RDWR | constants.O_DSYNC)
}

/** Milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await work()
  return performance.now() - begin
}

async function pipelined(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: DEPTH }, worker))
}

const quantile = (times: readonly number[], share: number): string =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * share)]!.toFixed(2)

async function lone(store: Store, durable: FileHandle): Promise<void> {
  const block = new Uint8Array(WRITE_BYTES).fill(7)
  const works: readonly (readonly [string, (i: number) => Promise<unknown>])[] = [
    ['4 KiB, O_DSYNC', (i) => durable.write(block, 0, WRITE_BYTES, i * WRITE_BYTES)],
    ['put', () => put(store)],
  ]
  const times = works.map(() => [] as number[])
  for (let i = 0; i < ROUNDS; i++) {
    for (const [which, [, work]] of works.entries()) {
      const ms = await timed(() => work(i))
      if (i >= WARM_UP) times[which]!.push(ms)
    }
  }
  const floor = median(times[0]!)
  for (const [which, [name]] of works.entries()) {
    const all = times[which]!
    const ratio = (median(all) / floor).toFixed(2)
    const [p10, p50, p99] = [0.1, 0.5, 0.99].map((share) => quantile(all, share))
    report(`${name}: p10 ${p10}, p50 ${p50}, p99 ${p99} ms; p50 is ${ratio} of the first`)
  }
}

async function deep(store: Store, durable: FileHandle): Promise<void> {
  const block = new Uint8Array(WRITE_BYTES).fill(7)
  const rates: number[][] = [[], []]
  for (let round = 0; round < DEEP_ROUNDS; round++) {
    const writes = await timed(() =>
      pipelined(ROUNDS, (i) => durable.write(block, 0, WRITE_BYTES, i * WRITE_BYTES)),
    )
    const puts = await timed(() => pipelined(DEEP_PUTS, () => put(store)))
    rates[0]!.push(ROUNDS / writes)
    rates[1]!.push(DEEP_PUTS / puts)
  }
  const [writes, puts] = rates.map((list) => 1000 * median(list))
  report(
    `${DEPTH} at once: ${puts!.toFixed(0)} puts/s, ${writes!.toFixed(0)} writes/s, ` +
      `ratio ${(puts! / writes!).toFixed(2)}`,
  )
}

/** A store whose disk takes nothing more into the records, as it is when its process dies. */
async function fullOverlay(): Promise<void> {
  const path = join(directory, 'full')
  let isFull = false
  const refuse = (database: Database): Database => {
    const transact = database.transact.bind(database)
    database.transact = (write) =>
      isFull ? Promise.reject(new Error('the disk takes nothing')) : transact(write)
    return database
  }
  const store = await openDiskStore({ directory: path }, { database: refuse })
  isFull = true
  let puts = 0
  const fill = async (): Promise<void> => {
    for (;;) {
      await put(store)
      puts++
    }
  }
  await Promise.allSettled(Array.from({ length: DEPTH }, fill))
  const copy = join(directory, 'copy')
  await cp(path, copy, { recursive: true })
  isFull = false
  await store.close()
  let again: Store | undefined
  const ms = await timed(async () => (again = await openDiskStore({ directory: copy })))
  const { values } = await again!.usage()
  await again!.close()
  report(`died with ${puts} puts in its overlay: opened with ${values} in ${ms.toFixed(0)} ms`)
}

try {
  const store = await openDiskStore({ directory: join(directory, 'store') })
  const durable = await durableFile(Math.ceil((ROUNDS * WRITE_BYTES) / MIB) * MIB)
  await lone(store, durable)
  await deep(store, durable)
  await durable.close()
  await store.close()
  await fullOverlay()
} finally {
  await rm(directory, { recursive: true })
}
