/** A run of tests ends, whatever a test left behind, and a run of CI whatever hangs. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ExecutionContext } from 'ava'
import { eventually } from '../eventually.ts'
import { test } from '../serial.ts'
import { ROOT } from './tree.ts'

const REPORT = join(ROOT, '.ci/report.mjs')

/** A project with this one test, and the endings of this one. */
function projectOf(t: ExecutionContext, body: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'dstore-run-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const config = JSON.stringify(pathToFileURL(join(ROOT, 'ava.config.js')).href)
  const files = {
    'package.json': '{ "type": "module" }',
    'ava.config.js': `import { endings } from ${config}
      export default () => ({ ...endings(), files: ['*.test.js'], workerThreads: false })`,
    'one.test.js': `import test from 'ava'
      import { spawn } from 'node:child_process'
      test('one', (t) => { ${body}; t.pass() })`,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

function run(folder: string): { readonly status: number | null; readonly output: string } {
  const ava = join(ROOT, 'node_modules/ava/entrypoints/cli.mjs')
  const options = { cwd: folder, encoding: 'utf8', timeout: 120_000 } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, [ava], options)
  return { status, output: stdout + stderr }
}

/** Has this process ended, also where nobody has asked for its outcome yet? */
function hasEnded(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim() === '' || stdout.startsWith('Z')
}

test('a run ends, and fails, though a process that a test left holds its output', async (t) => {
  if (!existsSync('/proc/self/environ')) return t.pass('the system does not show processes')
  const left = `spawn('sleep', ['543'], { detached: true, stdio: 'inherit' }).unref()`
  const { status, output } = run(projectOf(t, left))
  t.is(status, 1, output)
  t.regex(output, /1 test passed/)
  const [, pid] = /✘ left over by a test, and ended: (\d+) sleep 543/.exec(output) ?? []
  t.truthy(pid, output)
  await eventually((saw) => saw(hasEnded(Number(pid))))
  return undefined
})

test('a run of tests that leave nothing succeeds', (t) => {
  const { status, output } = run(projectOf(t, ''))
  t.is(status, 0, output)
  t.regex(output, /1 test passed/)
  t.notRegex(output, /left over/)
})

/** A script with these commands whose output is reported, and what came of it. */
async function reported(
  commands: string,
  silenceMs = 60_000,
): Promise<{ readonly code: number | null; readonly lines: readonly string[] }> {
  const script = `set -o pipefail; { ${commands}\n} | "$0" "$1" $$`
  const child = spawn('bash', ['-c', script, process.execPath, REPORT], {
    env: { ...process.env, CI_SILENCE_MS: String(silenceMs) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stdout.on('data', (piece: Buffer) => (said += String(piece)))
  const [code] = (await once(child, 'exit')) as [number | null]
  return { code, lines: said.trimEnd().split('\n') }
}

test('a report counts what passed and what failed, and its last line says both', async (t) => {
  const passed = `printf '  ✔ a › b (3s)\\n  ✔ c\\n'`
  for (const [commands, code, last] of [
    [`${passed}; echo 'ci: 0'`, 0, '2 passed, 0 failed'],
    [
      `${passed}; echo '  3 tests failed'; echo '  1 uncaught exception'; echo 'ci: 1'`,
      1,
      '2 passed, 4 failed',
    ],
    [`${passed}; echo 'ci: 7'`, 1, '2 passed, 1 failed'],
    [passed, 1, '2 passed, 1 failed'],
    [`echo 'ci: 0'`, 1, '0 passed, 0 failed'],
  ] as const) {
    const outcome = await reported(commands)
    t.deepEqual([outcome.code, outcome.lines.at(-1)], [code, last], commands)
  }
})

test('a report passes lines on as they come', async (t) => {
  const { lines } = await reported('echo one; echo "  two"; echo ci: 0')
  t.deepEqual(lines, ['one', '  two', '0 passed, 0 failed'])
  const child = spawn(process.execPath, [REPORT, String(process.pid)], { stdio: 'pipe' })
  t.teardown(() => child.kill('SIGKILL'))
  child.stdin.write('early\n')
  const [piece] = (await once(child.stdout, 'data')) as [Buffer]
  t.is(String(piece), 'early\n')
})

test('what prints nothing for long is named and ended, and is a failure', async (t) => {
  const { code, lines } = await reported(`echo '  ✔ a'; sleep 432; echo 'ci: 0'`, 1500)
  t.is(code, 1)
  t.is(lines.at(-1), '1 passed, 1 failed')
  const hung = lines.find((line) => line.endsWith(' sleep 432'))
  t.truthy(hung, lines.join('\n'))
  await eventually((saw) => saw(hasEnded(Number(hung!.trim().split(/\s+/)[0]))))
})
