/**
 * Long lists: time of `dstore ls` and `dstore ls --keys`, and the daemon's memory meanwhile. It
 * fails if memory grows with the list. Linux only.
 *
 *     node dist/bench/listing.js [MILLIONS [CHARACTERS]]
 *
 * By default a million names of 16 characters.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { hash } from '../src/hash/hasher.ts'
import { encodeName } from '../src/index/records/name-record.ts'
import { encodeChange } from '../src/index/records/change-record.ts'
import { encodeKey, keyRow, nameRow } from '../src/index/records/record.ts'
import { openDiskStore } from '../src/store/disk/disk.ts'

const BUNDLE = fileURLToPath(new URL('../dstore.js', import.meta.url))
const COUNT = Math.round(Number(process.argv[2] ?? 1) * 1_000_000)
const NAME_CHARACTERS = Number(process.argv[3] ?? 16)
const BATCH = 1000

/** The daemon's permitted growth: pages of the list, garbage and buffers. */
const MOST_MIB = 64

const start = (args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [BUNDLE, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })

/** Stores the rows of many keys, each with a name. Their small values are never read. */
async function fill(directory: string): Promise<void> {
  const store = await openDiskStore({ directory })
  for (let at = 0; at < COUNT; at += BATCH) {
    const writes = Array.from({ length: Math.min(BATCH, COUNT - at) }, (_, i) => {
      const name = `models/${(at + i).toString().padStart(NAME_CHARACTERS - 7, '0')}`
      const { digest } = hash(new TextEncoder().encode(name))
      const record = {
        size: 1,
        location: `small-${at + i}`,
        names: 1,
        listed: [name],
        unnamed: false,
      }
      return [
        { key: keyRow(digest), value: encodeKey(record) },
        { key: nameRow(name), value: encodeName(digest) },
      ]
    })
    const change = { type: 'run-started', runId: new Uint8Array(16) } as const
    const entry = encodeChange(change, Date.now())
    await store.commit({ conditions: [], writes: writes.flat(), entry })
  }
  await store.close()
}

/** In MiB; 0 for a process that has ended, and waits for its parent to notice. */
async function memory(child: ChildProcess, field: 'RssAnon' | 'VmRSS'): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  const [, kib = '0'] = new RegExp(`${field}:\\s+(\\d+)`).exec(status) ?? []
  return Number(kib) / 1024
}

const folder = await mkdtemp(join(tmpdir(), 'dstore-listing-'))
let daemon: ChildProcess | undefined
try {
  const state = join(folder, 'state')
  await mkdir(state, { mode: 0o700 })
  await fill(state)
  daemon = start(['daemon', '--dir', state])
  await once(createInterface({ input: daemon.stdout! }), 'line')
  for (const args of [['ls'], ['ls', '--keys'], ['ls'], ['ls', '--keys']]) {
    const before = await memory(daemon, 'RssAnon')
    const began = performance.now()
    const listing = start([...args, '--dir', state])
    let [lines, peak, peakOfCommand] = [0, before, 0]
    const sampler = setInterval(() => {
      void memory(daemon!, 'RssAnon').then((now) => (peak = Math.max(peak, now)))
      void memory(listing, 'VmRSS').then(
        (now) => (peakOfCommand = Math.max(peakOfCommand, now)),
        () => undefined,
      )
    }, 50)
    listing.stdout!.on('data', (piece: Buffer) => {
      for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines++
    })
    const [code] = (await once(listing, 'close')) as [number | null]
    clearInterval(sampler)
    if (code !== 0 || lines !== COUNT) throw new Error(`${lines} lines, exit code ${code}`)
    const seconds = (performance.now() - began) / 1000
    process.stdout.write(
      `${args.join(' ')}: ${lines} lines in ${seconds.toFixed(1)} s; the daemon grew from ${before.toFixed(0)} ` +
        `to ${peak.toFixed(0)} MiB of its own memory at most, the command had ${peakOfCommand.toFixed(0)}\n`,
    )
    if (peak - before > MOST_MIB)
      throw new Error(`a listing took ${(peak - before).toFixed(0)} MiB`)
  }
} finally {
  daemon?.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
}
