/** Runs the commands of a walk one after another, and compares what each prints. */
import { linesOf, type Machine, type Ran } from './machine.ts'

export interface Expected {
  readonly exit?: number
  /** The machine reaches what this one reaches, instead of the other. */
  readonly online?: boolean
  /** What each line on stdout is like; any lines without it. */
  readonly out?: readonly RegExp[]
  /** What each line on stderr is like: by default there is none. `notes`: any but trouble. */
  readonly err?: readonly RegExp[] | 'notes'
  /** What stdout and stderr together must have. */
  readonly says?: readonly RegExp[]
}

export interface Step {
  readonly machine: string
  readonly command: string
  readonly ran: Ran
  readonly outLines: number
  readonly errLines: number
  /** What is not as expected. */
  readonly faults: readonly string[]
}

/** Words that a stranger is not to meet where all is well. */
const TROUBLE =
  /\bwarn|deprecat|experimental|\bnotice\b|unsupported|EBADENGINE|\berr(or)?\b|ERR!|\bfail|funding/i

export class Steps {
  readonly all: Step[] = []
  readonly #watch: (step: Step) => void

  constructor(watch: (step: Step) => void) {
    this.#watch = watch
  }

  get faults(): string[] {
    return this.all.flatMap(({ machine, command, faults }) =>
      faults.map((fault) => `${machine}$ ${command}: ${fault}`),
    )
  }

  async run(machine: Machine, command: string, expected: Expected = {}): Promise<Ran> {
    const ran = await machine.run(command, { online: expected.online ?? false })
    const step: Step = {
      machine: machine.name,
      command,
      ran,
      outLines: linesOf(ran.stdout).length,
      errLines: linesOf(ran.stderr).length,
      faults: faultsOf(ran, expected),
    }
    this.all.push(step)
    this.#watch(step)
    return ran
  }

  /** Something that is not the output of a command, but must be as it should. */
  check(machine: Machine, what: string, faults: readonly string[]): void {
    const ran = { exit: 0, seconds: 0, stdout: '', stderr: '' }
    const step = { machine: machine.name, command: `# ${what}`, ran, outLines: 0, errLines: 0 }
    this.all.push({ ...step, faults })
    this.#watch({ ...step, faults })
  }
}

export function faultsOf(ran: Ran, { exit = 0, out, err = [], says = [] }: Expected): string[] {
  const faults: string[] = []
  if (ran.exit !== exit) faults.push(`exit ${ran.exit}, not ${exit}`)
  if (out !== undefined) faults.push(...strange(ran.stdout, out, 'stdout'))
  if (err === 'notes') {
    for (const line of linesOf(ran.stderr)) {
      if (TROUBLE.test(line)) faults.push(`trouble on stderr: ${line}`)
    }
  } else faults.push(...strange(ran.stderr, err, 'stderr'))
  for (const pattern of says) {
    if (!pattern.test(ran.stdout + ran.stderr)) faults.push(`nothing says ${pattern}`)
  }
  return faults
}

/** The lines that are like none of the patterns, and the patterns that no line is like. */
function strange(text: string, patterns: readonly RegExp[], stream: string): string[] {
  const lines = linesOf(text)
  return [
    ...lines
      .filter((line) => !patterns.some((pattern) => pattern.test(line)))
      .map((line) => `not expected on ${stream}: ${line}`),
    ...(stream === 'stdout' && lines.length === 0 && patterns.length > 0
      ? ['nothing on stdout']
      : []),
  ]
}
