/** A wall clock that is days ahead, and `--trust-clock` at the real command line. */
import { test } from '../serial.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import { Place } from '../cli/command.ts'
import { eventually } from '../eventually.ts'

const DAYS = 3 * 86_400_000
const PRELOAD = `--import ${new URL('days-ahead.js', import.meta.url).href}`

test('R007-37 R004-64 start --trust-clock is for one start, and status says what is trusted', async (t) => {
  const place = new Place(t)
  const start = async (aheadMs: number, ...args: string[]): Promise<StatusAnswer> => {
    const env = { NODE_OPTIONS: PRELOAD, AHEAD_MS: String(aheadMs) }
    const { exit, stderr } = await place.run(['start', ...args], { env })
    t.is(exit, 0, stderr)
    return status()
  }
  const status = async (): Promise<StatusAnswer> =>
    JSON.parse((await place.run(['status', '--json'])).stdout.toString()) as StatusAnswer
  const text = async (): Promise<string> => (await place.run(['status'])).stdout.toString()
  const settle = async ({ daemon }: StatusAnswer): Promise<void> => {
    process.kill(daemon.pid, 'SIGUSR2')
    t.true(await eventually(async (saw) => saw((await status()).clock)?.why !== 'starting'))
  }
  const stop = async (): Promise<void> => {
    t.is((await place.run(['stop'])).exit, 0)
  }

  const first = await start(0)
  t.like(first.clock, { trusted: false, why: 'starting' })
  await settle(first)
  t.like((await status()).clock, { trusted: true })
  await stop()

  const ahead = await start(DAYS)
  await settle(ahead)
  t.like((await status()).clock, { trusted: false, why: 'ahead' })
  t.regex(await text(), /^wall clock +NOT TRUSTED: (3d|72h).* ahead of .* with --trust-clock$/m)
  await stop()

  // It is stopped before the clock counts, and the next start does without the flag.
  t.like((await start(DAYS, '--trust-clock')).clock, { trusted: false, why: 'starting' })
  await stop()
  t.false(readFileSync(join(place.state, 'config.json'), 'utf8').includes('rust'))
  t.like((await start(DAYS)).clock, { trusted: false, why: 'ahead' })
  await stop()

  await settle(await start(DAYS, '--trust-clock'))
  t.like((await status()).clock, { trusted: true })
  t.notRegex(await text(), /^wall clock/m)
  await stop()
  t.like((await start(DAYS)).clock, { trusted: false, why: 'starting' })
})
