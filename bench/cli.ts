/**
 * The cost of a command beside starting Node: whole processes in turns, the median of thirty each,
 * through a running daemon. `node dist/bench/cli.js`; exits with 1 if a ratio is above
 * its limit.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROUNDS = 30

const bundle = fileURLToPath(new URL('../dstore.cjs', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'dstore-bench-'))
const env = { ...process.env, DSTORE_DIR: join(directory, 'state') }
const value = join(directory, 'value')

function milliseconds(args: readonly string[]): number {
  const begin = performance.now()
  const { status } = spawnSync(process.execPath, args, {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`)
  return performance.now() - begin
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

try {
  writeFileSync(value, Buffer.alloc(1024, 7))
  const put = execFileSync(process.execPath, [bundle, 'put', '--quiet', value], { env })
  const key = put.toString().trim()
  const commands: readonly (readonly [name: string, limit: number, args: readonly string[]])[] = [
    ['node -e 0', 1, ['-e', '0']],
    ['dstore --help', 1.2, [bundle, '--help']],
    ['dstore has', 1.3, [bundle, 'has', key]],
    ['dstore get, 1 KiB', 1.6, [bundle, 'get', key]],
  ]
  const taken = commands.map((): number[] => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, [, , args]] of commands.entries()) taken[index]!.push(milliseconds(args))
  }
  const [base] = taken.map(median)
  for (const [index, [name, limit]] of commands.entries()) {
    const time = median(taken[index]!)
    const ratio = time / base!
    process.stdout.write(`${name.padEnd(20)}${time.toFixed(1)} ms  ${ratio.toFixed(2)}\n`)
    if (ratio > limit) process.exitCode = 1
  }
} finally {
  spawnSync(process.execPath, [bundle, 'stop'], { env })
  rmSync(directory, { recursive: true, force: true })
}
