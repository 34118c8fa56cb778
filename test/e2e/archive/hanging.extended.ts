/** A bucket that takes requests and answers none. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SAME_SIGNAL_MS } from '../../../src/daemon/process/signals.ts'
import type { S3Stub } from '../../bucket/s3-stub.ts'
import { eventually } from '../../eventually.ts'
import { test } from '../../serial.ts'
import { ArchivedPlace, Running, flags, stubFor } from './archived.ts'

const ROLE = ['--standalone', '--log-level=info']

function hang(stub: S3Stub): void {
  stub.inject({ kind: 'late', ms: 600_000 }, { times: Infinity })
}

/** Its seconds. */
async function timed<T>(run: Promise<T>): Promise<readonly [T, number]> {
  const begun = performance.now()
  const result = await run
  return [result, (performance.now() - begun) / 1000]
}

test('R011-7 a start over a bucket that never answers is refused soon', async (t) => {
  t.timeout(180_000)
  const stub = await stubFor(t)
  hang(stub)
  const node = new Running(t, new ArchivedPlace(t), [...ROLE, ...flags(stub)])
  const [{ exit, stderr }, seconds] = await timed(node.end)
  t.is(exit, 5)
  t.regex(stderr, /no answer in time/)
  t.true(seconds < 20, `${seconds} s`)
})

for (const ack of [[], ['--archive-ack']] as const) {
  const how = ack.length === 0 ? '' : ' with --archive-ack'
  test(`R011-7 R011-66 large puts fail, and a stop ends, soon after the bucket hangs${how}`, async (t) => {
    t.timeout(180_000)
    const stub = await stubFor(t)
    const node = new Running(t, new ArchivedPlace(t), [...ROLE, ...flags(stub, ...ack)])
    await node.ready(60_000)
    await node.run(['put', '-', '--name', 'one'], 'one')
    await node.restorable()
    hang(stub)
    for (const size of [300_000, 50_000_000]) {
      const [put, seconds] = await timed(node.run(['put', '-', '--name', 'big'], randomBytes(size)))
      t.is(put.exit, 5, put.stderr)
      t.regex(put.stderr, /no answer in time/)
      t.true(seconds < 25, `a put took ${seconds} s`)
    }
    const under = node.run(['put', '-', '--name', 'more'], randomBytes(50_000_000))
    const small = ack.length === 0 ? undefined : node.run(['put', '-', '--name', 'small'], 'small')
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const [{ exit }, seconds] = await timed(node.stop())
    t.is(exit, 143)
    t.true(seconds < 18, `the stop took ${seconds} s`)
    t.not((await under).exit, 0)
    if (small !== undefined) t.not((await small).exit, 0)
  })
}

test('R007-9 a second Ctrl-C ends a daemon at once whose bucket hangs', async (t) => {
  t.timeout(180_000)
  const stub = await stubFor(t)
  const node = new Running(t, new ArchivedPlace(t), [...ROLE, ...flags(stub, '--archive-ack')])
  await node.ready(60_000)
  await node.restorable()
  hang(stub)
  const under = node.run(['put', '-', '--name', 'small', '--no-start'], 'small')
  await eventually(async () => (await node.archive()).lagEntries > 0)
  node.process.kill('SIGINT')
  await eventually(async () => node.stderr.includes('stopping'))
  await sleep(SAME_SIGNAL_MS)
  const [{ exit }, seconds] = await timed(node.stop('SIGINT'))
  // By the signal itself, which a shell shows as the same.
  t.regex(String(exit), /^(130|SIGINT)$/)
  t.true(seconds < 3, `the end took ${seconds} s`)
  t.not((await under).exit, 0)
})
