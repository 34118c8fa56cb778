import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, posix } from 'node:path'

const ROOT = import.meta.dirname
const BUILT = 'dist/test'

/**
 * The test files of each of these folders share one process: to start one costs more processor time
 * than most of them use. Their titles must differ; ava refuses two that are the same.
 */
export const SHARED = [
  'bucket',
  'cli',
  'daemon',
  'directory',
  'doors',
  'e2e',
  'faults',
  'hash',
  'hostile',
  'house',
  'index',
  'journal',
  'library',
  'membership',
  'network',
  'node/cache',
  'node/calls',
  'node/files',
  'node/global',
  'node/inactive',
  'node/local',
  'node/pins',
  'node/swarm',
  'simulation/trees',
  'store',
  'transfer',
  'wire',
]

/**
 * Long files of those folders, most of them waiting, keep a process to themselves, so that they run
 * beside the others; they start first, so that none is left alone at the end.
 */
export const LONG = [
  'cli/transcripts.test',
  'e2e/slow-link.extended',
  'e2e/partition.extended',
  'e2e/stream-break.extended',
  'e2e/files/small-shared-memory.extended',
  'faults/resume.extended',
  'journal/file/crash.test',
]

/**
 * Such files share no process: set-up that would run for the tests of others, listeners and figures
 * of memory of the whole process, patches of Node's own modules. A hook after a test only closes
 * what the test opened, and as tests run one after another it finds nothing of others.
 */
const WHOLE_PROCESS =
  /\btest\.before|(?<![.\w])process\.(memoryUsage|cpuUsage|on|once|chdir)\b|\bsyncBuiltinESMExports\b/

/** The processes of a run: the module that each loads, and the test files that come with it. */
export function processes(suffix = 'test') {
  const plan = new Map()
  for (const name of readdirSync(join(ROOT, BUILT), { recursive: true }).toSorted()) {
    const path = posix.join(BUILT, name.replaceAll('\\', '/'))
    if (!path.endsWith(`.${suffix}.js`)) continue
    const entry = entryOf(path, suffix)
    plan.set(entry, [...(plan.get(entry) ?? []), path])
  }
  return plan
}

/** How early a process starts: long files, then folders that share one, then single files. */
function turnOf(entry) {
  if (LONG.some((one) => entry.endsWith(`${BUILT}/${one}.js`))) return 0
  return /\/all(-\w+)?\.js$/.test(entry) ? 1 : 2
}

function entryOf(path, suffix) {
  const folder = SHARED.find((one) => path.startsWith(`${BUILT}/${one}/`))
  if (folder === undefined || suffix === 'slow') return path
  if (LONG.some((one) => path === `${BUILT}/${one}.js`)) return path
  if (WHOLE_PROCESS.test(readFileSync(join(ROOT, path), 'utf8'))) return path
  return `${BUILT}/${folder}/all${suffix === 'test' ? '' : `-${suffix}`}.js`
}

/** Write the module that loads these test files, unless it says so already. */
function write(entry, paths) {
  const names = paths.map((path) => posix.relative(posix.dirname(entry), path))
  const text = names.map((name) => `import './${name}'\n`).join('')
  const file = join(ROOT, entry)
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text)
}

/** The run that a process belongs to: tests hand it on to what they start. */
const RUN_VARIABLE = 'DSTORE_TEST_RUN'

/**
 * How long a run rests at its end. What compiles code beside Node's main thread has ended by then:
 * where Node waits for it while it waits for Node, a process never ends.
 */
const REST_MS = 1000

/** Processes of this run that are there after it, as the system shows them; Linux alone. */
function leftOver() {
  if (!existsSync('/proc/self/environ')) return []
  const mark = `${RUN_VARIABLE}=${process.pid}`
  return readdirSync('/proc').flatMap((name) => {
    try {
      if (!/^\d+$/.test(name)) return []
      const isOurs = readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(mark)
      const words = readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0')
      // One that has ended has no words.
      return isOurs && words[0] !== '' ? [{ pid: Number(name), command: words.join(' ') }] : []
    } catch {
      return [] // It has ended, or another user has it.
    }
  })
}

/** Ends the run: fails it for what it left over, and waits for nothing that holds its output. */
function end() {
  for (const { pid, command } of leftOver()) {
    process.stdout.write(`  ✘ left over by a test, and ended: ${pid} ${command}\n`)
    process.kill(pid, 'SIGKILL')
    process.exitCode = 1
  }
  process.exit()
}

/** What a run does at its end, as settings of ava. */
export function endings() {
  const isWatching = process.argv.some((argument) => /^(-w|--watch)$/.test(argument))
  return {
    nonSemVerExperiments: { observeRunsFromConfig: true },
    observeRun: async ({ events }) => {
      for await (const { type } of events) {
        if (type === 'end' && !isWatching) setTimeout(end, REST_MS)
      }
    },
    environmentVariables: { [RUN_VARIABLE]: String(process.pid) },
  }
}

export default function config() {
  // `*.test.ts` runs with `npm test`, `*.extended.ts` in CI as well: it takes much processor time.
  // `*.slow.ts` takes minutes or the network.
  const { DSTORE_TEST_SLOW, DSTORE_TEST_EXTENDED } = process.env
  const other = DSTORE_TEST_EXTENDED === undefined ? 'test' : 'extended'
  const suffix = DSTORE_TEST_SLOW === undefined ? other : 'slow'
  const plan = processes(suffix)
  for (const [entry, paths] of plan) if (!paths.includes(entry)) write(entry, paths)
  // A file that is named on the command line runs in a process of its own.
  if (process.env.DSTORE_TEST_NATIVE !== undefined) {
    // Tests that need a compiled addon: `npm run test:native` names them, and others to run with it.
    const files = [`${BUILT}/**/*.{test,native}.js`]
    const concurrency = availableParallelism()
    return { ...endings(), files, timeout: '10m', workerThreads: false, concurrency }
  }
  const isNamed = process.argv.slice(2).some((argument) => /^[^-].*(\/|\.js\b)/.test(argument))
  const { environmentVariables, ...ends } = endings()
  return {
    ...ends,
    files: isNamed ? [`${BUILT}/**/*.{test,extended,slow}.js`] : [...plan.keys()],
    sortTestFiles: (a, b) => turnOf(a) - turnOf(b) || (a < b ? -1 : 1),
    // A test without a result for this long hangs; a busy machine is slow. A test that may take
    // longer by `t.timeout` keeps ava from seeing any other that hangs.
    timeout: suffix === 'slow' ? '30m' : '10m',
    workerThreads: false,
    // An addon that was built here has tests of its own, and a line in the log of each daemon.
    environmentVariables: { ...environmentVariables, DSTORE_NATIVE: '0' },
    // Half of what is tested is time that passes: more processes than cores keep these at work.
    concurrency: availableParallelism() + 2,
  }
}
