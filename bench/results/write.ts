/** Writes the page and its plots from `last-run.json`; nothing is measured. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Run } from './model.ts'
import { page } from './page.ts'
import { overview, plotName, rowPlot } from './plot.ts'

const FOLDER = fileURLToPath(new URL('../../../bench', import.meta.url))
const RUN = join(FOLDER, 'results/last-run.json')

export const hasRun = (): boolean => existsSync(RUN)

export const readRun = (): Run => JSON.parse(readFileSync(RUN, 'utf8')) as Run

/** The files that a run makes, by their paths within `bench`. */
export function filesOf(run: Run): ReadonlyMap<string, string> {
  return new Map([
    ['RESULTS.md', page(run)],
    ['plots/overview.svg', overview(run)],
    ...run.rows.map((row): [string, string] => [plotName(row.id), rowPlot(row)]),
  ])
}

export function writeRun(run: Run): void {
  writeFileSync(RUN, `${JSON.stringify(run, undefined, 2)}\n`)
  writePages(run)
}

export function writePages(run: Run): void {
  rmSync(join(FOLDER, 'plots'), { recursive: true, force: true })
  mkdirSync(join(FOLDER, 'plots'))
  for (const [path, text] of filesOf(run)) writeFileSync(join(FOLDER, path), text)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writePages(readRun())
