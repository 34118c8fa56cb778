import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Stub } from '../../bucket/s3-stub.ts'
import { eventually } from '../../eventually.ts'
import type { Owner } from '../../cli/command.ts'
import { test } from '../../serial.ts'
import { ArchivedPlace, Running, flags, stubFor } from './archived.ts'

const ROLE = ['--standalone', '--log-level=info']

test('R011-81 an old node that still runs is fenced, ends, and says who took over', async (t) => {
  t.timeout(180_000)
  const stub = await stubFor(t)
  const [here, there] = [new ArchivedPlace(t), new ArchivedPlace(t)]
  const old = await new Running(t, here, [...ROLE, ...flags(stub, '--archive-ack')]).ready()
  await old.run(['put', '-', '--name', 'before'], 'before')
  await old.restorable()
  const next = new Running(t, there, [...ROLE, ...flags(stub, '--archive-ack', '--take-over')])
  const { exit, stderr } = await old.end
  t.is(exit, 1)
  t.regex(stderr, /the archive was taken over/)
  t.regex(stderr, /dstore: .*taken over/)
  // The new one waits until the old one can't be believed any more.
  t.false(next.stdout.includes('ready'))
  const began = performance.now()
  await next.ready(60_000)
  t.true(performance.now() - began > 20_000)
  t.regex(next.stderr, /restoring: loading the snapshot/)
  t.is((await there.run(['get', 'before'])).stdout.toString(), 'before')
})

test('R011-81 an old node that was frozen acknowledges nothing more when it wakes', async (t) => {
  t.timeout(180_000)
  const stub = await stubFor(t)
  const [here, there] = [new ArchivedPlace(t), new ArchivedPlace(t)]
  const old = await new Running(t, here, [...ROLE, ...flags(stub)]).ready()
  await old.run(['put', '-', '--name', 'before'], 'before')
  await old.restorable()
  old.process.kill('SIGSTOP')
  const next = new Running(t, there, [...ROLE, ...flags(stub, '--take-over')])
  await next.ready(90_000)
  await next.run(['put', '-', '--name', 'after'], 'after')
  const put = old.run(['put', '-', '--name', 'late'], 'late')
  await sleep(2000)
  old.process.kill('SIGCONT')
  t.not((await put).exit, 0)
  t.is((await old.end).exit, 1)
  t.is((await there.run(['get', 'after'])).stdout.toString(), 'after')
  t.is((await there.run(['get', 'late'])).exit, 3)
})

test('R011-80 while the bucket is away small puts go on, large ones fail, removals are unconfirmed', async (t) => {
  t.timeout(180_000)
  const stub = await stubFor(t)
  const here = new ArchivedPlace(t)
  const node = await new Running(t, here, [...ROLE, ...flags(stub)]).ready()
  await node.run(['put', '-', '--name', 'one'], 'one')
  const big = randomBytes(300_000)
  await node.run(['put', '-', '--name', 'big'], big)
  await node.restorable()
  await stub.goAway()
  t.is((await node.run(['put', '-', '--name', 'two'], 'two')).exit, 0)
  const large = await node.run(['put', '-', '--timeout', '60s'], randomBytes(300_000))
  t.is(large.exit, 5)
  t.deepEqual((await node.run(['get', 'big'])).stdout, big)
  const removed = await node.run(['rm', 'one', '--timeout', '60s'])
  t.is(removed.exit, 8)
  t.regex(removed.stderr, /not confirmed: the archive does not have it yet/)
  t.is((await node.run(['get', 'one'])).exit, 3)
  await eventually(async () => (await node.archive()).state !== 'current')
  t.regex((await node.run(['doctor'])).stdout.toString(), /archive/)
  await stub.comeBack()
  await eventually(async () => (await node.archive()).lagEntries === 0)
  t.is((await node.run(['rm', 'two'])).exit, 0)
  await node.stop()
  await stub.goAway()
  const start = await here.run(['daemon'])
  t.is(start.exit, 5)
  t.regex(start.stderr, /s3:\/\/company\/dstore\/main/)
})

/** A Global and a Local that holds a value; the Global is killed with its disk, and restored. */
async function withLocal(
  t: Owner,
  more: readonly string[],
  between: (old: Running, local: Running, stub: S3Stub) => Promise<void>,
) {
  const stub = await stubFor(t)
  const [here, there, away] = [new ArchivedPlace(t), new ArchivedPlace(t), new ArchivedPlace(t)]
  const key = `--archive-key=${here.file('archive.key')}`
  const role = ['--global', '--log-level=info', ...flags(stub, key, ...more)]
  const old = await new Running(t, here, role).ready()
  const [, address = ''] = /(\/ip4\/\S+)\/p2p/.exec(old.stdout) ?? []
  const ticket = (await old.run(['invite', '--role', 'admin', '--quiet'])).stdout.toString().trim()
  const local = new Running(t, away, ['--join=-', '--log-level=debug'])
  local.process.stdin!.end(ticket)
  await local.ready()
  await local.run(['put', '-', '--name', 'held'], 'held')
  await old.restorable()
  await between(old, local, stub)
  await old.kill()
  await stub.comeBack()
  const next = new Running(t, there, [...role, `--listen=${address}`, '--take-over'])
  await next.ready(90_000)
  await eventually(async () => {
    const { global } = await local.ask((client) => client.status())
    return global?.state === 'connected'
  })
  return { local, next }
}

const resets = ({ stderr }: Running): number => stderr.split('checks what it holds').length - 1

test('R004-11 R011-86 with --archive-ack a restored Global resets no Local, and nothing is missing', async (t) => {
  t.timeout(180_000)
  const { local, next } = await withLocal(t, ['--archive-ack'], async (_, local) => {
    await local.run(['put', '-', '--name', 'last'], 'last')
  })
  // When it joined.
  t.is(resets(local), 1)
  t.is((await local.run(['get', 'last'])).stdout.toString(), 'last')
  t.is((await next.run(['get', 'last'])).stdout.toString(), 'last')
  t.is((await next.run(['members'])).stdout.toString().trim().split('\n').length, 1)
})

test('R004-11 without it a Local that is ahead of the restored log is reset, and goes on', async (t) => {
  t.timeout(180_000)
  const { local, next } = await withLocal(t, [], async (_, local, stub) => {
    await stub.goAway()
    await local.run(['put', '-', '--name', 'lost'], 'lost')
  })
  t.is(resets(local), 2)
  const found = await next.run(['get', 'lost'])
  t.is(found.exit, 3)
  t.is((await local.run(['get', 'held'])).stdout.toString(), 'held')
  t.is((await local.run(['put', '-', '--name', 'again'], 'again')).exit, 0)
})
