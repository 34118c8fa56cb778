/**
 * Puts of many small values, or of large ones, through a real daemon, beside SQLite, plain files,
 * and `cp` with `sync` on the same disk in the same run.
 *
 *     node dist/bench/daemon.js small|large [THOUSANDS|GiB]
 *
 * By default a million values of 100 bytes, or 10 GiB in files of 1 GiB. Linux only: it reads
 * memory from /proc. The figures are in bench/notes/hash-and-store.md.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Client } from '../src/daemon/client/client.ts'
import { BATCH_ITEMS, GIB, KIB, MIB } from '../src/limits.ts'

const BUNDLE = fileURLToPath(new URL('../dstore.js', import.meta.url))
const SMALL_BYTES = 100
const CLIENTS = 4

const [, , what = 'small', amount] = process.argv
const folder = await mkdtemp(join(tmpdir(), 'dstore-bench-'))
const report = (line: string): void => void process.stdout.write(`${line}\n`)

async function seconds(act: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await act()
  return (performance.now() - begin) / 1000
}

interface Running {
  readonly child: ChildProcess
  readonly socket: string
  readonly seconds: number
}

async function start(dir: string): Promise<Running> {
  const begin = performance.now()
  const child = spawn(process.execPath, [BUNDLE, 'daemon', '--global', '--dir', dir], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  for await (const _ of createInterface({ input: child.stdout })) {
    const socket = join(dir, 'dstore.sock')
    return { child, socket, seconds: (performance.now() - begin) / 1000 }
  }
  throw new Error('the daemon did not start')
}

async function stop({ child }: Running): Promise<void> {
  child.kill('SIGTERM')
  await once(child, 'close')
}

async function memory({ child }: Running): Promise<string> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  const mib = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / KIB)
  return `${mib('RssAnon')} MiB anonymous, ${mib('VmHWM')} MiB at its peak with the map of LMDB`
}

const bytesOf = (path: string): number =>
  Number(execFileSync('du', ['-sB1', path]).toString().split('\t')[0])

function* batches(count: number): Generator<Uint8Array[]> {
  for (let at = 0; at < count; at += BATCH_ITEMS) {
    const values = Array.from({ length: Math.min(BATCH_ITEMS, count - at) }, (_, i) => {
      const value = Buffer.alloc(SMALL_BYTES, 'x')
      value.writeUInt32LE(at + i)
      return value
    })
    yield values
  }
}

async function small(count: number): Promise<void> {
  const dir = join(folder, 'small')
  const daemon = await start(dir)
  const queue = batches(count)
  const put = await seconds(() =>
    Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const client = (await Client.connect(daemon.socket))!
        for (const values of queue) await client.putMany(values)
        client.close()
      }),
    ),
  )
  report(
    `put ${count} values of ${SMALL_BYTES} bytes, ${BATCH_ITEMS} a request, ${CLIENTS} clients:`,
  )
  report(`  ${put.toFixed(1)} s, ${Math.round(count / put)}/s; Global: ${await memory(daemon)}`)
  await stop(daemon)
  report(`  on disk: ${Math.round(bytesOf(dir) / count)} bytes a value`)
  const again = await start(dir)
  const client = (await Client.connect(again.socket))!
  const { store } = await client.status()
  if (store?.values !== count) throw new Error(`${store?.values} values are there`)
  client.close()
  report(
    `  start, until it serves: ${(again.seconds * 1000).toFixed(0)} ms; ${await memory(again)}`,
  )
  await stop(again)
  const empty = await start(join(folder, 'empty'))
  report(`  start of an empty one: ${(empty.seconds * 1000).toFixed(0)} ms`)
  await stop(empty)
  sqlite(count)
  await files(Math.round(count / 20))
}

/** The same values in SQLite: a transaction for each of our requests, each one synced. */
function sqlite(count: number): void {
  const path = join(folder, 'sqlite.db')
  const script = `
import sqlite3, time, hashlib
db = sqlite3.connect(${JSON.stringify(path)}, isolation_level=None)
db.execute('pragma journal_mode = wal'); db.execute('pragma synchronous = full')
db.execute('create table v (k blob primary key, v blob) without rowid')
t = time.time()
for at in range(0, ${count}, ${BATCH_ITEMS}):
    db.execute('begin')
    for i in range(at, min(${count}, at + ${BATCH_ITEMS})):
        v = i.to_bytes(4, 'little') + b'x' * ${SMALL_BYTES - 4}
        db.execute('insert into v values (?, ?)', (hashlib.blake2s(v).digest(), v))
    db.execute('commit')
print(time.time() - t)
db.close()
`
  const took = Number(execFileSync('python3', ['-c', script]).toString())
  report(`SQLite, ${BATCH_ITEMS} a transaction (WAL, synchronous = full), one process:`)
  report(
    `  ${took.toFixed(1)} s, ${Math.round(count / took)}/s; ${Math.round(bytesOf(path) / count)} bytes a value`,
  )
}

/** The same as plain files, each synced. */
async function files(count: number): Promise<void> {
  const dir = join(folder, 'files')
  await mkdir(dir)
  const queue = Array.from({ length: count }, (_, i) => i).values()
  const took = await seconds(async () => {
    const write = async (): Promise<void> => {
      for (const i of queue) {
        const file = await open(join(dir, `${i}`), 'wx')
        await file.write(Buffer.alloc(SMALL_BYTES, i))
        await file.sync()
        await file.close()
      }
    }
    await Promise.all(Array.from({ length: 256 }, write))
  })
  report(`plain files, each synced, 256 at once: ${count} in ${took.toFixed(1)} s`)
  report(`  ${Math.round(count / took)}/s; ${Math.round(bytesOf(dir) / count)} bytes a value`)
}

async function large(gib: number): Promise<void> {
  const source = join(folder, 'source')
  const file = await open(source, 'w')
  for (let at = 0; at < GIB; at += MIB) await file.write(randomBytes(MIB))
  await file.close()
  const daemon = await start(join(folder, 'large'))
  let [ours, theirs] = [0, 0]
  for (let i = 0; i < gib; i++) {
    // A different value each time, of the same length.
    const changed = await open(source, 'r+')
    await changed.write(Buffer.from(String(i).padStart(8, '0')), 0, 8, 0)
    await changed.close()
    execFileSync('sync')
    const put = ['put', source, '-q', '--dir', join(folder, 'large')]
    ours += await seconds(async () => execFileSync(process.execPath, [BUNDLE, ...put]))
    const copy = join(folder, `copy-${i}`)
    theirs += await seconds(async () => {
      execFileSync('cp', [source, copy])
      execFileSync('sync', [copy])
    })
    await rm(copy)
  }
  const rate = (took: number): number => Math.round((gib * KIB) / took)
  report(`put of ${gib} values of 1 GiB, one after the other: ${rate(ours)} MiB/s`)
  report(`cp and sync of each: ${rate(theirs)} MiB/s; ratio ${(theirs / ours).toFixed(2)}`)
  report(`Global: ${await memory(daemon)}`)
  await stop(daemon)
  const again = await start(join(folder, 'large'))
  report(`start, until it serves: ${(again.seconds * 1000).toFixed(0)} ms`)
  await stop(again)
}

try {
  if (what === 'large') await large(Number(amount ?? 10))
  else await small(Number(amount ?? 1000) * 1000)
} finally {
  await rm(folder, { recursive: true, force: true })
}
