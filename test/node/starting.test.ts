import { setTimeout as sleep } from 'node:timers/promises'
import { test } from '../serial.ts'
import { asDstoreError } from '../../src/errors.ts'
import { Gate } from '../../src/membership/gate.ts'
import { Global } from '../../src/node/global/global.ts'
import { newIdentity } from '../../src/network/identity.ts'
import { SILENT } from '../../src/log.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import { INDEX_PROTOCOL, TRANSFER_PROTOCOL, type Network } from '../../src/network/network.ts'
import { createMemoryStore } from '../../src/store/memory/memory.ts'
import { now, random } from '../network/lane/lanes.ts'
import { freePort } from '../free-port.ts'

test('R004-57: whoever dials a Global that is not ready yet finds nobody there, and then all of it', async (t) => {
  const listen = [`/ip4/127.0.0.1/tcp/${await freePort()}`]
  const refused: unknown[] = []
  const gate = new Gate({ admission: INDEX_PROTOCOL, now, report: (what) => refused.push(what) })
  const identity = await newIdentity()
  const network = await createNetwork({ identity, listen, gate, isHeld: true })
  // As where it has much to read before.
  const slow: Network = {
    peerId: network.peerId,
    start: async () => network.start(),
    addresses: () => network.addresses(),
    dial: async (...call) => network.dial(...call),
    open: async (...call) => network.open(...call),
    handle: async (...call) => {
      await sleep(100)
      await network.handle(...call)
    },
    disconnect: (peer) => network.disconnect(peer),
    close: async () => network.close(),
  }
  const client = await createNetwork({ identity: await newIdentity() })
  t.teardown(() => client.close())
  const options = { leaseMs: undefined, forgetAfterMs: undefined, log: SILENT, now, random }
  const parts = { store: createMemoryStore(), network: slow, gate, wall: Date.now }
  const opening = Global.open({ ...options, ...parts })
  t.teardown(async () => (await opening).close())
  const address = `${listen[0]!}/p2p/${network.peerId}`
  const codes = new Set<string>()
  for (let tries = 0; ; tries++) {
    try {
      await client.dial(address, INDEX_PROTOCOL)
      break
    } catch (error) {
      codes.add(asDstoreError(error).code)
      if (tries > 1000) throw error
      await sleep(5)
    }
  }
  t.deepEqual([...codes], ['unreachable'])
  // Now it may say that this is no member, for that it knows.
  const fault = await t.throwsAsync(client.open(network.peerId, TRANSFER_PROTOCOL))
  t.not(asDstoreError(fault).code, 'incompatible')
})
