/**
 * Types what the documentation says to type: the `sh` blocks of a page are one script, run in an
 * empty directory against real daemons. A block of another kind (`console`) needs another machine
 * and does not run.
 */
import { test } from './serial.ts'
import { execFile } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { COMMANDS } from '../cli/commands.ts'
import { BUNDLE, Place } from './cli/command.ts'

const PAGES = ['README.md', ...readdirSync('docs').map((name) => `docs/${name}`)].filter((path) =>
  path.endsWith('.md'),
)

/** What a page says to type, as one script. */
function scriptOf(page: string): string {
  const blocks = readFileSync(page, 'utf8').matchAll(/^```sh\n([^]*?)^```$/gm)
  return [...blocks].map(([, block]) => block!).join('\n')
}

/** The dstore commands that a script uses. */
function commandsIn(script: string): string[] {
  return [...script.matchAll(/\bdstore ([a-z]+)/g)].map(([, name]) => name!)
}

/** Stand-ins for `dstore`, for `npx dstore` in a clone, and for `npm`. */
function commands(place: Place): string {
  const folder = place.file('bin')
  mkdirSync(folder)
  const scripts = {
    dstore: `exec '${process.execPath}' '${BUNDLE}' "$@"`,
    npx: 'shift; exec dstore "$@"',
    npm: 'exit 0',
  }
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  return folder
}

test('there are pages with something to type, and what they type exists', (t) => {
  const scripts = PAGES.map(scriptOf).filter((script) => script !== '')
  t.true(scripts.length >= 6)
  for (const script of scripts) t.true(commandsIn(script).length > 0)
})

for (const page of PAGES.filter((path) => scriptOf(path) !== '')) {
  test(`${page}: what it says to type works`, async (t) => {
    const script = scriptOf(page)
    const missing = commandsIn(script).filter((name) => !Object.hasOwn(COMMANDS, name))
    if (missing.length > 0) {
      t.log(`${page} is not tried: there is no ${[...new Set(missing)].join(', ')} yet`)
      t.pass()
      return
    }
    const place = new Place(t)
    const work = place.file('work')
    mkdirSync(work)
    cpSync('README.md', join(work, 'README.md'))
    const PATH = `${commands(place)}:${process.env['PATH']}`
    // The README keeps its nodes in /tmp; here they live in the test's directory.
    const here = script.replaceAll('/tmp/', `${place.path}/`)
    const all = `set -eu\n${here}`
    const run = promisify(execFile)('bash', ['-c', all], {
      cwd: work,
      env: place.env({ PATH }),
      timeout: 170_000,
    })
    await t.notThrowsAsync(run)
  })
}
