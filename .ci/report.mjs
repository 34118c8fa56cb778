/**
 * Passes on what the parts of a run print, line by line, as it comes; says where the time goes;
 * counts. `ci: STATUS` ends a run, and the last line here is `N passed, N failed`. A run that prints
 * nothing for long hangs: this says what runs then, and ends it.
 */
import { execFileSync } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Longer than a test may take without a result. */
const SILENCE_MS = Number(process.env.CI_SILENCE_MS ?? 15 * 60_000)
const TICK_MS = 30_000

/** The script that runs the parts. */
const script = Number(process.argv[2])
const began = performance.now()
const say = (line) => process.stdout.write(`${line}\n`)

let due = began + TICK_MS
let [passed, failed] = [0, 0]

/** What the script has started, and what that has, as the system shows it. */
function running() {
  const columns = 'pid=,ppid=,etimes=,stat=,args='
  const lines = execFileSync('ps', ['-ewwo', columns], { encoding: 'utf8' }).split('\n')
  const processes = lines.map((line) => {
    const [pid, parent] = line.trim().split(/\s+/).map(Number)
    return { pid, parent, line }
  })
  const found = new Set([script])
  for (let before = 0; before < found.size;) {
    before = found.size
    for (const { pid, parent } of processes) if (found.has(parent)) found.add(pid)
  }
  return processes.filter(({ pid }) => found.has(pid) && ![script, process.pid].includes(pid))
}

function endWhatHangs() {
  say(`nothing was printed for ${SILENCE_MS / 60_000} minutes; what runs is ended:`)
  const hung = running()
  for (const { line } of hung) say(line)
  for (const { pid } of hung) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
  end(1)
}

function end(status) {
  // The step that failed.
  if (status !== 0 && failed === 0) failed = 1
  say(`${passed} passed, ${failed} failed`)
  process.exit(passed > 0 && failed === 0 ? 0 : 1)
}

function take(line) {
  silence.refresh()
  if (performance.now() >= due) {
    say(`(${Math.round((performance.now() - began) / 1000)} s)`)
    due = performance.now() + TICK_MS
  }
  const ended = /^ci: (\d+)$/.exec(line)
  if (ended) end(Number(ended[1]))
  say(line)
  // The runner counts them only if none failed.
  if (line.startsWith('  ✔ ')) passed += 1
  const faults = /^ *(\d+) (?:tests? failed|uncaught exceptions?|unhandled rejections?)/.exec(line)
  if (faults) failed += Number(faults[1])
}

const silence = setTimeout(endWhatHangs, SILENCE_MS)
createInterface({ input: process.stdin })
  .on('line', take)
  .on('close', () => end(1))
