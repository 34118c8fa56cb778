/** `get -o` has the daemon write the file, and gets the bytes where it does not (R007-183). */
import { chmodSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import type { ExecutionContext } from 'ava'
import { test } from '../serial.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { serving, type Serving } from '../daemon/serving.ts'
import { sameBytes } from '../same-bytes.ts'
import { BUNDLE, Place } from './command.ts'

interface Scene extends Serving {
  readonly place: Place
  readonly key: string
  readonly value: Uint8Array
}

async function scene(t: ExecutionContext): Promise<Scene> {
  const all = await serving(t)
  const place = new Place(t, all.directory.path)
  const value = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251)
  const key = new Key(hash(value).digest).toString()
  all.node.values.set(key, value)
  return { ...all, place, key, value }
}

/** The calls in what a command with --verbose printed. */
const callsIn = (stderr: string): string[] =>
  [...stderr.matchAll(/^(\w+ \/v1\/values\/)\w+(\/\w+)? (\d+)/gm)].map(
    ([, call, what = '', status]) => `${call}${what} ${status}`,
  )

test('R007-183 the daemon writes the file of the command, also a range and through a name', async (t) => {
  const { place, key, value } = await scene(t)
  t.is((await place.run(['name', 'model', key])).exit, 0)
  for (const [text, flags, start, end] of [
    [key, [], 0, value.byteLength],
    ['model', [], 0, value.byteLength],
    [key, ['--range', '5-9'], 5, 10],
    [key, ['--range', '-3'], value.byteLength - 3, value.byteLength],
  ] as const) {
    writeFileSync(place.file('out'), 'old and longer than the range')
    const { exit, stderr } = await place.run(['get', '-v', text, '-o', 'out', ...flags])
    t.deepEqual([exit, callsIn(stderr)], [0, ['POST /v1/values//copy 200']], stderr)
    sameBytes(t, readFileSync(place.file('out')), value.subarray(start, end))
    t.deepEqual(readdirSync(place.path), ['out'])
  }
})

test('R007-183 on a socket that others may use the bytes come through it, silently', async (t) => {
  const { place, key, value, daemon } = await scene(t)
  chmodSync(daemon.socket, 0o660)
  const { exit, stderr } = await place.run(['get', key, '-o', 'out'])
  t.deepEqual([exit, stderr], [0, ''])
  sameBytes(t, readFileSync(place.file('out')), value)
  const { stderr: detail } = await place.run(['get', '-v', key, '-o', 'out'])
  t.deepEqual(callsIn(detail), ['POST /v1/values//copy 403', 'GET /v1/values/ 200'])
})

test('R007-183 a new file is of the command: its umask, its folder', async (t) => {
  const { place, key } = await scene(t)
  const command = `umask 027; exec '${process.execPath}' '${BUNDLE}' get ${key} -o out`
  const child = spawn('sh', ['-c', command], { cwd: place.path, env: place.env() })
  t.is((await once(child, 'close'))[0], 0)
  t.is(statSync(place.file('out')).mode & 0o777, 0o640)
})

test('R007-183 a daemon that may not write so much is one error, and leaves the file as it was', async (t) => {
  const place = new Place(t)
  const command = `ulimit -f 200; exec '${process.execPath}' '${BUNDLE}' daemon --store memory`
  const daemon = spawn('sh', ['-c', command], { cwd: place.path, env: place.env() })
  t.teardown(() => daemon.kill('SIGKILL'))
  await once(daemon.stdout, 'data')
  const { stdout } = await place.run(['put', '-'], { input: Buffer.alloc(1_000_000, 'x') })
  const key = stdout.toString().trim()
  writeFileSync(place.file('out'), 'old')
  const { exit, stderr } = await place.run(['get', key, '-o', 'out'])
  const [line, hint, ...rest] = stderr.trimEnd().split('\n')
  t.is(line, 'dstore: cannot write to out: the file is larger than the system allows')
  t.regex(hint!, /^hint: /)
  t.deepEqual([exit, rest], [7, []])
  t.is(readFileSync(place.file('out'), 'utf8'), 'old')
  t.deepEqual(readdirSync(place.path).toSorted(), ['out', 'state'])
})
