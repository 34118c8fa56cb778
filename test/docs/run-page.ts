/** Types what a page says to type, and compares what it shows. */
import type { ExecutionContext } from 'ava'
import { readFileSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { Machine } from './machine.ts'
import type { Result } from './machine.ts'
import { normalise } from './normalise.ts'
import { blocksOf } from './page.ts'
import type { Step } from './page.ts'
import { addBundle, createPlace, removeFiles, removePlace } from './place.ts'
import type { DocsPlace, Target } from './place.ts'

/** The address of a Global in pages: of a network that only documentation uses. */
const DOCUMENTED = '192.0.2.10'

/** How long a status may take to become what a page shows. */
const STATUS_MS = 60_000

/** With `DSTORE_DOCS=write` a page gets the outputs of the run: read the difference. */
const isWriting = process.env['DSTORE_DOCS'] === 'write'

/** A page's blocks in order, as `runPages` runs them. */
export const runPage = (t: ExecutionContext, page: string, target: Target): Promise<void> =>
  runPages(t, [page], target)

/**
 * Run the blocks of pages in order: each machine of a page is a shell in an empty home directory,
 * but for the node's state, which pages of one call share. Fails if a command ends with an error
 * that the page does not show, or an output is not the one below the command; a script has none.
 */
export async function runPages(
  t: ExecutionContext,
  pages: readonly string[],
  target: Target,
): Promise<void> {
  const place = await createPlace(target)
  try {
    for (const page of pages) await runIn(place, t, page)
  } finally {
    await removePlace(place)
  }
}

async function runIn(place: DocsPlace, t: ExecutionContext, page: string): Promise<void> {
  const machines = new Map<string, Machine>()
  const run = async ({ machine: name, command, output }: Step): Promise<Result> => {
    const machine = machines.get(name) ?? addMachine(place, name)
    machines.set(name, machine)
    const result = await machine.run(here(command, place), output === undefined)
    return { ...result, output: there(result.output, place, name) }
  }
  try {
    const steps = blocksOf(page).flatMap(({ isRun, steps: all }) => (isRun ? all : []))
    const written: (readonly [step: Step, found: string])[] = []
    for (const [index, step] of steps.entries()) {
      let { output, exit } = await run(step)
      // A node hears from others a moment later what its status shows.
      const end = performance.now() + STATUS_MS
      while (isLate(step, output) && performance.now() < end) ({ output, exit } = await run(step))
      written.push([step, output])
      if (isWriting) continue
      const what = `${page}: ${step.machine}$ ${step.command}\n${output}`
      if (!mayFail(step, steps[index + 1])) t.is(exit, 0, what)
      t.is(shown(output), shown((step.output ?? []).join('\n')), what)
    }
    if (isWriting) rewrite(page, written)
    t.true(steps.length > 0)
  } finally {
    for (const machine of machines.values()) await machine.close()
    for (const name of machines.keys()) removeFiles(homeOf(place, name))
  }
}

const isLate = ({ command, output }: Step, found: string): boolean =>
  !isWriting &&
  command.startsWith('dstore status') &&
  output !== undefined &&
  shown(found) !== shown(output.join('\n'))

/** An output as it is compared. */
const shown = (text: string): string => normalise(lines(text).join('\n'))

const lines = (text: string): string[] =>
  text === ''
    ? []
    : text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => line.trimEnd())

/** Put what was printed below each command whose output is another one. */
function rewrite(page: string, written: readonly (readonly [Step, string])[]): void {
  let text = readFileSync(page, 'utf8')
  let from = 0
  for (const [{ machine, command, output }, found] of written) {
    if (output === undefined) continue
    const prompt = `${machine}$ ${command}`
    const before = [prompt, ...output].join('\n')
    const at = text.indexOf(`\n${before}\n`, from) + 1
    const isSame = shown(found) === shown(output.join('\n'))
    const after = isSame ? before : [prompt, ...lines(documented(found))].join('\n')
    text = text.slice(0, at) + after + text.slice(at + before.length)
    from = at + after.length
  }
  writeFileSync(page, text)
}

/** As a reader needs it: with an address for documentation, and short peer ids. */
function documented(found: string): string {
  const address = outsideAddress()
  const text = address === undefined ? found : found.replaceAll(address, DOCUMENTED)
  return text.replaceAll(/\b(12D3KooW\w{4})\w+/g, '$1...')
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

export const homeOf = (place: DocsPlace, name: string): string => `${place.path}/${name || 'here'}`

/** A command of a page, with ports and addresses of this machine. */
export function here(command: string, { ports, path }: DocsPlace): string {
  const text = command.replaceAll(/\b448[01]\b/g, (port) => ports.get(port)!)
  // A page that uses /tmp means a folder of its own.
  return text
    .replaceAll(DOCUMENTED, outsideAddress() ?? '127.0.0.1')
    .replaceAll('/tmp/', `${path}/`)
}

/** What a command printed, as a page shows it. */
export function there(output: string, place: DocsPlace, name: string): string {
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
