/** A put from standard input while the link to Global breaks, or Global stands still. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { MIB } from '../../src/limits.ts'
import { outcome } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { relayed, type Relayed } from './slow-link.ts'

const SIZE = 50 * MIB

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Puts a stream, and lets `fault` happen when Global has a part of it. */
async function putThrough(
  t: ExecutionContext,
  nodes: Relayed,
  fault: () => Promise<void>,
): Promise<{ readonly exit: number | string; readonly stderr: string; readonly key: string }> {
  const { global, local } = nodes
  const bytes = randomBytes(SIZE)
  const child = local.place.start(['put', '-'])
  const putting = outcome(child)
  child.stdin!.on('error', () => undefined)
  const before = await global.bytesIn()
  const half = bytes.subarray(0, SIZE / 2)
  if (!child.stdin!.write(half)) await once(child.stdin!, 'drain')
  t.true(await eventually(async (saw) => saw((await global.bytesIn()) - before) > SIZE / 4))
  // The rest comes while the fault is there.
  child.stdin!.end(bytes.subarray(SIZE / 2))
  await fault()
  const { exit, stderr, stdout } = await putting
  const key = new Key(hash(bytes).digest).toString()
  if (exit === 0) {
    t.is(stdout.toString().trim(), key)
    t.is((await global.ask((client) => client.facts(key))).size, SIZE)
  }
  return { exit, stderr, key }
}

if (process.platform === 'linux') {
  for (const lanes of [true, false]) {
    test(`R003-119: a put from standard input survives a cut of 4 s, by ${lanes ? 'lanes' : 'streams'}`, async (t) => {
      const nodes = await relayed(t, lanes)
      const { exit, stderr } = await putThrough(t, nodes, async () => {
        for (const relay of nodes.relays) relay.break()
        await passed(4000)
        for (const relay of nodes.relays) relay.heal()
      })
      t.is(`${exit}${stderr}`, '0')
    })
  }

  test('R003-119: a put from standard input survives a Global that stands still for 14 s', async (t) => {
    const nodes = await relayed(t, true)
    const { exit, stderr } = await putThrough(t, nodes, async () => {
      await nodes.global.signal('SIGSTOP')
      await passed(14_000)
      await nodes.global.signal('SIGCONT')
    })
    t.is(`${exit}${stderr}`, '0')
  })
}
