/**
 * Checks the models of removal and of a set's election (`specs/models/*.pml`) with spin: their
 * properties hold in every state, and without any one rule a property fails. `npm run model`.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

type Property = 'coherent' | 'safe' | 'progress'

interface Model {
  readonly name: string
  readonly properties: readonly Property[]
  /** Macros of every check of progress, which takes many times the states. */
  readonly smaller: readonly string[]
  /** Each rule that the model can switch off, and the property that then fails. */
  readonly teeth: Readonly<Record<string, Property>>
  /** Is every statement reached? Not where a part that is written once is used in several ways. */
  readonly isReached: boolean
}

const REMOVAL: Model = {
  name: 'removal',
  properties: ['coherent', 'progress'],
  smaller: ['-DCALM'],
  isReached: true,
  teeth: {
    NO_FETCH_CHECK: 'coherent',
    NO_PUT_CHECK: 'coherent',
    NO_READERS_ENDED: 'coherent',
    NO_APPLIED_BEFORE_ACK: 'coherent',
    NO_REVALIDATION: 'coherent',
    NO_REGISTER: 'coherent',
    NO_REPLAY: 'progress',
    NO_NEXT_FEED: 'progress',
    NO_OUTSTANDING_CLEARED: 'progress',
  },
}

/** That it is safe is asserted where answers are handed over, with no formula. */
const ELECTION: Model = {
  name: 'election',
  properties: ['safe', 'progress'],
  smaller: ['-DLAST=3'],
  isReached: false,
  teeth: {
    NO_FENCE: 'safe',
    NO_LEASE_CHECK: 'safe',
    NO_PATIENCE: 'safe',
    NO_ACKNOWLEDGED: 'safe',
    NO_CONDITION: 'safe',
    NO_PROOF: 'safe',
    NO_QUIET: 'safe',
    NO_COUNT_ANEW: 'safe',
    NO_FIRST_TRY: 'safe',
    NO_DROP: 'progress',
  },
}

/** The findings of spin. */
interface Finding {
  readonly errors: number
  readonly states: number
  /** Statements that were never reached. */
  readonly unreached: readonly string[]
}

/** Visits every state of the model, without the rule that the macro switches off. */
function check(model: Model, property: Property, macro?: string): Finding {
  const folder = mkdtempSync(join(tmpdir(), 'dstore-model-'))
  try {
    // Progress is checked under weak fairness: a process that stays able to act acts eventually.
    // That takes sixteen times the states, so the model is smaller then.
    const fair = property === 'progress'
    const off = macro === undefined ? [] : [`-D${macro}`]
    const macros = [...(fair ? model.smaller : []), ...off]
    const asserts = property === 'safe'
    run(folder, 'spin', ['-a', ...macros, resolve(`specs/models/${model.name}.pml`)])
    const kind = asserts ? ['-DSAFETY', '-DNOCLAIM'] : ['-DNFAIR=5']
    run(folder, 'cc', ['-w', '-O2', '-DCOLLAPSE', ...kind, '-o', 'pan', 'pan.c'])
    const claim = asserts ? [] : ['-a', ...(fair ? ['-f'] : []), '-N', property]
    const flags = [...claim, '-m500000', '-w24']
    const report = run(folder, './pan', flags)
    if (/search depth too small|out of memory|truncated/i.test(report)) {
      throw new Error(`not every state was looked at:\n${report}`)
    }
    return {
      errors: Number(/errors: (\d+)/.exec(report)![1]),
      states: Number(/(\S+) states, stored/.exec(report)![1]),
      unreached: [...report.matchAll(/\.pml:(\d+, state \d+, .*)$/gm)].map(([, at]) => at!),
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

for (const model of [REMOVAL, ELECTION]) {
  for (const property of model.properties) {
    const { errors, states, unreached } = check(model, property)
    if (errors > 0) throw new Error(`${model.name}: ${property} does not hold`)
    const missed = unreached.filter((statement) => !statement.includes('"-end-"'))
    if (model.isReached && missed.length > 0) {
      throw new Error(`never reached:\n${missed.join('\n')}`)
    }
    say(`${model.name}: ${property} holds in ${states} states`)
  }
  for (const [macro, property] of Object.entries(model.teeth)) {
    const { errors } = check(model, property, macro)
    if (errors === 0) throw new Error(`with ${macro}, nothing is found against ${property}`)
    say(`${macro}: ${property} no longer holds, as it must`)
  }
}
