/**
 * A node that is killed together with its disk: restores the archive on an empty directory, then
 * puts as fast as the store answers, and tells its parent of each, a line each. Arguments: endpoint,
 * place, directory, the number of its run, `ack` or `lag`, how much faster its clock goes.
 */
import { writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { openArchive } from '../../../src/archive/archive.ts'
import { restore } from '../../../src/archive/restore.ts'
import { openBucket } from '../../../src/bucket/s3-objects.ts'
import { SILENT } from '../../../src/log.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { put } from '../tools.ts'

const [endpoint, place, directory, run, mode, speed] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
]
const WORKERS = 4
const SIZES: readonly number[] = [1, 100, 1000, 1000, 20_000, 100_000]

/** A write to a pipe of less than a page is whole, and is with the parent when this returns. */
function tell(...words: readonly (string | number | boolean)[]): void {
  writeSync(1, `${words.join(' ')}\n`)
}

const elapsed = (): number => performance.now() * Number(speed)
const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
  await wait(ms / Number(speed), undefined, signal && { signal }).catch(() => undefined)
}

const objects = await openBucket({ place, endpoint, environment: process.env })
const shared = { objects, directory, elapsed, log: SILENT }
const restored = run === '0' ? undefined : await restore(shared, { sleep })
const options = { ...shared, acknowledges: mode === 'ack', ...(restored && { restored }) }
const archive = await openArchive(options, { sleep })
const store = await openDiskStore({ directory, archive })
// Before the first snapshot nothing can be restored.
while (archive.status().snapshot === undefined) await wait(10)
const rows = await store.scan('keys', { limit: 1_000_000 })
for (const { id } of rows) tell('has', Buffer.from(id).toString().replace(/\0+$/, ''))
tell('ready', store.recovery.damaged.length)

const lag = setInterval(() => tell('lag', archive.status().lag.entries), 20)
lag.unref()

async function work(worker: number): Promise<void> {
  for (let i = 0; ; i++) {
    const id = `${run}-${worker}-${i}`
    tell('put', id)
    await put(store, id, SIZES[(i * 7 + worker) % SIZES.length]!)
    tell('done', id, archive.status().lag.entries)
  }
}

await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)))
