/** The installed command, which a shell begins: wherever it lies, whatever surrounds it. */
import { test } from '../serial.ts'
import { spawn } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { ExecutionContext } from 'ava'
import { VERSION } from '../../src/node/version.ts'
import { BUNDLE, Place, outcome, type Outcome } from './command.ts'

/** Links to the package as npm makes them, and a PATH with nothing but `node`. */
function installed(t: ExecutionContext): (script: string, env?: object) => Promise<Outcome> {
  const place = new Place(t)
  const tools = place.file('only node')
  const folder = place.file("it's a $folder with  spaces")
  for (const path of [tools, folder]) mkdirSync(path)
  symlinkSync(process.execPath, `${tools}/node`)
  symlinkSync(dirname(dirname(BUNDLE)), `${folder}/package`)
  symlinkSync('package/dist/dstore.cjs', `${folder}/dstore`)
  writeFileSync(place.file('f'), 'abc')
  const env = { ...place.env(), COMMAND: `${folder}/dstore`, PATH: tools }
  return (script, more = {}) =>
    outcome(
      spawn('/bin/sh', ['-c', script], {
        cwd: place.path,
        env: { ...env, ...more },
        stdio: 'pipe',
      }),
    )
}

test('R007-98 the installed command runs through links, in paths with spaces, with only node in PATH', async (t) => {
  const run = installed(t)
  const version = await run('"$COMMAND" --version')
  t.deepEqual([version.exit, version.stdout.toString()], [0, `dstore ${VERSION}\n`], version.stderr)
  const closed = await run('"$COMMAND" --version >&-')
  t.deepEqual([closed.exit, closed.stderr], [1, 'dstore: standard output is closed\n'])
  const odd = await run('"$COMMAND" cid f "no such * file"')
  t.is(odd.stderr, 'dstore: cannot read no such * file: no such file\n')
})

test('R007-98 what another process was told about its streams does not count', async (t) => {
  const run = installed(t)
  for (const stale of ['', '1:01', `${process.pid}:01`, ':01', '01', `:${'1'.repeat(5000)}`]) {
    const env = { DSTORE_CLOSED: stale }
    for (const command of ['"$COMMAND"', 'node "$COMMAND"']) {
      const { exit, stderr } = await run(`${command} cid f - < f`, env)
      t.is(exit, 0, `${command} ${stale}: ${stderr}`)
      t.is((await run(`${command} --version > /dev/null`, env)).exit, 0, command)
    }
  }
})
