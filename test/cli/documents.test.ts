/** The `--json` output of every command matches specs/documents.yaml, with real daemons. */
import { test } from '../serial.ts'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parse } from 'yaml'
import { COMMANDS } from '../../cli/commands.ts'
import { Place } from './command.ts'

const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/
const ajv = new Ajv2020({ strict: false, formats: { 'date-time': TIME } })
ajv.addSchema(parse(readFileSync('specs/openapi.yaml', 'utf8')) as object, 'openapi.yaml')
const documents = parse(readFileSync('specs/documents.yaml', 'utf8')) as Record<string, object>

function faultsOf(command: string, text: string): unknown {
  return ajv.validate(documents[command]!, JSON.parse(text)) ? undefined : ajv.errors
}

test('R007-78 every command that takes --json has a description, and no other', (t) => {
  const taking = Object.entries(COMMANDS).filter(([, { flags }]) => flags.includes('json'))
  const described = Object.keys(documents).filter((name) => name !== 'failure')
  t.deepEqual(described.toSorted(), taking.map(([name]) => name).toSorted())
})

test('R007-78 the output of --json matches its description', async (t) => {
  const place = new Place(t)
  const json = async (...args: string[]): Promise<string[]> => {
    const { stdout, stderr } = await place.run([...args, '--json'])
    const lines = stdout.toString().split('\n').slice(0, -1)
    for (const line of lines) t.is(faultsOf(args[0]!, line), undefined, `${args[0]}: ${line}`)
    t.true(lines.length > 0, `${args.join(' ')}: ${stderr}`)
    return lines
  }
  await json('start', '--global', '--lease', '5s')
  const watcher = place.start(['watch', '--json'])
  t.teardown(() => watcher.kill('SIGKILL'))
  const changes = createInterface({ input: watcher.stdout! })

  writeFileSync(place.file('a'), 'a')
  writeFileSync(place.file('b'), new Uint8Array(100_000))
  const [first] = await json('put', 'a', '--name', 'names/a')
  const { key } = JSON.parse(first!) as { key: string }
  t.is((await json('put', 'a', 'b')).length, 2)
  await json('cid', 'a', 'b')
  await json('has', key, 'names/a', 'nobody')
  await json('stat', key, 'names/a')
  await json('path', 'names/a')
  await json('name', 'other/name', key)
  await json('tag', 'names/now', key, '--expires', '1h')
  await json('put', 'b', '--tag', 'names/now')
  await json('tag', 'names/now', 'names/a')
  await json('tag', '--history', 'names/now')
  await json('stat', 'names/now')
  await json('rm', 'names/now')
  await json('rule', 'set', 'names/', '--max-size', '1GiB', '--unused', '7d')
  await json('rule')
  await json('rule', 'set', '--unnamed', '--unused', '2h')
  await json('rule')
  await json('rule', 'rm', '--unnamed')
  await json('rule', 'rm', 'names/')
  await json('ls')
  await json('ls', '--sort', 'size', '--limit', '1')
  await json('du')
  await json('df')
  await json('ls', '--keys')
  await json('status')
  await json('config')
  await json('config', 'get', 'lease')
  await json('config', 'set', 'cache', '64MiB')
  await json('config', 'unset', 'cache')
  await json('logs', '-n', '5')
  await json('open', '--role', 'reader')

  await json('token', 'add', '--label', 'ci', '--expires', '1h')
  await json('token', 'add', '-o', 'spare-token', '--prefix', 'ci/')
  await json('token')
  await json('token', 'rm', 'ci')

  mkdirSync(place.file('model'))
  writeFileSync(place.file('model/config.json'), '{}')
  await json('hf', 'publish', 'model', 'acme/tiny')
  writeFileSync(place.file('model/config.json'), '{"a":1}')
  await json('hf', 'publish', 'model', 'acme/tiny')

  await json('invite', '-o', 'spare')
  const [invitation] = await json('invite', '--uses', '2', '--role', 'reader')
  const { ticket } = JSON.parse(invitation!) as { ticket: string }
  writeFileSync(place.file('ticket'), ticket)
  await json('join', '@ticket', '--dir', 'local')
  const [member] = await json('members')
  const { peer } = JSON.parse(member!) as { peer: string }
  await json('members', 'add', peer, '--role', 'writer')
  await json('pin', 'names/a', '--dir', 'local')
  await json('pins', '--dir', 'local')
  await json('status', '--dir', 'local')
  await json('doctor', '--dir', 'local')
  await json('doctor', '--dir', 'nowhere')
  await json('members', 'rm', peer)
  await json('rm', 'other/name', '--name-only')

  await json('tag', 'names/lasting', key, '--expires', '1h')
  const { stdout } = await place.run(['export', key, 'names/a'])
  writeFileSync(place.file('a.tar'), stdout)
  await json('import', 'a.tar')
  await json('rm', 'names/a')
  await json('rm', key, '--force')

  const line = once(changes, 'line') as Promise<[string]>
  const more = setInterval(() => void place.run(['put', 'a', 'b']), 500)
  t.is(faultsOf('watch', (await line)[0]), undefined)
  clearInterval(more)
})

test('R007-78 an undescribed document would be found', (t) => {
  t.truthy(faultsOf('has', '{"has":"yes"}'))
  t.truthy(faultsOf('put', '{"file":"a"}'))
  t.truthy(faultsOf('status', '{"role":"king"}'))
})
