/**
 * Transfers between nodes: whole processes on loopback, contestants in turns, medians of rounds.
 *
 *     node dist/bench/transfer.js [large|fan-out|small|hit|memory]...
 *
 * By default all parts. Reads `ROUNDS`, `MIB`, `LOCALS`, `STORE` (memory, disk) and `PASS_MIB` from
 * the environment.
 */
import { loadavg } from 'node:os'
import { fanOut } from './transfer/fan-out.ts'
import { hit } from './transfer/hit.ts'
import { large } from './transfer/large.ts'
import { memory } from './transfer/memory.ts'
import { say } from './transfer/peers.ts'
import { small } from './transfer/small.ts'

const parts: Readonly<Record<string, () => Promise<void>>> = {
  large,
  'fan-out': fanOut,
  small,
  hit,
  memory,
}

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts)
for (const name of chosen) {
  const part = parts[name]
  if (part === undefined) throw new Error(`no such part: ${name}`)
  say(`Node ${process.version}, ${name}, load ${loadavg()[0]!.toFixed(1)}`)
  await part()
}
