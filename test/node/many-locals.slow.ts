/**
 * Hundreds of Locals at one Global (specs/000-conventions.md, "Limits"), in one process with it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { test } from '../serial.ts'
import { PROBE_ANSWER_MS } from '../../src/network/libp2p-network.ts'
import type { Node } from '../../src/node/node.ts'
import { eventually } from '../eventually.ts'
import { Nodes, once, read } from './nodes.ts'

const LOCALS = 200

test('200 Locals stay connected, get one value, and a removal reaches all of them', async (t) => {
  t.timeout(300_000)
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const loop = monitorEventLoopDelay({ resolution: 20 })
  loop.enable()
  const locals: Node[] = []
  for (let i = 0; i < LOCALS; i += 10) {
    const some = Array.from({ length: 10 }, () => nodes.local(global, { cacheBytes: 4 << 20 }))
    locals.push(...(await Promise.all(some)))
  }
  const bytes = new Uint8Array(300_000).fill(7)
  const { key } = await global.put({ bytes: once(bytes) })
  for (const value of await Promise.all(locals.map((local) => read(local, key)))) {
    t.is(Buffer.compare(value, bytes), 0)
  }
  const connected = async (): Promise<number> => {
    const all = await Promise.all(locals.map((local) => local.status()))
    return all.filter((status) => status.global!.state === 'connected').length
  }
  await eventually(async () => (await connected()) === LOCALS)
  const { acknowledged, owed } = await global.index.remove(key, { timeoutMs: 60_000 })
  t.is(acknowledged.length, LOCALS)
  t.deepEqual(owed, [])
  const held = loop.max / 1e6
  t.log(`the event loop, shared by all of them, was held for ${held.toFixed(0)} ms at most`)
  t.true(held < PROBE_ANSWER_MS)
})
