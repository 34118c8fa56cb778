/** A Global for `index.ts`: its index over real connections. It takes orders over IPC. */
import { once } from 'node:events'
import { hash } from '../src/hash/hasher.ts'
import { newIdentity } from '../src/network/identity.ts'
import { IndexDriver } from '../src/node/global/index-driver.ts'
import { SILENT } from '../src/log.ts'
import { createNetwork } from '../src/network/libp2p-network.ts'
import { INDEX_PROTOCOL } from '../src/network/network.ts'
import { Repair } from '../src/node/global/repair.ts'
import { createMemoryStore } from '../src/store/memory/memory.ts'
import type { Order } from './index-orders.ts'

const store = createMemoryStore()
const host = await IndexDriver.open({
  store,
  repair: new Repair({ store, log: SILENT, holders: () => [] }),
  log: SILENT,
  now: () => performance.now(),
  wall: Date.now,
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
})
const listen = ['/ip4/127.0.0.1/tcp/0']
const network = await createNetwork({ identity: await newIdentity(), listen })
await network.handle(INDEX_PROTOCOL, (channel) => {
  void host
    .ask({ type: 'admit', peer: channel.peer, role: 'admin' })
    .then(() => host.serve(channel))
})

const valueOf = (i: number): Uint8Array => new TextEncoder().encode(`value ${i}`)

async function put({ from, count }: { from: number; count: number }): Promise<void> {
  for (let at = from; at < from + count; at += 1000) {
    const length = Math.min(1000, from + count - at)
    const values = Array.from({ length }, (_, i) => valueOf(at + i))
    await host.ask({ type: 'put', values, name: undefined })
  }
}

const remove = (i: number, timeoutMs: number): Promise<unknown> =>
  host.ask({ type: 'remove', digest: hash(valueOf(i)).digest, timeoutMs, force: false })

async function carryOut(order: Order): Promise<unknown> {
  switch (order.type) {
    case 'address':
      return network.addresses()[0]
    case 'resident':
      globalThis.gc?.()
      return process.memoryUsage().rss
    case 'put':
      return put(order)
    case 'remove':
      for (let i = order.from; i < order.from + order.count; i += 500) {
        const length = Math.min(500, order.from + order.count - i)
        await Promise.all(Array.from({ length }, (_, j) => remove(i + j, 0)))
      }
      return undefined
    case 'time-removals': {
      const times: number[] = []
      for (let i = order.from; i < order.from + order.count; i++) {
        const began = performance.now()
        const { owed } = (await remove(i, 60_000)) as { owed: readonly string[] }
        if (owed.length > 0) throw new Error(`${owed.length} Locals did not acknowledge`)
        times.push(performance.now() - began)
      }
      return times
    }
    case 'join':
    case 'away':
    case 'back':
      throw new TypeError('that is for Locals')
  }
}

process.on('message', (order: Order) => {
  void carryOut(order).then((answer) => process.send!({ answer }))
})
await once(process, 'disconnect')
process.exit()
