import { test } from '../serial.ts'
import { WALL_SETTLED_MS } from '../../src/limits.ts'
import { SYSTEM_CLOCKS, type Clocks } from '../../src/node/clock.ts'
import { eventually } from '../eventually.ts'
import { Relay } from '../e2e/relay.ts'
import { pattern } from '../hash/sizes.ts'
import { Nodes, once, read } from './nodes.ts'

const DAY = 86_400_000
const HOUR = 3_600_000

/** The clocks of the system, of which a test sets the wall clock. */
class Settable implements Clocks {
  aheadMs = 0
  readonly monotonic = SYSTEM_CLOCKS.monotonic
  readonly uptime = SYSTEM_CLOCKS.uptime
  readonly wall = (): number => SYSTEM_CLOCKS.wall() + this.aheadMs
}

test('R004-60 R004-61: a wall clock that is set forward ends a lease at its Local, and not at Global', async (t) => {
  const nodes = new Nodes(t)
  const [ofGlobal, ofLocal] = [new Settable(), new Settable()]
  const global = await nodes.global({ leaseMs: HOUR / 2, clocks: ofGlobal })
  const relay = await Relay.before(t, (await global.status()).listen[0]!)
  const dir = await nodes.folder()
  const member = await nodes.local(global, { dir })
  await member.close()
  const local = await nodes.open({ role: 'local', dir, join: relay.address, clocks: ofLocal })
  t.true(await eventually(async () => (await local.status()).global!.state === 'connected'))
  const { key } = await global.put({ bytes: once(pattern(9)) })
  await read(local, key)
  const peer = (await local.status()).peerId!
  const isCut = async (): Promise<boolean> => {
    const { registered } = await global.status()
    return registered.find((one) => one.peer === peer)?.connected === false
  }
  relay.break()
  t.true(await eventually(isCut))
  ofGlobal.aheadMs = HOUR
  const removed = await global.index.remove(key, { timeoutMs: 500 })
  t.deepEqual([removed.owed, removed.expired], [[peer], []])
  t.deepEqual(await read(local, key), pattern(9), 'it may still serve the value')
  ofLocal.aheadMs = HOUR
  await t.throwsAsync(read(local, key), { code: 'unreachable', message: /lease/ })
})

test('R004-63 R004-64: a node whose wall clock is days ahead says so, until it is told that the clock is right', async (t) => {
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  let aheadMs = 0
  let elapsedMs = 0
  const clocks = {
    monotonic: () => SYSTEM_CLOCKS.monotonic() + elapsedMs,
    uptime: () => SYSTEM_CLOCKS.uptime() + elapsedMs,
    wall: () => SYSTEM_CLOCKS.wall() + elapsedMs + aheadMs,
  }
  const open = (trustClock = false) => {
    return nodes.open({ role: 'standalone', store: 'disk', dir, clocks, trustClock })
  }
  const first = await open()
  t.like((await first.status()).clock, { trusted: false, why: 'starting' })
  elapsedMs += WALL_SETTLED_MS
  t.true(await eventually(async (saw) => saw((await first.status()).clock)?.trusted === true))
  await first.close()
  aheadMs = 3 * DAY
  const second = await open()
  elapsedMs += WALL_SETTLED_MS
  const { clock } = await second.status()
  t.like(clock, { trusted: false, why: 'ahead' })
  t.true(clock!.offMs! > 2 * DAY)
  await second.close()
  const third = await open(true)
  elapsedMs += WALL_SETTLED_MS
  t.true(await eventually(async (saw) => saw((await third.status()).clock)?.trusted === true))
  await third.close()
  const fourth = await open()
  t.like((await fourth.status()).clock, { trusted: false, why: 'starting' }, 'it is remembered')
})
