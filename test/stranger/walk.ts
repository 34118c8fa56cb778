/** The way of a newcomer: install, first put, a second machine, removal, uninstallation. */
import type { Left, Machine } from './machine.ts'
import type { Package } from './packed.ts'
import { Steps, type Step } from './steps.ts'

/** At most this many lines are printed from the start of the installation to the first key. */
export const LINES_TO_KEY = 15

const KEY = /^bafkr4i[a-z2-7]{52}$/
const STARTED = /^started a (standalone|global|local) node in the background/
/** Titles, lines below them, and where to read on. */
const OVERVIEW = [
  /^$/,
  /^dstore: put a file/,
  /^ {2,}\S/,
  /^[A-Z][a-z, ]+:$/,
  /^`dstore COMMAND/,
  /^keys, /,
]
const VERSION = /^dstore \d+\.\d+\.\d+$/
const HELLO = 'hello, world'
const NOTE = 'tried alone'

/** What `doctor` prints where nothing is wrong. */
const SOUND = [/^(ok|note) +[\w-]+: /, /^ +remedy: /]

export interface Walk {
  readonly steps: Steps
  readonly secondsToKey: number
  readonly linesToKey: number
  /** What the installation takes on the disk, and how many packages of npm it is. */
  readonly installed: { readonly mib: number; readonly files: number; readonly packages: number }
  /** What is left on the first machine, as the last steps saw it. */
  readonly left: readonly string[]
}

export interface Places {
  readonly first: Machine
  readonly second: Machine
  readonly what: Package
  /** The TCP port of Global. */
  readonly port: number
}

export async function walk(places: Places, watch: (step: Step) => void): Promise<Walk> {
  const { first, second, what } = places
  const steps = new Steps(watch)
  await download(first, what)
  const { secondsToKey, linesToKey } = await toFirstKey(steps, first, what)
  const installed = await sizeOf(first, what)
  await alone(steps, first)
  await download(second, what)
  await triedAlone(steps, second, what)
  await together(steps, places)
  await removal(steps, places)
  await away(steps, places)
  const left = await ending(steps, first, what)
  await ending(steps, second, what)
  return { steps, secondsToKey, linesToKey, installed, left }
}

async function download(machine: Machine, { files }: Package): Promise<void> {
  for (const [name, bytes] of files) await machine.write(name, bytes)
  await machine.write('hello.txt', Buffer.from(`${HELLO}\n`))
}

async function toFirstKey(
  steps: Steps,
  machine: Machine,
  what: Package,
): Promise<{ secondsToKey: number; linesToKey: number }> {
  const { install, installOut: out, installErr: err } = what
  await steps.run(machine, install, { online: true, out, err })
  await steps.run(machine, 'dstore put hello.txt', { out: [KEY], err: [STARTED] })
  const secondsToKey = steps.all.reduce((sum, { ran }) => sum + ran.seconds, 0)
  const linesToKey = steps.all.reduce((sum, step) => sum + step.outLines + step.errLines, 0)
  const tooMany = linesToKey > LINES_TO_KEY ? [`${linesToKey} lines, not ${LINES_TO_KEY}`] : []
  steps.check(machine, 'the lines up to the first key', tooMany)
  return { secondsToKey, linesToKey }
}

async function alone(steps: Steps, machine: Machine): Promise<void> {
  const isHello = [new RegExp(`^${HELLO}$`)]
  await steps.run(machine, 'dstore', { exit: 2, out: [], err: OVERVIEW, says: [/dstore put/] })
  await steps.run(machine, 'dstore --version', { out: [VERSION] })
  await steps.run(machine, 'dstore put --help', { says: [/dstore put model\.bin/] })
  await steps.run(machine, 'dstore get $(dstore cid hello.txt)', { out: isHello })
  await steps.run(machine, 'dstore get $(dstore cid hello.txt) -o copy.txt', { out: [] })
  await steps.run(machine, 'cmp hello.txt copy.txt', { out: [] })
  await steps.run(machine, 'dstore put hello.txt --name greetings/v1', { out: [KEY] })
  await steps.run(machine, 'dstore ls', { out: [/^greetings\/v1$/] })
  await steps.run(machine, 'dstore get greetings/v1', { out: isHello })
  await steps.run(machine, 'dstore status', { says: [/^role +standalone$/m] })
  await steps.run(machine, 'dstore doctor', { out: SOUND, err: 'notes' })
  await steps.run(machine, 'dstore stop', { out: [], err: 'notes' })
  await nothingRuns(steps, machine)
  await steps.run(machine, 'dstore get greetings/v1', { out: isHello, err: [STARTED] })
  await steps.run(machine, 'dstore stop', { out: [], err: 'notes' })
}

/** The second machine was tried alone before it joins: what it holds is not to look lost. */
async function triedAlone(steps: Steps, machine: Machine, what: Package): Promise<void> {
  const { install, installOut: out, installErr: err } = what
  await steps.run(machine, install, { online: true, out, err })
  await steps.run(machine, `echo ${NOTE} > note.txt; dstore put note.txt --name notes/mine`, {
    out: [KEY],
    err: [STARTED],
  })
  await steps.run(machine, 'dstore stop', { out: [], err: 'notes' })
}

async function together(steps: Steps, { first, second, port }: Places): Promise<void> {
  const everywhere = first.isSealed ? '0.0.0.0' : first.address
  // Without namespaces both machines are one, and Global is right to say that it is on loopback.
  const hint = first.isSealed ? ('notes' as const) : [/./]
  await steps.run(first, `dstore start --global --listen /ip4/${everywhere}/tcp/${port}`, {
    out: [/^dstore ready global \/ip4\//],
    err: hint,
  })
  await steps.run(first, 'dstore invite -o ticket', { out: [], err: hint })
  const { stdout } = await first.run('cat ticket')
  await second.write('ticket', Buffer.from(stdout))
  await steps.run(second, 'dstore join @ticket', {
    exit: 9,
    out: [],
    err: [/^dstore: /, /^hint: /, /./],
    says: [/1 value/, /--with-data/],
  })
  await steps.run(second, 'dstore join --with-data @ticket', {
    out: [/^dstore ready local /],
    err: 'notes',
  })
  await steps.run(second, 'dstore get greetings/v1', { out: [new RegExp(`^${HELLO}$`)] })
  await steps.run(first, 'dstore get notes/mine', { out: [new RegExp(`^${NOTE}$`)] })
  await steps.run(second, 'head -c 3000000 /dev/urandom > model.bin; dstore put model.bin', {
    out: [KEY],
  })
  await second.run('dstore cid model.bin > key')
  const { stdout: key } = await second.run('cat key')
  await first.write('key', Buffer.from(key))
  await steps.run(first, 'dstore get $(cat key) -o model.bin; dstore cid model.bin', {
    out: [new RegExp(`^${key.trim()}$`)],
  })
  await steps.run(second, 'dstore ls', { out: [/^greetings\/v1$/, /^notes\/mine$/] })
  await steps.run(second, 'dstore status', { says: [/^role +local$/m, /^Global +connected/m] })
  await steps.run(first, 'dstore members', { out: [/ writer +connected /] })
  await steps.run(first, 'dstore doctor', { out: SOUND, err: 'notes' })
  await steps.run(second, 'dstore doctor', { out: SOUND, err: 'notes' })
}

async function removal(steps: Steps, { first, second }: Places): Promise<void> {
  const key = '$(dstore cid hello.txt)'
  await steps.run(first, `dstore rm --force ${key}`, { says: [/removed/] })
  await steps.run(second, 'dstore get greetings/v1', {
    exit: 3,
    out: [],
    err: [/^dstore: no such name: greetings\/v1$/, /^hint: /],
  })
  await steps.run(second, `dstore get ${key}`, {
    exit: 3,
    out: [],
    err: [/^dstore: no such key: bafkr4i/, /^hint: /],
  })
}

/** What a Local holds, it serves without Global. */
async function away(steps: Steps, { first, second }: Places): Promise<void> {
  await steps.run(first, 'dstore stop', { out: [], err: 'notes' })
  await steps.run(second, 'dstore get $(cat key) | cmp - model.bin', { out: [] })
  await steps.run(second, 'dstore status', { says: [/^Global +away/m] })
  await steps.run(second, 'dstore stop', { out: [], err: 'notes' })
}

/** What is left is the directory that `dstore status` named; and nothing once that is removed. */
async function ending(steps: Steps, machine: Machine, what: Package): Promise<readonly string[]> {
  const { uninstall, uninstallOut: out, uninstallErr: err, leaves } = what
  const told = stateDirectory(steps, machine)
  const directory = told ?? '~/.local/share/dstore'
  steps.check(machine, 'dstore status names the state directory', told === undefined ? ['no'] : [])
  await nothingRuns(steps, machine)
  await steps.run(machine, `find ${directory} -perm /077`, { out: [] })
  await steps.run(machine, uninstall, { out, err })
  await steps.run(machine, 'command -v dstore', { exit: 127, out: [] })
  const isState = (path: string): boolean => path.startsWith(`${directory}/`)
  const isKnown = (path: string): boolean =>
    OWN_FILES.includes(path) || isState(path) || leaves.some((one) => one.test(path))
  const left = named(machine, await machine.left())
  steps.check(
    machine,
    'nothing is left but the state directory',
    left.filter((path) => !isKnown(path)),
  )
  const isKept = left.some(isState) ? [] : ['nothing is there']
  steps.check(machine, 'the state directory is left', isKept)
  await steps.run(machine, `rm -r ${directory}`, { out: [] })
  const after = named(machine, await machine.left()).filter((path) => /dstore\/./.test(path))
  steps.check(
    machine,
    'nothing is left without it',
    after.filter((path) => !leaves.some((one) => one.test(path))),
  )
  return left.filter((path) => !OWN_FILES.includes(path))
}

/** The files that the commands of this walk name. */
const OWN_FILES = ['copy.txt', 'note.txt', 'model.bin', 'key', 'ticket'].map((name) => `~/${name}`)

/** The directory in the last `dstore status`, from the home directory. */
function stateDirectory({ all }: Steps, { name, home }: Machine): string | undefined {
  const status = all.findLast((step) => step.machine === name && step.command === 'dstore status')
  const [, path = ''] = /^directory +(\S+)$/m.exec(status?.ran.stdout ?? '') ?? []
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : undefined
}

async function nothingRuns(steps: Steps, machine: Machine): Promise<void> {
  const { processes, sockets } = await machine.left()
  steps.check(machine, 'no process and no socket is left', [...processes, ...sockets])
}

/** All that is left, with paths from the home directory. */
function named({ home }: Machine, { paths, processes, sockets }: Left): string[] {
  const short = (path: string): string =>
    path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path
  return [...paths.map(short), ...processes.map((one) => `process ${one}`), ...sockets]
}

async function sizeOf(machine: Machine, { installed }: Package): Promise<Walk['installed']> {
  const { stdout } = await machine.run(
    `cd "$(${installed})" && du -sk . | cut -f1 && find . ! -type d | wc -l &&
     { npm ls -g --all --parseable 2> /dev/null || :; } | wc -l`,
  )
  const [kib = NaN, files = NaN, packages = NaN] = stdout.split('\n').map(Number)
  return { mib: kib / 1024, files, packages: Math.max(0, packages - 1) }
}
