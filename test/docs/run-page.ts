/** Types what a page says to type, and compares what it shows. */
import type { ExecutionContext } from 'ava'
import { readFileSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { Machine } from './machine.ts'
import { normalise } from './normalise.ts'
import { blocksOf } from './page.ts'
import type { Step } from './page.ts'
import { addBundle, createPlace, removePlace } from './place.ts'
import type { DocsPlace, Target } from './place.ts'

/** The address of a Global in pages: of a network that only documentation uses. */
const DOCUMENTED = '192.0.2.10'

/** With `DSTORE_DOCS=write` a page gets the outputs of the run: read the difference. */
const isWriting = process.env['DSTORE_DOCS'] === 'write'

/**
 * Run a page's blocks in order, each machine in a home directory of its own. Fails if a command
 * ends with an error that the page does not show, or an output is not the one below the command.
 */
export async function runPage(t: ExecutionContext, page: string, target: Target): Promise<void> {
  const place = await createPlace(target)
  const machines = new Map<string, Machine>()
  try {
    const steps = blocksOf(page).flatMap(({ isRun, steps: all }) => (isRun ? all : []))
    for (const [index, step] of steps.entries()) {
      const machine = machines.get(step.machine) ?? addMachine(place, step.machine)
      machines.set(step.machine, machine)
      const { output, exit } = await machine.run(
        here(step.command, place),
        step.output === undefined,
      )
      const what = `${page}: ${step.machine}$ ${step.command}\n${output}`
      const next = steps[index + 1]
      if (!isWriting && !mayFail(step, next)) t.is(exit, 0, what)
      if (step.output !== undefined)
        compare(t, page, step, there(output, place, step.machine), what)
      if (exit === -1) return
    }
  } finally {
    for (const machine of machines.values()) await machine.close()
    await removePlace(place)
  }
}

function compare(
  t: ExecutionContext,
  page: string,
  step: Step,
  actual: string,
  what: string,
): void {
  const lines = actual === '' ? [] : actual.replace(/\n$/, '').split('\n')
  const found = lines.map((line) => line.trimEnd())
  const shown = step.output!
  const isSame = normalise(found.join('\n')) === normalise(shown.join('\n'))
  if (isWriting && !isSame) rewrite(page, step, found)
  else t.is(normalise(found.join('\n')), normalise(shown.join('\n')), what)
}

function rewrite(page: string, { machine, command, output }: Step, found: string[]): void {
  const before = [`${machine}$ ${command}`, ...output!].join('\n')
  const text = readFileSync(page, 'utf8')
  const at = text.indexOf(`\n${before}\n`) + 1
  const after = [`${machine}$ ${command}`, ...found].join('\n')
  writeFileSync(page, text.slice(0, at) + after + text.slice(at + before.length))
}

/** May a command fail? Where the page shows an error, or asks for its exit code. */
function mayFail({ output, machine }: Step, next: Step | undefined): boolean {
  if (output?.some((line) => line.startsWith('dstore: ')) === true) return true
  return next?.machine === machine && next.command === 'echo $?'
}

function addMachine(place: DocsPlace, name: string): Machine {
  const home = homeOf(place, name)
  const machine = new Machine(home, place.search)
  addBundle(home)
  return machine
}

const homeOf = (place: DocsPlace, name: string): string => `${place.path}/${name || 'here'}`

/** A command of a page, with ports and addresses of this machine. */
function here(command: string, { ports, path }: DocsPlace): string {
  const text = command.replaceAll(/\b448[01]\b/g, (port) => ports.get(port)!)
  // A page that uses /tmp means a folder of its own.
  return text
    .replaceAll(DOCUMENTED, outsideAddress() ?? '127.0.0.1')
    .replaceAll('/tmp/', `${path}/`)
}

/** What a command printed, as a page shows it. */
function there(output: string, place: DocsPlace, name: string): string {
  let text = output.replaceAll(homeOf(place, name), '~').replaceAll(`${place.path}/`, '/tmp/')
  for (const [documented, port] of place.ports) {
    text = text.replaceAll(new RegExp(String.raw`\b${port}\b`, 'g'), documented)
  }
  return text
}

/** An IPv4 address of this machine that others can reach. */
export function outsideAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((some) => some ?? [])
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address
}
