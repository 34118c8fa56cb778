/** The tests of the Python client, `clients/python`, against the daemon of this tree. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const FOLDER = 'clients/python'

/** Checks of the sources, where the tool is installed. */
const CHECKS: readonly (readonly [tool: string, ...parameters: string[]])[] = [
  ['mypy'],
  ['ruff', 'check', '--no-cache', '.'],
  ['ruff', 'format', '--no-cache', '--check', '.'],
]

const VARIABLES = { PYTHONDONTWRITEBYTECODE: '1', DSTORE_BIN: resolve('dist/dstore.js') }

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Runs the tests and the checks; says what is skipped. Throws if one fails. */
export async function testClient(python: string): Promise<void> {
  for (const [tool, ...parameters] of CHECKS) check(python, tool, parameters)
  if (!has(python, 'pytest')) return say(`skipped: ${python} has not the package pytest`)
  // Where the package is installed, what pip made of it is tested.
  const sources = has(python, 'dstore') ? {} : { PYTHONPATH: resolve(FOLDER, 'src') }
  const folder = mkdtempSync(join(tmpdir(), 'dstore-pytest-'))
  // Else pytest keeps what its last runs made.
  const base = `--basetemp=${join(folder, 'base')}`
  const child = spawn(python, ['-m', 'pytest', '-v', '--color=no', '-o', 'addopts=', base], {
    cwd: FOLDER,
    env: { ...process.env, ...sources, ...VARIABLES },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let passed = 0
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name, outcome] = /^tests\/\S+?::(.+?) (PASSED|FAILED|ERROR|SKIPPED)/.exec(line) ?? []
    if (outcome === 'PASSED') passed++
    say(outcome === 'PASSED' ? `  ✔ python › ${name}` : line)
  }
  if (child.exitCode === null) await once(child, 'exit')
  rmSync(folder, { recursive: true, force: true })
  const code = child.exitCode
  if (code !== 0) throw new Error(`the tests of ${FOLDER} failed (pytest: ${code})`)
  if (passed === 0) throw new Error(`no test of ${FOLDER} ran`)
}

function check(python: string, tool: string, parameters: readonly string[]): void {
  if (!has(python, tool)) return say(`skipped: ${python} has not the package ${tool}`)
  const cache = tool === 'mypy' ? ['--cache-dir=/dev/null'] : []
  const args = ['-m', tool, ...parameters, ...cache]
  const { status } = spawnSync(python, args, { cwd: FOLDER, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${tool} ${parameters.join(' ')} finds faults in ${FOLDER}`)
  say(`  ✔ python › ${[tool, ...parameters].join(' ')}`)
}

const has = (python: string, module: string): boolean =>
  spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0
