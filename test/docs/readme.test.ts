/** What the README claims is backed by a figure or a test, and a busy reader can finish it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { readRun } from '../../bench/results/write.ts'
import { test } from '../serial.ts'

const README = readFileSync('README.md', 'utf8')

/** A ratio that leads to the row of the results that has it. */
const FIGURE = /\[[\d.]+\]\(bench\/RESULTS\.md#([\w-]+)\)/g
const MEASURED = /Measured on .* on .*, \d+ cores, Node [\w.]+,/

/** The text below a heading. */
const section = (title: string): string => README.split(`\n## ${title}\n`)[1]!.split('\n## ')[0]!

test('the README has at most 150 lines', (t) => {
  t.true(README.trimEnd().split('\n').length <= 150)
})

/** A README with the figures of the last run, the machine, and the day of the newest of them. */
function withFigures(readme: string): string {
  const { machine, rows } = readRun()
  const dates: string[] = []
  const text = readme.replaceAll(FIGURE, (_, id: string) => {
    const row = rows.find((one) => one.id === id)
    const own = row?.contestants.find(({ part }) => part === 'dstore')
    dates.push(row?.at ?? '')
    return `[${own?.ratio?.toFixed(2)}](bench/RESULTS.md#${id})`
  })
  const processor = `${machine.processor}${machine.avx512 ? ' with AVX-512' : ''}`
  const where = `${processor}, ${machine.cores} cores, Node ${machine.node}`
  return text.replace(MEASURED, `Measured on ${dates.toSorted().at(-1)} on ${where},`)
}

test('the figures of the README are those of the results, with the day and the machine', (t) => {
  t.true([...README.matchAll(FIGURE)].length >= 4)
  t.regex(README, MEASURED)
  if (process.env['DSTORE_DOCS'] === 'write') writeFileSync('README.md', withFigures(README))
  else t.is(withFigures(README), README, 'DSTORE_DOCS=write mends it')
})

test('each promise of the README leads to what tries to break it', (t) => {
  const promises = section('What it promises').match(/^\| \*\*.*$/gm)!
  t.true(promises.length >= 7)
  for (const promise of promises) {
    const links = [...promise.matchAll(/\]\(([^)#]+)/g)].map(([, path]) => path!)
    const proofs = links.filter((path) => /^(test|specs\/models|bench)\//.test(path))
    t.true(proofs.length > 0 && proofs.every((path) => existsSync(path)), promise)
  }
})
