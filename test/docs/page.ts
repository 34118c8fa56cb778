/**
 * The code blocks of a page of documentation. An `sh` block is a script without shown output. A
 * `console` block is a session: prompts with commands, and below each the output that it must have.
 * `$ ` is the prompt of one machine, `global$ ` that of another, and `# ` that of root, whose
 * commands are not run. Neither is a block marked `not-run`.
 */
import { readFileSync } from 'node:fs'

export interface Step {
  /** The machine on whose prompt it is typed; '' for the one without a name. */
  readonly machine: string
  readonly command: string
  /** The lines below the command; undefined for a script, whose output is not shown. */
  readonly output: readonly string[] | undefined
}

export interface Block {
  /** Its first line, by which it can be named. */
  readonly title: string
  readonly isRun: boolean
  readonly steps: readonly Step[]
}

const FENCE = /^```(sh|console)( [\w -]+)?\n([^]*?)^```$/gm
const PROMPT = /^(?:([a-z][a-z0-9-]*))?([$#]) (.*)$/

/** The blocks of a page that a shell could run, in order. Throws for one of an unknown form. */
export function blocksOf(page: string): Block[] {
  return [...readFileSync(page, 'utf8').matchAll(FENCE)].map(([, kind, mark, text]) => {
    if (mark !== undefined && mark !== ' not-run') throw new Error(`${page}: unknown mark:${mark}`)
    const isRun = mark === undefined
    return kind === 'sh' ? script(text!, isRun) : session(page, text!, isRun)
  })
}

function script(text: string, isRun: boolean): Block {
  const title = text.split('\n', 1)[0]!
  return { title, isRun, steps: [{ machine: '', command: text, output: undefined }] }
}

function session(page: string, text: string, mayRun: boolean): Block {
  const steps: Step[] = []
  let isRoot = false
  const lines = text.split('\n').slice(0, -1)
  for (const line of lines) {
    const [, machine = '', sign, command] = PROMPT.exec(line) ?? []
    const last = steps.at(-1)
    if (sign !== undefined) {
      isRoot ||= sign === '#'
      steps.push({ machine, command: command!, output: [] })
    } else if (last?.command.endsWith('\\') === true && last.output?.length === 0) {
      steps.splice(-1, 1, { ...last, command: `${last.command}\n${line}` })
    } else if (last === undefined) {
      throw new Error(`${page}: a console block begins with a prompt, not with: ${line}`)
    } else {
      steps.splice(-1, 1, { ...last, output: [...last.output!, line] })
    }
  }
  return { title: lines[0] ?? '', isRun: mayRun && !isRoot, steps }
}
