/**
 * Removal with many Locals: how long until all have acknowledged, how much memory a Local costs
 * Global, and how a Local catches up after many changes, by replay and by revalidation. Global and
 * its Locals are processes; each Local has its own connection over TCP, Noise and Yamux.
 *
 *     node dist/bench/index.js [LOCALS] [CHANGES]
 */
import { KIB, MIB } from '../src/limits.ts'
import { Worker, type CaughtUp } from './index-orders.ts'

const LOCALS = Number(process.argv[2] ?? 200)
const CHANGES = Number(process.argv[3] ?? 100_000)
const PROCESSES = 4
const REMOVALS = 300

const workers: Worker[] = []
const start = (file: string): Worker => {
  const worker = new Worker(file)
  workers.push(worker)
  return worker
}

try {
  const global = start('index-global-process.js')
  const address = await global.tell<string>({ type: 'address' })
  await global.tell({ type: 'put', from: 0, count: REMOVALS + 100 })
  const warm = start('index-locals-process.js')
  await warm.tell({ type: 'join', address, locals: 4, holding: 0 })
  await global.tell({ type: 'time-removals', from: 0, count: 100 })

  const before = await global.tell<number>({ type: 'resident' })
  const processes = Array.from({ length: PROCESSES }, () => start('index-locals-process.js'))
  const share = Math.ceil((LOCALS - 4) / PROCESSES)
  for (const locals of processes) {
    await locals.tell({ type: 'join', address, locals: share, holding: 0 })
  }
  const times = await global.tell<number[]>({ type: 'time-removals', from: 100, count: REMOVALS })
  times.sort((a, b) => a - b)
  const at = (part: number): string => times[Math.floor(part * times.length)]!.toFixed(1)
  const all = share * PROCESSES + 4
  say(`remove, acknowledged by ${all} Locals: median ${at(0.5)} ms, p99 ${at(0.99)} ms`)
  const grown = (await global.tell<number>({ type: 'resident' })) - before
  say(`resident memory of Global: ${(grown / (all - 4) / KIB).toFixed(0)} KiB for each Local`)
  for (const locals of processes) locals.end()

  // Position: the start of the run, the puts, the removals, and then as many puts as removals.
  const values = CHANGES / 2
  const upto = 1 + (REMOVALS + 100) * 2 + CHANGES
  await warm.tell({ type: 'away' })
  await global.tell({ type: 'put', from: 1000, count: values })
  await global.tell({ type: 'remove', from: 1000, count: values })
  tell(
    `${CHANGES} changes away, half of them removals, replayed`,
    await warm.tell<CaughtUp>({ type: 'back', upto }),
  )
  const newcomer = start('index-locals-process.js')
  await global.tell({ type: 'put', from: 0, count: values })
  const asked = await newcomer.tell<CaughtUp>({ type: 'join', address, locals: 1, holding: values })
  tell(`${values} values held, every one asked about after a reset`, asked)
} finally {
  for (const worker of workers) worker.end()
}

function tell(what: string, { ms, bytes }: CaughtUp): void {
  say(`${what}: ${ms.toFixed(0)} ms, ${(bytes / MIB).toFixed(2)} MiB received`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
