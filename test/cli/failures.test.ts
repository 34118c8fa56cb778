/** What a command has printed or done before a failure, at its real command line. */
import { test } from '../serial.ts'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { Daemon } from '../e2e/nodes.ts'
import { Place } from './command.ts'

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
