/** Batches of small puts, beside SQLite and Redis with the same promise: durable when answered. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { Client } from '../../../src/daemon/client/client.ts'
import { BATCH_ITEMS } from '../../../src/limits.ts'
import type { Bench } from '../bench.ts'
import type { Contestant, Row } from '../model.ts'
import { MANY, filled } from './million.ts'
import { end, serve, shell } from '../processes.ts'

const SMALL_BYTES = 100
const CLIENTS = 4
const COUNT = 16 * BATCH_ITEMS

const values = (): Buffer[] => Array.from({ length: BATCH_ITEMS }, () => randomBytes(SMALL_BYTES))

/** Inserts into a database of a million rows, a transaction for each batch; prints the seconds. */
const SQLITE = `
import hashlib, os, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('pragma journal_mode = wal'); db.execute('pragma synchronous = full')
if not db.execute('select name from sqlite_master').fetchone():
    db.execute('create table v (k blob primary key, v blob) without rowid')
    rows = sorted((os.urandom(32), os.urandom(${SMALL_BYTES})) for _ in range(${MANY}))
    db.execute('begin'); db.executemany('insert into v values (?, ?)', rows); db.execute('commit')
batches = [[os.urandom(${SMALL_BYTES}) for _ in range(${BATCH_ITEMS})] for _ in range(${COUNT / BATCH_ITEMS})]
t = time.time()
for batch in batches:
    db.execute('begin')
    for v in batch:
        db.execute('insert into v values (?, ?)', (hashlib.blake2s(v).digest(), v))
    db.execute('commit')
print(time.time() - t)
`

async function redis(bench: Bench): Promise<readonly Contestant[]> {
  if (!bench.has('redis-server', 'Redis')) return []
  const [dir, input] = [bench.path('redis'), bench.path('redis-input')]
  mkdirSync(dir)
  const socket = `${dir}/socket`
  const flags = ['--port', '0', '--unixsocket', socket, '--dir', dir, '--save', '']
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always']
  const { child } = await serve('redis-server', [...flags, ...durable])
  bench.onClose(() => end(child))
  await shell('until redis-cli -s "$1" ping | grep -q PONG; do sleep 0.1; done', [socket])
  return [
    {
      name: 'Redis, pipelined, AOF always',
      part: 'peer',
      before: async () => {
        await shell('redis-cli -s "$1" flushall', [socket])
        const sets = Array.from({ length: COUNT }, () => {
          const [key, value] = [randomBytes(16).toString('hex'), randomBytes(SMALL_BYTES)]
          const head = `*3\r\n$3\r\nSET\r\n$32\r\n${key}\r\n$${SMALL_BYTES}\r\n`
          return Buffer.concat([Buffer.from(head), value, Buffer.from('\r\n')])
        })
        writeFileSync(input, Buffer.concat(sets))
      },
      run: async () => {
        await shell('redis-cli -s "$1" --pipe < "$2"', [socket, input])
        return { work: COUNT }
      },
      daemons: () => [child.pid!],
    },
  ]
}

export const batch: Row = {
  id: 'put-batch',
  title: 'new values of 100 bytes beside a million, 1,024 a request',
  measure: 'rate',
  bar: { limit: 0.8 },
  open: async (bench) => {
    const daemon = await filled(bench)
    let batches: Buffer[][] = []
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, async () => (await Client.connect(daemon.socket))!),
    )
    bench.onClose(() => clients.forEach((client) => client.close()))
    const dstore: Contestant = {
      name: 'dstore, 4 clients',
      part: 'dstore',
      before: () => (batches = Array.from({ length: COUNT / BATCH_ITEMS }, values)),
      run: async () => {
        const queue = batches.values()
        await Promise.all(
          clients.map(async (client) => {
            for (const one of queue) await client.putMany(one)
          }),
        )
        return { work: COUNT }
      },
      daemons: () => [daemon.pid],
    }
    const sqlite: Contestant = {
      name: 'SQLite (WAL, full), 1,024 a transaction',
      part: 'floor',
      before: () => shell('sync'),
      run: async () => {
        const seconds = await shell('python3 -c "$1" "$2"', [SQLITE, bench.path('sqlite')])
        return { seconds: Number(seconds), work: COUNT }
      },
    }
    const floors = bench.has('python3', 'the floor') ? [sqlite] : []
    return [dstore, ...floors, ...(await redis(bench))]
  },
}
