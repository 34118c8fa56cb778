/** What `start`, `join` and `invite` say about the next step, and tickets in files. */
import { test } from '../serial.ts'
import {
  existsSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { networkInterfaces } from 'node:os'
import { announce } from '../../cli/commands/background.ts'
import { afterGlobalStart, afterInvite, afterLocalStart } from '../../cli/terminal/next-steps.ts'
import type { InviteAnswer, StatusAnswer } from '../../src/daemon/api/api.ts'
import { isLoopbackAddress } from '../../src/membership/loopback.ts'
import { parseTicket } from '../../src/membership/ticket.ts'
import { Place } from './command.ts'
import type { Outcome } from './command.ts'

const PEER = '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'

const global = (listen: readonly string[], lanePort?: number): StatusAnswer =>
  ({ listen: listen.map((one) => `${one}/p2p/${PEER}`), lanePort }) as unknown as StatusAnswer

test('R007-159 a Global says where other machines reach it, and which ports to open', (t) => {
  const listen = ['/ip4/127.0.0.1/tcp/4480', '/ip4/192.0.2.7/tcp/4480', '/ip6/2001:db8::7/tcp/4482']
  t.deepEqual(afterGlobalStart(global(listen, 4481), {}), [
    'listening on 192.0.2.7:4480, [2001:db8::7]:4482; ' +
      'a firewall must let TCP ports 4480, 4481 and 4482 through',
    'next: `dstore invite -o ticket` makes a ticket; on the other machine, `dstore join @ticket`',
  ])
  const [first] = afterGlobalStart(global(listen.slice(0, 2)), {})
  t.is(first, 'listening on 192.0.2.7:4480; a firewall must let TCP port 4480 through')
})

test('R007-159 R007-160 every spelling of loopback counts as loopback', (t) => {
  const here = ['/ip4/127.0.0.1/tcp/1', '/ip4/127.9.9.9/tcp/1', '/ip6/::1/tcp/1']
  const mapped = ['/ip6/::ffff:127.0.0.1/tcp/1', '/ip6/::ffff:7f00:1/tcp/1']
  const outside = ['/ip4/12.7.0.1/tcp/1', '/ip6/::1:1/tcp/1', '/ip6/::ffff:a00:1/tcp/1']
  const names = ['/dns4/localhost/tcp/1', '/dns/127.example/tcp/1']
  t.deepEqual([...here, ...mapped].map(isLoopbackAddress), [true, true, true, true, true])
  t.deepEqual([...outside, ...names].map(isLoopbackAddress), [false, false, false, false, false])
  t.regex(afterGlobalStart(global([...here, ...mapped]), {})[0]!, /^listening only on loopback/)
})

test('R007-162 a join says where Global is, or that it is away', (t) => {
  const started = (facts: object, flags: object): string[] =>
    afterLocalStart({ global: facts } as unknown as StatusAnswer, { dir: 'a', ...flags })
  const joined = (facts: object): string[] => started(facts, { join: '-' })
  t.deepEqual(joined({ state: 'connected', address: `/ip4/192.0.2.7/tcp/4480/p2p/${PEER}` }), [
    'joined Global at 192.0.2.7:4480; next: `dstore put --dir a FILE` prints a key, ' +
      'with which `dstore get KEY` works at every member',
  ])
  for (const away of [joined, (facts: object) => started(facts, {})]) {
    t.deepEqual(away({ state: 'away', error: 'no answer in time' }), [
      'Global cannot be reached yet (no answer in time); this node keeps trying, ' +
        'see `dstore status --dir a`',
    ])
  }
  // A later start of a member is nothing new.
  t.deepEqual(started({ state: 'connected' }, {}), [])
  t.deepEqual(afterLocalStart({ global: undefined } as unknown as StatusAnswer, {}), [])
})

test('R007-160 R007-163 the remedy is for Global, in the directory of the command', (t) => {
  const facts = { role: 'writer', uses: 2, expiresAt: 'T' } as unknown as InviteAnswer
  const inside = { ...facts, loopbackOnly: true }
  const remedy = (dir: string): string =>
    `dstore stop${dir}; dstore start${dir} --global --listen /ip4/0.0.0.0/tcp/4480`
  const flags = { dir: "it's here", output: 'x' }
  const [note, warning, ...more] = afterInvite(inside, 'global', flags)
  t.is(note, 'wrote x: a ticket for 2 nodes as writer, until T; keep it secret')
  t.true(warning!.endsWith(`; to change that: ${remedy(String.raw` --dir 'it'\''s here'`)}`))
  t.deepEqual(more, [])
  const [, atLocal] = afterInvite(inside, 'local', flags)
  t.true(atLocal!.endsWith(`; at Global, to change that: ${remedy('')}`))
  t.deepEqual(afterInvite({ ...facts, loopbackOnly: false }, 'global', {}), [
    'for 2 nodes as writer, until T; use it with `dstore join` there',
  ])
})

test('R007-159 to R007-163 the commands in the notes work as they stand', async (t) => {
  const place = new Place(t, 'g')
  const sh = async (command: string): Promise<Outcome> => {
    const [name, ...args] = command.split(' ')
    t.is(name, 'dstore')
    const outcome = await place.run(args)
    t.is(outcome.exit, 0, `${command}: ${outcome.stderr}`)
    return outcome
  }
  const shown = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, one]) => one!)

  const started = await sh('dstore start --dir g --global')
  const [make, take] = shown(started.stderr)
  const made = await sh(make!)
  t.is(made.stdout.length, 0)
  t.is(statSync(place.file('ticket')).mode & 0o777, 0o600)
  t.regex(made.stderr, /^wrote ticket: .*\nwarning: Global listens only on loopback/)
  const joined = await sh(take!.replace('DIR', 'a'))
  t.regex(joined.stderr, /^joined Global at 127\.0\.0\.1:\d+; next: `dstore put --dir a FILE`/)
  writeFileSync(place.file('value'), 'from the Local')
  const [put] = shown(joined.stderr)
  const { stdout } = await sh(put!.replace('FILE', 'value'))
  t.is((await sh(`dstore get ${stdout.toString().trim()}`)).stdout.toString(), 'from the Local')

  // What `--quiet` leaves is the same on stdout; a node that runs is not explained again.
  const again = await sh('dstore start --dir g')
  t.is(again.stderr, '')
  t.is(again.stdout.toString(), started.stdout.toString())
  const json = await sh('dstore invite --json --quiet')
  t.is(json.stderr, '')
  t.true((JSON.parse(json.stdout.toString()) as InviteAnswer).loopbackOnly)

  // The remedy, on any free port.
  const [remedy] = /dstore stop.*$/m.exec(made.stderr)!
  for (const command of remedy.split('; ')) {
    const { stderr } = await sh(command.replace('4480', '0'))
    if (!command.includes('start')) continue
    const hosts = Object.values(networkInterfaces()).flatMap((some) => some ?? [])
    const isAlone = hosts.every(({ internal, family }) => internal || family === 'IPv6')
    t.is(stderr.startsWith('listening only on loopback'), isAlone, stderr)
    const opened = JSON.parse((await sh('dstore invite --json')).stdout.toString()) as InviteAnswer
    t.is(opened.loopbackOnly, isAlone)
    t.is(parseTicket(opened.ticket).addresses.every(isLoopbackAddress), isAlone)
  }
})

test('R007-338 a start warns where the network can read what the API serves', async (t) => {
  const notesFor = async (url: string): Promise<string[]> => {
    const notes: string[] = []
    const terminal = {
      announce: () => Promise.resolve(),
      note: (line: string) => void notes.push(line),
    }
    const http = { url, public: false, tokenFile: '/t', refused: 0 }
    const found = { role: 'standalone', daemon: { socket: '/s', http } } as unknown as StatusAnswer
    await announce(found, terminal)
    return notes.filter((line) => line.startsWith('warning: '))
  }
  for (const url of ['http://0.0.0.0:1', 'http://[::]:1', 'http://build.example:1']) {
    const [warning, ...others] = await notesFor(url)
    t.true(warning?.startsWith(`warning: ${url} is not encrypted`), url)
    t.deepEqual(others, [])
  }
  for (const url of [
    'http://127.0.0.1:1',
    'http://[::1]:1',
    'http://localhost:1',
    'https://0.0.0.0:1',
  ]) {
    t.deepEqual(await notesFor(url), [], url)
  }
})

test('R007-161 a ticket file is private and complete, or stays as it was', async (t) => {
  const place = new Place(t)
  writeFileSync(place.file('old'), 'an old ticket, for all to read', { mode: 0o644 })
  symlinkSync('old', place.file('link'))

  // Before any work: no daemon starts for an output that cannot be written.
  const nowhere = await place.run(['invite', '-o', 'missing/ticket'])
  t.is(nowhere.exit, 1)
  t.is(nowhere.stderr, 'dstore: cannot write to missing/ticket: no such directory\n')
  t.false(existsSync(place.state))

  // A standalone node makes no ticket, and none starts to say so (R007-24).
  for (const isRunning of [false, true]) {
    if (isRunning) await place.run(['start', '--quiet'])
    const refused = await place.run(['invite', '-o', 'old'])
    t.is(refused.exit, 2)
    t.regex(refused.stderr, /^dstore: a standalone node has no members\n/)
    t.is(existsSync(place.state), isRunning)
    t.is((await place.run(['members'])).exit, 2)
    t.is(existsSync(place.state), isRunning)
  }
  t.is(readFileSync(place.file('old'), 'utf8'), 'an old ticket, for all to read')
  t.deepEqual(readdirSync(place.path).toSorted(), ['link', 'old', 'state'])

  await place.run(['stop'])
  await place.run(['start', '--global', '--quiet'])
  const made = await place.run(['invite', '-o', 'link', '--json', '--uses', '2', '--quiet'])
  const { expiresAt, ...rest } = JSON.parse(made.stdout.toString()) as Record<string, unknown>
  t.deepEqual(rest, { file: 'link', role: 'writer', uses: 2, loopbackOnly: true })
  t.true(Date.parse(String(expiresAt)) > 0)
  t.is(made.stderr, '')
  t.is(statSync(place.file('old')).mode & 0o777, 0o600)
  const text = readFileSync(place.file('old'), 'utf8')
  t.is(parseTicket(text.trimEnd()).addresses.length, 1)
  t.true(text.endsWith('\n'))
  t.deepEqual(readdirSync(place.path).toSorted(), ['link', 'old', 'state'])
})
