/**
 * Checks the model of removal (`specs/models/removal.pml`) with spin: both of its properties hold
 * in every state, every statement is reached, and without any one rule a property fails.
 * `npm run model`.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const MODEL = resolve('specs/models/removal.pml')

type Property = 'coherent' | 'progress'

/** Each rule that the model can switch off, and the property that then fails. */
const TEETH: Readonly<Record<string, Property>> = {
  NO_FETCH_CHECK: 'coherent',
  NO_PUT_CHECK: 'coherent',
  NO_READERS_ENDED: 'coherent',
  NO_APPLIED_BEFORE_ACK: 'coherent',
  NO_REVALIDATION: 'coherent',
  NO_REGISTER: 'coherent',
  NO_REPLAY: 'progress',
  NO_NEXT_FEED: 'progress',
  NO_OUTSTANDING_CLEARED: 'progress',
}

/** The findings of spin. */
interface Finding {
  readonly errors: number
  readonly states: number
  /** Statements that were never reached. */
  readonly unreached: readonly string[]
}

/** Visits every state of the model, without the rule that the macro switches off. */
function check(property: Property, macro?: string): Finding {
  const folder = mkdtempSync(join(tmpdir(), 'dstore-model-'))
  try {
    // Progress is checked under weak fairness: a process that stays able to act acts eventually.
    // That takes sixteen times the states, so the model has fewer processes then.
    const fair = property === 'progress'
    const macros = [...(fair ? ['-DCALM'] : []), ...(macro === undefined ? [] : [`-D${macro}`])]
    run(folder, 'spin', ['-a', ...macros, MODEL])
    run(folder, 'cc', ['-w', '-O2', '-DCOLLAPSE', '-DNFAIR=5', '-o', 'pan', 'pan.c'])
    const flags = ['-a', ...(fair ? ['-f'] : []), '-N', property, '-m500000', '-w24']
    const report = run(folder, './pan', flags)
    if (/search depth too small|out of memory|truncated/i.test(report)) {
      throw new Error(`not every state was looked at:\n${report}`)
    }
    return {
      errors: Number(/errors: (\d+)/.exec(report)![1]),
      states: Number(/(\S+) states, stored/.exec(report)![1]),
      unreached: [...report.matchAll(/removal\.pml:(\d+, state \d+, .*)$/gm)].map(([, at]) => at!),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(cwd: string, command: string, args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (error !== undefined) {
    throw new Error(`${command} could not be run; on Debian: apt-get install spin gcc libc6-dev`, {
      cause: error,
    })
  }
  if (status !== 0) throw new Error(`${command} failed:\n${stdout}${stderr}`)
  return stdout
}

const say = (line: string): boolean => process.stdout.write(`${line}\n`)

for (const property of ['coherent', 'progress'] as const) {
  const { errors, states, unreached } = check(property)
  if (errors > 0) throw new Error(`${property} does not hold`)
  const missed = unreached.filter((statement) => !statement.includes('"-end-"'))
  if (missed.length > 0) throw new Error(`never reached:\n${missed.join('\n')}`)
  say(`${property}: holds in ${states} states`)
}
for (const [macro, property] of Object.entries(TEETH)) {
  const { errors } = check(property, macro)
  if (errors === 0) throw new Error(`with ${macro}, nothing is found against ${property}`)
  say(`${macro}: ${property} no longer holds, as it must`)
}
