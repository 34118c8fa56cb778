/** `npm run test:stranger -- [--from self-contained|PATH] [--plain] [--transcript] [--node N]` */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { newcomer } from './newcomer.ts'
import { line, table, transcript } from './report.ts'

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: 'npm' },
    plain: { type: 'boolean', default: false },
    transcript: { type: 'boolean', default: false },
    node: { type: 'string' },
  },
})

const say = (text: string): void => void process.stdout.write(`${text}\n`)

if (values.node === undefined) process.exitCode = await run()
else process.exitCode = onNode(values.node)

/** The same with another Node, which npx downloads. */
function onNode(version: string): number {
  const rest = process.argv.slice(2).filter((word, at, words) => {
    return !word.startsWith('--node') && words[at - 1] !== '--node'
  })
  const words = ['node', fileURLToPath(import.meta.url), ...rest].map((word) => `'${word}'`)
  const npx = ['-y', '-p', `node@${version}`, '-c', words.join(' ')]
  return spawnSync('npx', npx, { stdio: 'inherit' }).status ?? 1
}

async function run(): Promise<number> {
  const ends: (() => unknown)[] = []
  const owner = { teardown: (end: () => unknown) => void ends.push(end) }
  const end = async (): Promise<void> => {
    for (const one of ends.splice(0).toReversed()) await one()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void end().finally(() => process.kill(process.pid, signal)))
  }
  try {
    const wish = { from: values.from, isPlain: values.plain } as const
    const outcome = await newcomer(owner, wish, (step) => say(line(step)))
    if ('why' in outcome) {
      say(`  - stranger: not tried, as ${outcome.why}`)
      return 0
    }
    if (values.transcript) say(`\n${transcript(outcome.walk)}`)
    say(`\n${table(outcome.walk, outcome.title)}`)
    const failed = outcome.walk.steps.all.filter(({ faults }) => faults.length > 0).length
    if (failed > 0) say(`\n${failed} tests failed`)
    return failed > 0 ? 1 : 0
  } catch (error) {
    say(`  ✘ stranger › ${(error as Error).message}\n\n1 tests failed`)
    return 1
  } finally {
    await end()
  }
}
