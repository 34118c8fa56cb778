/**
 * The journal in files beside one durable write of 4 KiB, in turns, and how long it takes to open.
 * `node dist/bench/journal.js [ROUNDS]`, in a folder on the disk to measure.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Change } from '../src/journal/entry.ts'
import { openFileJournal } from '../src/journal/file/file-journal.ts'
import { KIB, MIB } from '../src/limits.ts'
import {
  type Contestant,
  DEPTH,
  inTurns,
  pipelined,
  preallocated,
  report,
  timed,
} from './in-turns.ts'
import { putChange, writerOf } from './journal-puts.ts'
import { median } from './ratio.ts'

const ROUNDS = Number(process.argv[2] ?? 4000)
const WRITE_BYTES = 4 * KIB
const SMALL_BYTES = 100
const DEEP_APPENDS = 20_000
const RECOVERED_BYTES = 64 * MIB

const directory = await mkdtemp(join(process.cwd(), 'bench-journal-'))

const put = (i: number): Change => putChange(i, SMALL_BYTES)

async function lone(): Promise<void> {
  const bytes = Math.ceil((ROUNDS * WRITE_BYTES) / MIB) * MIB
  const durable = await preallocated(join(directory, 'durable'), bytes)
  const synced = await preallocated(join(directory, 'synced'), bytes, 0)
  const journal = await openFileJournal({ directory: join(directory, 'lone') })
  const writer = await writerOf(journal)
  const block = new Uint8Array(WRITE_BYTES).fill(7)
  const contestants: readonly Contestant[] = [
    ['4 KiB, O_DSYNC', (i) => durable.write(block, 0, WRITE_BYTES, i * WRITE_BYTES)],
    [
      '4 KiB, fdatasync',
      async (i) => {
        await synced.write(block, 0, WRITE_BYTES, i * WRITE_BYTES)
        await synced.datasync()
      },
    ],
    ['journal append', (i) => writer.append([put(i)])],
  ]
  await inTurns(contestants, ROUNDS, async (i) => {
    if (i % 500 === 499) await journal.trim(i)
  })
  await Promise.all([durable.close(), synced.close()])
  await writer.close()
  await journal.close()
}

async function deep(): Promise<void> {
  const journal = await openFileJournal({ directory: join(directory, 'deep') })
  let entries = 0
  const writer = await writerOf(journal)
  const times: number[] = []
  const ms = await timed(() =>
    pipelined(DEEP_APPENDS, async (i) => {
      times.push(await timed(async () => (entries = await writer.append([put(i)]))))
    }),
  )
  const rate = Math.round((1000 * DEEP_APPENDS) / ms)
  const size = (DEEP_APPENDS / entries).toFixed(0)
  report(
    `${DEPTH} at once: ${rate} changes/s, ${size} in an entry, p50 ${median(times).toFixed(2)} ms`,
  )
  await writer.close()
  await journal.close()
}

async function recovery(): Promise<void> {
  for (const length of [300, 60_000]) {
    const path = join(directory, `recovery-${length}`)
    const journal = await openFileJournal({ directory: path })
    const record = Math.ceil((64 + length) / WRITE_BYTES) * WRITE_BYTES
    const count = Math.floor(RECOVERED_BYTES / record)
    for (let i = 0; i < count; i++) await journal.append(i, new Uint8Array(length).fill(i))
    await journal.close()
    const begin = performance.now()
    const again = await openFileJournal({ directory: path })
    const opened = performance.now() - begin
    let read = 0
    for await (const batch of again.follow(0, new AbortController().signal)) {
      read += batch.length
      if (read >= count) break
    }
    const all = performance.now() - begin
    report(
      `64 MiB, ${count} entries of ${length} bytes: opened in ${opened.toFixed(0)} ms, ` +
        `read again in ${(all - opened).toFixed(0)} ms`,
    )
    await again.close()
  }
}

try {
  await lone()
  await deep()
  await recovery()
} finally {
  await rm(directory, { recursive: true })
}
