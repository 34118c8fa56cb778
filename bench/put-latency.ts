/**
 * The put of a small value at the store on disk beside one durable write of 4 KiB, in turns; puts
 * with 64 under way, and in batches; how long a store with many keys opens, and one whose process
 * died with a full overlay. `node dist/bench/put-latency.js [ROUNDS] [KEYS]`, in a folder on the
 * disk to measure.
 */
import { type FileHandle, cp, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { KIB, MIB } from '../src/limits.ts'
import { openDiskStore } from '../src/store/disk/disk.ts'
import type { Database } from '../src/store/disk/records/database.ts'
import type { Store } from '../src/store/store.ts'
import { DEPTH, inTurns, pipelined, preallocated, report, timed } from './in-turns.ts'
import { median } from './ratio.ts'

const ROUNDS = Number(process.argv[2] ?? 2000)
const KEYS = Number(process.argv[3] ?? 100_000)
const WRITE_BYTES = 4 * KIB
const SMALL_BYTES = 100
const BATCH = 1024
const BATCHES = 50
const DEEP_ROUNDS = 5
const DEEP_PUTS = 5000

const directory = await mkdtemp(join(process.cwd(), 'bench-put-'))

let made = 0

/** Spread as digests are. */
function nextDigest(): Uint8Array {
  const id = Buffer.alloc(32)
  id.writeUInt32BE(Math.imul(++made, 0x9e37_79b1) >>> 0)
  id.writeUInt32BE(made, 4)
  return id
}

const put = (store: Store): Promise<void> => putAll(store, 1)

async function putAll(store: Store, count: number): Promise<void> {
  const values = Array.from({ length: count }, () => new Uint8Array(SMALL_BYTES).fill(made))
  const locations = await store.sealSmall(values)
  await store.commitAll(
    locations.map((location) => {
      const id = nextDigest()
      const key = { table: 'keys', id } as const
      return {
        conditions: [{ key, version: 0 }],
        writes: [{ key, value: new Uint8Array(40) }],
        entry: id,
        adopt: [location],
      }
    }),
  )
}

async function lone(store: Store, durable: FileHandle): Promise<void> {
  const block = new Uint8Array(WRITE_BYTES).fill(7)
  const write = (i: number): Promise<unknown> =>
    durable.write(block, 0, WRITE_BYTES, i * WRITE_BYTES)
  await inTurns(
    [
      ['4 KiB, O_DSYNC', write],
      ['put', () => put(store)],
    ],
    ROUNDS,
  )
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

async function batches(store: Store): Promise<void> {
  const ms = await timed(async () => {
    for (let i = 0; i < BATCHES; i++) await putAll(store, BATCH)
  })
  report(`batches of ${BATCH}: ${((1000 * BATCHES * BATCH) / ms).toFixed(0)} puts/s`)
}

async function manyKeys(): Promise<void> {
  const path = join(directory, 'many')
  const store = await openDiskStore({ directory: path })
  for (let made = 0; made < KEYS; made += BATCH) await putAll(store, BATCH)
  await store.close()
  let again: Store | undefined
  const ms = await timed(async () => (again = await openDiskStore({ directory: path })))
  await again!.close()
  report(`${KEYS} keys: opened in ${ms.toFixed(0)} ms`)
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
  const bytes = Math.ceil((ROUNDS * WRITE_BYTES) / MIB) * MIB
  const durable = await preallocated(join(directory, 'durable'), bytes)
  await lone(store, durable)
  await deep(store, durable)
  await batches(store)
  await durable.close()
  await store.close()
  await manyKeys()
  await fullOverlay()
} finally {
  await rm(directory, { recursive: true })
}
