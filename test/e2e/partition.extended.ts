/** Promises 4 and 5 while the network stalls, breaks, or passes bytes one way. */
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { eventually } from '../eventually.ts'
import { network, shared, type Daemon } from './nodes.ts'
import { Relay } from './relay.ts'

interface Cut {
  readonly global: Daemon
  readonly near: Daemon
  /** The Local behind the relay. */
  readonly far: Daemon
  readonly relay: Relay
  readonly peer: string
}

const cutOff = (global: readonly string[]): (() => Promise<Cut>) =>
  shared(async (owner) => {
    let relay: Relay | undefined
    const route = async (address: string, local: number): Promise<string> => {
      if (local === 0) return address
      relay = await Relay.before(owner, address)
      return relay.address
    }
    const { global: daemon, locals } = await network(owner, 2, { global, route })
    const [near, far] = locals as [Daemon, Daemon]
    return { global: daemon, near, far, relay: relay!, peer: await far.peerId() }
  })

const unleased = cutOff([])
const leased = cutOff(['--lease', '5s'])

/** Heals the network and stores a value at both Locals. */
async function heldByBoth(t: ExecutionContext, { near, far, relay }: Cut): Promise<string> {
  t.teardown(() => relay.heal())
  t.true(await eventually(async (saw) => saw((await far.status()).global)?.state === 'connected'))
  const key = (await near.run(['put', '-'], t.title)).stdout.toString().trim()
  for (const local of [near, far]) t.is((await local.run(['get', key])).stdout.toString(), t.title)
  return key
}

const FAULTS: Record<string, (relay: Relay) => void> = {
  'holds everything back': (relay) => relay.hold(),
  'holds back what Global says': (relay) => relay.hold('down'),
  'breaks every connection': (relay) => relay.break(),
}

for (const [what, fault] of Object.entries(FAULTS)) {
  test(`R004-21 R004-27: where the network ${what}, a Local is named, serves meanwhile, and evicts when it is back`, async (t) => {
    const cut = await unleased()
    const { near, far, relay, peer } = cut
    const key = await heldByBoth(t, cut)
    fault(relay)
    const partly = await near.run(['rm', key, '--json', '--timeout', '2s'])
    t.is(partly.exit, 8, partly.stderr)
    t.deepEqual((JSON.parse(partly.stdout.toString()) as { owed: string[] }).owed, [peer])
    t.is((await near.run(['get', key])).exit, 3)
    t.is((await far.run(['get', key])).exit, 0, 'availability goes first where there is no lease')
    relay.heal()
    t.true(await eventually(async (saw) => saw(await far.got(key)) === 3))
    t.is((await near.run(['rm', key])).exit, 0, 'now it is complete')
    t.is((await far.run(['get', key])).exit, 3)
  })

  test(`R004-50 R004-51: where the network ${what}, nothing removed is served once its lease has run out`, async (t) => {
    const cut = await leased()
    const { near, far, relay, peer } = cut
    const key = await heldByBoth(t, cut)
    fault(relay)
    const removed = await near.run(['rm', key, '--json'])
    t.is(removed.exit, 0, removed.stderr)
    t.deepEqual((JSON.parse(removed.stdout.toString()) as { expired: string[] }).expired, [peer])
    for (let i = 0; i < 3; i++) {
      const refused = await far.run(['get', key])
      t.is(refused.exit, 5, 'across a partition, too')
      t.regex(refused.stderr, /lease/)
    }
    relay.heal()
    t.true(await eventually(async (saw) => saw(await far.got(key)) === 3))
    t.is((await far.run(['get', key])).exit, 3)
  })
}

/** Sets Global's wall clock 25 h forward, and waits until Global has seen that. */
async function stepWallClock(t: ExecutionContext, { global }: Cut): Promise<void> {
  const leftMs = async (): Promise<number> => (await global.status()).clock!.leftMs!
  const before = await leftMs()
  await global.signal('SIGUSR2')
  t.true(await eventually(async (saw) => saw(await leftMs()) > before))
}

for (const [which, fixture] of [
  ['under a lease', leased],
  ['by the default settings', unleased],
] as const) {
  test(`R004-60: ${which}, a Local that is cut off owes a removal after Global's wall clock steps forward`, async (t) => {
    const cut = await fixture()
    const { global, near, far, relay, peer } = cut
    const key = await heldByBoth(t, cut)
    const isCut = async (): Promise<boolean> => {
      const { registered } = await global.status()
      return registered.find((local) => local.peer === peer)?.connected === false
    }
    relay.break()
    t.true(await eventually(async (saw) => saw(await isCut())))
    await stepWallClock(t, cut)
    const removed = await near.run(['rm', key, '--json', '--timeout', '2s'])
    t.is(removed.exit, 8, 'the Local may serve the value')
    t.deepEqual((JSON.parse(removed.stdout.toString()) as { owed: string[] }).owed, [peer])
    relay.heal()
    t.true(await eventually(async (saw) => saw(await far.got(key)) === 3))
    t.is((await near.run(['rm', key])).exit, 0, 'now it is complete')
  })
}

test('R004-64: status says that the wall clock was set, and when it will be trusted', async (t) => {
  const cut = await unleased()
  await stepWallClock(t, cut)
  t.like((await cut.global.status()).clock, { trusted: false, why: 'set' })
  const { stdout } = await cut.global.run(['status'])
  t.regex(stdout.toString(), /^wall clock +was set; not trusted for another 10m/m)
})
