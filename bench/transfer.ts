/**
 * What it costs to move values between nodes: whole processes on loopback, contestants interleaved, medians of rounds,
 * ratios within one run. `node dist/bench/transfer.js [PART...]`, parts: `large` `fan-out` `small` `hit` `memory`; all
 * without. `ROUNDS`, `MIB`, `LOCALS`, `STORE` (memory, disk) and `PASS_MIB` in the environment.
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
