/** Systems that are refused, and what a system must have (specs/007, "Platforms"). */
import { spawn } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { LINUX, PORTABLE, checkSystem, platformOf, whyNotBuilt } from '../../src/platform.ts'
import { test } from '../serial.ts'
import { BUNDLE, Place, outcome, type Outcome } from './command.ts'

const LIBRARY = new URL('../../src/dstore.js', import.meta.url).href

/** Node as it would be on another system, as far as `process` tells. */
function on(system: string, place: Place, args: readonly string[]): Promise<Outcome> {
  const claim = `Object.defineProperty(process, 'platform', { value: '${system}' })`
  const preload = `data:text/javascript,${encodeURIComponent(claim)}`
  const { PATH, HOME } = place.env()
  const options = { cwd: place.path, env: { PATH, HOME }, stdio: 'pipe' } as const
  return outcome(spawn(process.execPath, ['--import', preload, ...args], options))
}

function scene(t: ExecutionContext): Place {
  const place = new Place(t)
  writeFileSync(place.file('f'), 'abc')
  return place
}

const REFUSED =
  'dstore: dstore does not run on Windows\n' +
  'hint: use it in WSL 2, where it runs as on Linux: `wsl --install`\n'

test('R007-175 on Windows every command is refused in one line, and touches nothing', async (t) => {
  const place = scene(t)
  for (const [call, code] of [
    ['put f', 1],
    ['daemon', 1],
    ['has f', 5],
    ['--version', 1],
  ] as const) {
    const { exit, stdout, stderr } = await on('win32', place, [BUNDLE, ...call.split(' ')])
    t.deepEqual([exit, stdout.toString(), stderr], [code, '', REFUSED], call)
  }
  t.deepEqual(readdirSync(place.path), ['f'])
})

test('R007-175 on Windows the library refuses to open a node and to connect to one', async (t) => {
  const place = scene(t)
  const program = `
    const { createNode, connect, ERRORS } = await import('${LIBRARY}')
    for (const call of [() => createNode({ dir: 'd' }), () => createNode(), () => connect()])
      await call().catch(({ code }) => console.log(code, ERRORS[code].exit))`
  const { stdout } = await on('win32', place, ['--input-type=module', '-e', program])
  t.is(stdout.toString(), 'unsupported 1\n'.repeat(3))
  t.deepEqual(readdirSync(place.path), ['f'])
})

test('R007-179 where a package with compiled code is not built for the system, the hint says so', async (t) => {
  const place = scene(t)
  const { exit, stderr } = await on('freebsd', place, [BUNDLE, 'daemon'])
  t.is(exit, 1)
  t.regex(stderr, /^dstore: the package [\w@/-]+ cannot be loaded\nhint: it is built for Linux /)
  t.true(stderr.includes(`not for freebsd on ${process.arch}`), stderr)
  for (const [system, processor, isBuilt] of [
    ['linux', 'x64', true],
    ['linux', 'arm64', true],
    ['darwin', 'x64', true],
    ['darwin', 'arm64', true],
    ['linux', 'arm', false],
    ['freebsd', 'x64', false],
    ['win32', 'x64', false],
  ] as const) {
    t.is(whyNotBuilt(system, processor) === undefined, isBuilt, `${system} ${processor}`)
  }
})

test('R007-176 only Linux has what only Linux has, and not if the variable hides it', (t) => {
  t.is(platformOf('linux', {}), LINUX)
  t.is(platformOf('linux', { DSTORE_PORTABLE: '0' }), LINUX)
  t.is(platformOf('linux', { DSTORE_PORTABLE: '1' }), PORTABLE)
  for (const system of ['darwin', 'freebsd', 'sunos']) {
    t.is(platformOf(system, {}), PORTABLE, system)
    t.notThrows(() => checkSystem(system), system)
  }
  t.deepEqual(Object.keys(PORTABLE), Object.keys(LINUX))
})
