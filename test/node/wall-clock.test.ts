import { test } from '../serial.ts'
import { WALL_SETTLED_MS } from '../../src/limits.ts'
import { SYSTEM_CLOCKS } from '../../src/node/clock.ts'
import { eventually } from '../eventually.ts'
import { Nodes } from './nodes.ts'

const DAY = 86_400_000

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
