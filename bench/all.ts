/**
 * Runs every benchmark, one after the other, each in its own process, and at last the table of
 * goals, which writes `RESULTS.md`: `npm run bench`.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** This file, modules that benchmarks share, and the benchmark that installs its peer. */
const OTHERS = new Set([
  'all.js',
  'ratio.js',
  'in-turns.js',
  'journal-puts.js',
  'index-orders.js',
  'helia.js',
])

const folder = fileURLToPath(new URL('.', import.meta.url))
const benchmarks = readdirSync(folder)
  .filter((name) => name.endsWith('.js') && !name.endsWith('-process.js') && !OTHERS.has(name))
  .toSorted()
for (const name of [...benchmarks, 'results/main.js']) {
  process.stdout.write(`\n== ${name.replace('.js', '')}\n`)
  const { status } = spawnSync(process.execPath, [`${folder}${name}`], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
