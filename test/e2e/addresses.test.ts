/** A Local whose Global has several addresses, by the command line. */
import { networkInterfaces } from 'node:os'
import { test } from '../serial.ts'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import { eventually } from '../eventually.ts'
import { Daemon } from './nodes.ts'

const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all!.some(({ address }) => address === '::1'),
)
const LISTEN = ['/ip4/127.0.0.1/tcp/0', hasIPv6 ? '/ip6/::1/tcp/0' : '/ip4/127.0.0.2/tcp/0']

test('R004-70 R004-76 R007-90: a Local goes on over another address of its Global, and status names the one that is connected', async (t) => {
  const flags = LISTEN.flatMap((address) => ['--listen', address])
  let global = await Daemon.start(t, ['--global', ...flags])
  const both = (await global.status()).listen
  let local = await Daemon.join(t, global)
  const answer = async (): Promise<NonNullable<StatusAnswer['global']>> => {
    const { stdout } = await local.run(['status', '--json'])
    return (JSON.parse(stdout.toString()) as StatusAnswer).global!
  }
  const { addresses, address: first } = await answer()
  t.deepEqual(new Set(addresses), new Set(both))
  t.is((await local.run(['put', '-', '--name', 'it'], 'kept')).exit, 0)

  // The address that is connected goes away.
  const other = both.find((one) => one !== first)!
  const bare = other.replace(/\/p2p\/.*$/, '')
  t.is((await global.run(['stop'])).exit, 0)
  t.true(await eventually(async () => (await local.status()).global?.state === 'away'))
  const away = (await local.run(['status'])).stdout.toString()
  t.regex(away, /^Global +away since [^/]*$/m, 'no dead address')
  global = await Daemon.start(t, ['--listen', bare], global.place)
  t.true(await eventually(async () => (await local.status()).global?.state === 'connected'))
  const text = (await local.run(['status'])).stdout.toString()
  t.regex(text, /^Global +connected since /m)
  t.true(text.includes(other))
  t.false(text.includes(first!))

  // Told both by hand, after a restart, with the dead one first.
  t.is((await local.run(['stop'])).exit, 0)
  const mixed = await local.run(['daemon', '--join', `${first!},${other.slice(0, -4)}Qaaa`])
  t.is(mixed.exit, 2, 'of two peers')
  t.regex(mixed.stderr, /the addresses to join are of different nodes/)
  local = await Daemon.start(t, ['--join', `${first!},${other}`], local.place)
  t.is((await answer()).address, other)
  t.is((await local.run(['get', 'it'])).stdout.toString(), 'kept')
})
