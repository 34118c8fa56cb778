/** What a command has printed or done before a failure, at its real command line. */
import { test } from '../serial.ts'
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { Daemon } from '../e2e/nodes.ts'
import { BUNDLE, Place, outcome } from './command.ts'

test('R007-107: `ls` prints every line that a daemon sent before its connection broke', async (t) => {
  const place = new Place(t)
  mkdirSync(place.state, { mode: 0o700 })
  const names = Array.from({ length: 2000 }, (_, i) => `name/${i}`)
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
    const text = names.map((name) => `${JSON.stringify({ name, key: 'k' })}\n`).join('')
    response.write(`${text}{"name":"ha`, () => response.destroy())
  })
  server.listen(join(place.state, 'dstore.sock'))
  t.teardown(() => server.close())
  const { exit, stdout, stderr } = await place.run(['ls'])
  t.deepEqual(stdout.toString().split('\n').slice(0, -1), names)
  t.is(exit, 5, stderr)
})

test('R007-107: a script takes the statements before a line that is not UTF-8', async (t) => {
  const node = await Daemon.start(t, [])
  const script = Buffer.concat([Buffer.from('SET first\nGET '), Uint8Array.of(0xff, 0x0a)])
  const { exit, stdout } = await node.run(['repl'], script)
  t.is(exit, 2)
  t.true(stdout.includes('bafkr4i'))
  t.regex((await node.run(['ls', '--keys'])).stdout.toString(), /^bafkr4i\w+\n$/)
})

test('R007-10 what the daemon refuses before it takes its directory is the error of the start', async (t) => {
  const place = new Place(t)
  const env = { DSTORE_LOG_LEVEL: 'loud' }
  for (const args of [['start'], ['put', place.file('f')]]) {
    writeFileSync(place.file('f'), 'abc')
    const { exit, stderr } = await place.run(args, { env })
    t.is(exit, 2, stderr)
    t.is(stderr, 'dstore: no such log level: loud\nhint: write debug, info, warn or error\n')
  }
})

test('R007-10, R007-112 a daemon that cannot load its program is the error of the start', async (t) => {
  const place = new Place(t)
  const copy = place.file('dist')
  cpSync(join(dirname(BUNDLE), 'chunks'), join(copy, 'chunks'), { recursive: true })
  cpSync(BUNDLE, join(copy, 'dstore.js'))
  writeFileSync(join(copy, 'package.json'), '{"type":"module"}')
  symlinkSync(join(dirname(BUNDLE), '../node_modules'), place.file('node_modules'))
  const chunks = readdirSync(join(copy, 'chunks')).filter((name) => name.startsWith('daemon-'))
  t.is(chunks.length, 1)
  const thrown = `Object.assign(new Error('EMFILE'), { code: 'EMFILE', syscall: 'open' })`
  writeFileSync(join(copy, 'chunks', chunks[0]!), `throw ${thrown}\n`)
  const program = [join(copy, 'dstore.js'), 'start']
  const { exit, stderr } = await outcome(
    spawn(process.execPath, program, { cwd: place.path, env: place.env(), stdio: 'pipe' }),
  )
  t.is(exit, 7, stderr)
  t.is(stderr, 'dstore: too many open files\nhint: raise the limit with `ulimit -n`\n')
})
