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
    return { files, timeout: '10m', workerThreads: false, concurrency: availableParallelism() }
  }
  const isNamed = process.argv.slice(2).some((argument) => /^[^-].*(\/|\.js\b)/.test(argument))
  return {
    files: isNamed ? [`${BUILT}/**/*.{test,extended,slow}.js`] : [...plan.keys()],
    sortTestFiles: (a, b) => turnOf(a) - turnOf(b) || (a < b ? -1 : 1),
    // A test without a result for this long hangs; a busy machine is slow.
    timeout: suffix === 'slow' ? '30m' : '10m',
    workerThreads: false,
    // An addon that was built here has tests of its own, and a line in the log of each daemon.
    environmentVariables: { DSTORE_NATIVE: '0' },
    // Half of what is tested is time that passes: more processes than cores keep these at work.
    concurrency: availableParallelism() + 2,
  }
}
