/** What the installed command answers without the whole command line, and what it leaves. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { test } from '../serial.ts'
import { COMMANDS } from '../../cli/commands.ts'
import { overview } from '../../cli/help/help.ts'
import { BUNDLE, Place, outcome } from './command.ts'

const KEY = `bafkr4i${'a'.repeat(52)}`
const YES = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
const NO = 'HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}'

type Start = (args: readonly string[], env?: Readonly<Record<string, string>>) => ChildProcess

/** The installed command. In place of the whole command line is a program that says so. */
function command(t: ExecutionContext): { readonly place: Place; readonly start: Start } {
  const place = new Place(t)
  const folder = place.file('dist')
  const from = dirname(BUNDLE)
  mkdirSync(join(folder, 'chunks'), { recursive: true })
  const chunks = readdirSync(join(from, 'chunks')).filter((name) => /\.(cjs|txt)$/.test(name))
  for (const name of ['dstore.cjs', ...chunks.map((chunk) => `chunks/${chunk}`)]) {
    cpSync(join(from, name), join(folder, name))
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const whole = `process.stdout.write('whole ' + process.env.DSTORE_CLOSED); process.exitCode = 9`
  writeFileSync(join(folder, 'dstore.js'), whole)
  mkdirSync(place.state)
  writeFileSync(join(place.state, 'config.json'), '{}')
  const start: Start = (args, env = {}) =>
    spawn(process.execPath, [join(folder, 'dstore.cjs'), ...args], {
      cwd: place.path,
      env: place.env({ DSTORE_CLOSED: '1:0', ...env }),
      stdio: 'pipe',
    })
  return { place, start }
}

/** A daemon that answers every connection with this; with '' it stays silent. */
async function daemon(t: ExecutionContext, place: Place, answer: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => answer !== '' && socket.end(answer))
  })
  server.listen(join(place.state, 'dstore.sock'))
  await once(server, 'listening')
  t.teardown(() => server.close())
  return server
}

const WHOLE = { exit: 9, stdout: 'whole 1:0' }

async function ended(child: ChildProcess): Promise<{ exit: number | string; stdout: string }> {
  const { exit, stdout } = await outcome(child)
  return { exit, stdout: stdout.toString() }
}

test('R007-20 a program reads the overview without the whole command line', async (t) => {
  const { start } = command(t)
  const shown = { exit: 0, stdout: `${overview(COMMANDS)}\n` }
  t.deepEqual(await ended(start(['--help'])), shown)
  t.deepEqual(await ended(start(['--help'], { COLUMNS: '60' })), WHOLE)
  for (const args of [[], ['--help', 'put'], ['help'], ['has', '--help'], ['--version']]) {
    t.deepEqual(await ended(start(args)), WHOLE, args.join(' '))
  }
})

test('a yes of `has` needs no whole command line', async (t) => {
  const { place, start } = command(t)
  await daemon(t, place, YES)
  t.deepEqual(await ended(start(['has', KEY])), { exit: 0, stdout: '' })
  for (const args of [
    ['has', KEY, '-v'],
    ['has', 'name'],
    ['has', KEY, KEY],
    ['get', KEY],
  ]) {
    t.deepEqual(await ended(start(args)), WHOLE, args.join(' '))
  }
  for (const name of ['DSTORE_TIMEOUT', 'DSTORE_SOCKET']) {
    t.deepEqual(await ended(start(['has', KEY], { [name]: '1s' })), WHOLE, name)
  }
  writeFileSync(join(place.state, 'config.json'), '{"socket":"other"}')
  t.deepEqual(await ended(start(['has', KEY])), WHOLE)
})

test('all but a yes of `has` is for the whole command line, which sees the streams as they were', async (t) => {
  const { place, start } = command(t)
  t.deepEqual(await ended(start(['has', KEY])), WHOLE)
  await daemon(t, place, NO)
  t.deepEqual(await ended(start(['has', KEY])), WHOLE)
})

test('R007-28 a signal ends a `has` that waits for its daemon', async (t) => {
  const { place, start } = command(t)
  const server = await daemon(t, place, '')
  const child = start(['has', KEY])
  await once(server, 'connection')
  child.kill('SIGINT')
  t.deepEqual(await ended(child), { exit: 130, stdout: '' })
})
