/**
 * The index at a distance: lists, and batches of small values, at a Local whose Global is a long
 * way off. Both nodes and the relay between them run in this process.
 *
 *     npx tsc -p . && node dist/bench/index-distance.js [ROUND_TRIP_MS]
 *
 * Reads `KEYS`, `ROUNDS` and `MBIT` (a second, by default 500) from the environment.
 */
import type { Key } from '../src/hash/key.ts'
import { MIB } from '../src/limits.ts'
import { SILENT } from '../src/log.ts'
import { parseTicket } from '../src/membership/ticket.ts'
import { openNode } from '../src/node/open.ts'
import { median } from './ratio.ts'
import { Link, delayRelay } from './transfer/delay-relay.ts'

const ROUND_TRIP_MS = Number(process.argv[2] ?? 200)
const KEYS = Number(process.env.KEYS ?? 100_000)
const ROUNDS = Number(process.env.ROUNDS ?? 5)
const MBIT = Number(process.env.MBIT ?? 500)

const SMALL_BYTES = 4096
const COUNT = (4 * MIB) / SMALL_BYTES

let made = 0

/** Values that were never made before. */
function fresh(count: number, bytes: number): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const value = Buffer.alloc(bytes)
    value.writeUInt32LE(++made)
    return value
  })
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

function report(name: string, [first, ...others]: readonly number[]): void {
  const rest = others.length > 0 ? median(others).toFixed(0) : ''
  process.stdout.write(`${name.padEnd(36)}${first!.toFixed(0).padStart(8)}${rest.padStart(8)}\n`)
}

const common = { store: 'memory', cacheBytes: 64 * MIB, lanes: false, log: SILENT } as const
const listen = ['/ip4/127.0.0.1/tcp/0']
const global = await openNode({ ...common, role: 'global', listen })
const ticket = parseTicket((await global.members.invite({ role: 'admin', uses: 1 })).ticket)
const link = new Link(ROUND_TRIP_MS, (MBIT * 1e6) / 8)
const target = Number((await global.status()).listen[0]!.split('/')[4]!)
const relay = await delayRelay({ link, host: '127.0.0.2', port: 0, target })
const addresses = [`/ip4/127.0.0.2/tcp/${relay.port}`]
const local = await openNode({ ...common, role: 'local', ticket: { ...ticket, addresses } })

const puts: number[] = []
for (let round = 0; round <= ROUNDS; round++) {
  const values = fresh(COUNT, SMALL_BYTES)
  puts.push(await timed(() => local.putMany(values)))
}
const gets: number[] = []
for (let round = 0; round <= ROUNDS; round++) {
  const keys = (await global.putMany(fresh(COUNT, SMALL_BYTES))).map(({ key }) => key)
  const get = async (key: Key): Promise<void> => {
    for await (const _ of (await local.get(key)).bytes);
  }
  gets.push(await timed(() => Promise.all(keys.map(get))))
}
for (let at = made; at < KEYS; at = made) await global.putMany(fresh(Math.min(1024, KEYS - at), 16))
const lists: number[] = []
for (let round = 0; round <= 1; round++) {
  lists.push(
    await timed(async () => {
      let count = 0
      for await (const _ of local.index.keys()) count++
      if (count < KEYS) throw new Error(`${count} keys`)
    }),
  )
}
process.stdout.write(
  `${ROUND_TRIP_MS} ms, ${MBIT} Mbit/s, Node ${process.version}; ms: first, median of ${ROUNDS}\n`,
)
report(`put of ${COUNT} values of ${SMALL_BYTES}`, puts)
report(`get of ${COUNT} values of ${SMALL_BYTES}`, gets)
report(`list of ${KEYS} keys`, lists)
await local.close()
await global.close()
relay.close()
