/** Tickets, roles and expulsion, over real processes and connections. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from '../serial.ts'
import type { InviteAnswer } from '../../src/daemon/api/api.ts'
import { Place } from '../cli/command.ts'
import { formatTicket, parseTicket } from '../../src/membership/ticket.ts'
import { sameBytes } from '../same-bytes.ts'
import { eventually } from '../eventually.ts'
import { Daemon, network } from './nodes.ts'

/** A daemon that reads its ticket from standard input. */
async function tryToJoin(
  place: Place,
  ticket: string,
): Promise<{ exit: number | string; stderr: string }> {
  const { exit, stderr } = await place.run(['daemon', '--join', '-'], { input: `${ticket}\n` })
  return { exit, stderr }
}

const refused = (stderr: string): string[] =>
  stderr.split('\n').filter((line) => line.startsWith('dstore: '))

test('R006-4, R006-5: of three that show a ticket of one use, one becomes a member', async (t) => {
  const global = await Daemon.start(t, ['--global'])
  writeFileSync(global.place.file('ticket'), await global.invite())
  const ticket = readFileSync(global.place.file('ticket'), 'utf8')
  const places = [new Place(t), new Place(t), new Place(t)]
  const starts = places.map(async (place) => {
    writeFileSync(place.file('ticket'), ticket)
    return Daemon.start(t, ['--join', `@${place.file('ticket')}`], place).then(
      () => 'joined',
      (error: unknown) => String(error),
    )
  })
  const outcomes = await Promise.all(starts)
  t.is(outcomes.filter((outcome) => outcome === 'joined').length, 1, outcomes.join('\n'))
  const others = outcomes.filter((outcome) => outcome !== 'joined')
  for (const why of others) t.regex(why, /this ticket was used up/)
  const { refused: counts, members } = await global.status()
  t.is(counts?.['ticket'], 2)
  t.is(members, 1)
})

test('R006-2, R006-3: the secret is nowhere: not in a file of either side, nor among arguments', async (t) => {
  const global = await Daemon.start(t, ['--global'])
  const ticket = await global.invite()
  const place = new Place(t)
  const joined = await place.run(['join', '-'], { input: ticket })
  t.is(joined.exit, 0, joined.stderr)
  const { secret } = parseTicket(ticket)
  const hidden = [ticket.slice(60, 90), Buffer.from(secret).toString('hex'), Buffer.from(secret)]
  for (const path of [...filesIn(global.place.state), ...filesIn(place.state)]) {
    const content = readFileSync(path)
    for (const text of hidden) t.false(content.includes(text), path)
  }
  const { stdout } = await place.run(['status', '--json'])
  const { pid } = (JSON.parse(stdout.toString()) as { daemon: { pid: number } }).daemon
  for (const what of ['cmdline', 'environ']) {
    t.false(readFileSync(`/proc/${pid}/${what}`).includes(ticket.slice(60, 90)), what)
  }
})

test('R006-10: after a restart of either side the key is the credential, the ticket is not needed', async (t) => {
  const { global, locals } = await network(t, 1)
  const [local] = locals as [Daemon]
  await local.signal('SIGTERM')
  await global.signal('SIGKILL')
  const again = await Daemon.start(t, [], global.place)
  const back = await Daemon.start(t, [], local.place)
  t.true(await eventually(async (saw) => saw((await back.status()).global)?.state === 'connected'))
  t.is((await back.run(['put', '-'], 'still here')).exit, 0)
  t.is((await again.status()).members, 1)
})

test('R006-5, R006-7: each refused ticket has its reason', async (t) => {
  const global = await Daemon.start(t, ['--global'])
  const other = await Daemon.start(t, ['--global'])
  const good = parseTicket(await global.invite())
  const place = new Place(t)
  const wrong = formatTicket({ ...good, secret: randomBytes(32) })
  const unknown = await tryToJoin(place, wrong)
  t.is(unknown.exit, 6)
  t.deepEqual(refused(unknown.stderr), ['dstore: this Global has made no such ticket'])
  const invited = await global.run(['invite', '--expires', '1s', '--json'])
  const { ticket: expired, expiresAt } = JSON.parse(invited.stdout.toString()) as InviteAnswer
  t.true(await eventually((saw) => saw(Date.now()) > Date.parse(expiresAt)))
  const late = await tryToJoin(place, expired)
  t.is(late.exit, 6)
  t.deepEqual(refused(late.stderr), ['dstore: this ticket has expired'])
  const elsewhere = formatTicket({
    ...parseTicket(await other.invite()),
    addresses: good.addresses,
  })
  const impostor = await tryToJoin(place, elsewhere)
  t.is(impostor.exit, 5)
  t.regex(impostor.stderr, /another peer answers there/)
  writeFileSync(place.file('ticket'), formatTicket(good))
  const joined = await Daemon.start(t, ['--join', `@${place.file('ticket')}`], place)
  t.regex(joined.ready, /^dstore ready local /, 'an unused ticket stays valid')
})

test('R006-11: a stranger is told to get a ticket, on loopback too, and joins once it is listed', async (t) => {
  const global = await Daemon.start(t, ['--global'])
  const place = new Place(t)
  const refusal = await place.run(['daemon', '--join', global.address])
  t.is(refusal.exit, 6, refusal.stderr)
  const [, peer] = /dstore members add (\w+)/.exec(refusal.stderr) ?? []
  t.is((await global.run(['members', 'add', peer!, '--role', 'reader'])).exit, 0)
  const local = await Daemon.start(t, ['--join', global.address], place)
  t.is(await local.peerId(), peer!)
  t.is((await local.run(['put', '-'], 'x')).exit, 6)
})

test('R006-20: roles are held at Global, for small values and large, in batches and streams', async (t) => {
  const global = await Daemon.start(t, ['--global'])
  const writer = await Daemon.join(t, global, [], undefined, 'writer')
  const reader = await Daemon.join(t, global, [], undefined, 'reader')
  const large = randomBytes(3_000_000)
  const key = (await writer.run(['put', '-'], large)).stdout.toString().trim()
  sameBytes(t, (await reader.run(['get', key])).stdout, large)
  writeFileSync(reader.place.file('large'), randomBytes(3_000_000))
  writeFileSync(reader.place.file('small'), 'small')
  for (const args of [
    ['put', reader.place.file('large')],
    ['put', reader.place.file('small')],
    ['name', 'mine', key],
    ['rm', key],
    ['invite'],
    ['members'],
    ['members', 'rm', await writer.peerId()],
  ]) {
    const { exit, stderr } = await reader.run(args)
    t.is(exit, 6, `${args.join(' ')}: ${stderr}`)
    t.regex(stderr, /this needs the role (writer|admin), and this node is a reader/)
  }
  const streamed = await reader.run(['put', '-'], randomBytes(3_000_000))
  t.is(streamed.exit, 6, streamed.stderr)
  t.is((await writer.run(['rm', key])).exit, 6)
  t.is((await writer.run(['name', 'theirs', key])).exit, 0)
  t.is((await global.run(['ls', '--keys'])).stdout.toString().trim(), key)
  t.true((await global.status()).refused!.role >= 8)
})

test('R006-13, R006-14, R006-15: a member that is expelled is cut in the middle of a transfer, and learns why', async (t) => {
  const { global, locals } = await network(t, 2, { local: ['--cache', '16MiB'] })
  const [bad, good] = locals as [Daemon, Daemon]
  const large = randomBytes(48_000_000)
  writeFileSync(global.place.file('large'), large)
  const key = (await global.run(['put', global.place.file('large')])).stdout.toString().trim()
  const held = (await good.run(['put', '-'], 'held')).stdout.toString().trim()
  t.is((await bad.run(['get', held])).exit, 0)
  // Its reader stops halfway.
  const reading = bad.place.start(['get', key])
  await once(reading.stdout!, 'data')
  reading.stdout!.pause()
  const expelled = await global.run(['members', 'rm', await bad.peerId(), '-v'])
  t.is(expelled.exit, 0, expelled.stderr)
  t.regex(expelled.stdout.toString(), new RegExp(`cut off by \\S+ \\(${await good.peerId()}\\)`))
  let stderr = ''
  reading.stderr!.on('data', (piece) => (stderr += String(piece)))
  reading.stdout!.resume()
  const [exit] = (await once(reading, 'close')) as [number]
  t.is(exit, 6, stderr)
  t.regex(stderr, /no longer a member/)
  // Not even what it holds is served there.
  const after = await bad.run(['get', held])
  t.is(after.exit, 6, after.stderr)
  t.regex((await bad.status()).global!.error!, /no longer a member/)
  const { locals: connected, registered } = await global.status()
  t.deepEqual([connected.length, registered.length], [1, 1])
  t.is((await good.run(['rm', held])).exit, 0, 'nothing is owed by who is no member')
  t.is((await good.run(['get', key, '-o', good.place.file('copy')])).exit, 0)
  // Listed again, it comes back by itself, when it dials next, and serves nothing that is gone.
  t.is((await global.run(['members', 'add', await bad.peerId()])).exit, 0)
  t.true(await eventually(async (saw) => saw((await bad.status()).global)?.state === 'connected'))
  t.is((await bad.run(['get', held])).exit, 3)
})

test('R006-14, R006-49: an expulsion that a Local has not acknowledged names it, and asked again waits again', async (t) => {
  const { global, locals } = await network(t, 2)
  const [bad, asleep] = locals as [Daemon, Daemon]
  const [badId, asleepId] = [await bad.peerId(), await asleep.peerId()]
  await asleep.signal('SIGSTOP')
  const partly = await global.run(['members', 'rm', badId, '-v', '--timeout', '1s'])
  t.is(partly.exit, 8, partly.stderr)
  t.regex(partly.stdout.toString(), new RegExp(`still owed by \\S+ \\(${asleepId}\\)`))
  await asleep.signal('SIGCONT')
  const complete = await global.run(['members', 'rm', badId, '-v', '--timeout', '20s'])
  const lines = (await global.run(['members', '--json'])).stdout.toString().trim().split('\n')
  const all = lines.map((line) => JSON.parse(line) as { peer: string; label?: string })
  const label = all.find(({ peer }) => peer === asleepId)?.label ?? 'no label'
  t.is(complete.exit, 0, complete.stdout.toString())
  t.regex(complete.stdout.toString(), new RegExp(`cut off by ${label} \\(${asleepId}\\)$`, 'm'))
})

test('R006-31, R006-32: Locals serve members alone, and cut off who is one no more', async (t) => {
  const listen = ['--listen', '/ip4/127.0.0.1/tcp/0']
  const { global, locals } = await network(t, 2, { local: listen })
  const [a, b] = locals as [Daemon, Daemon]
  const value = randomBytes(8_000_000)
  const key = (await global.run(['put', '-'], value)).stdout.toString().trim()
  sameBytes(t, (await a.run(['get', key])).stdout, value)
  sameBytes(t, (await b.run(['get', key])).stdout, value)
  t.is((await a.status()).members, 2)
  await global.run(['members', 'rm', await b.peerId()])
  t.is((await a.status()).members, 1)
  sameBytes(t, (await a.run(['get', key])).stdout, value)
})

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}
