import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { MIB } from '../../../src/limits.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import { newIdentity } from '../../../src/network/identity.ts'
import type { Node } from '../../../src/node/node.ts'
import { TRANSFER_PROTOCOL } from '../../../src/network/network.ts'
import { TransferChannel } from '../../../src/transfer/transfer-channel.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { fails } from '../../transfer/ends.ts'
import { Nodes, once, read } from '../nodes.ts'

const LISTEN = { listen: ['/ip4/127.0.0.1/tcp/0'] }
const BYTES = pattern(24 * MIB + 321)

const sentBy = async (node: Node): Promise<number> =>
  (await node.status()).traffic.reduce((sum, { valueBytesOut }) => sum + valueBytesOut, 0)

test('R003-25: Locals that fetch one value at once feed each other', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const locals = [1, 2, 3].map(() => nodes.local(global, LISTEN))
  const { key } = await global.put({ bytes: once(BYTES) })
  const all = await Promise.all(locals)
  const values = await Promise.all(all.map((local) => read(local, key)))
  for (const value of values) t.is(Buffer.compare(value, BYTES), 0)
  const ratio = (await sentBy(global)) / BYTES.byteLength
  const given = await Promise.all(all.map(sentBy))
  t.log(
    `Global sent ${ratio.toFixed(2)} times the value; the Locals gave ${given.join(', ')} bytes`,
  )
  // How much depends on the machine's load; the simulation of the schedule bounds it.
  t.true(given.some((bytes) => bytes > MIB))
  t.true(ratio < 3)
})

test('R003-28: what one Local holds, the next gets from it; Global gives little', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const first = await nodes.local(global, LISTEN)
  const { key } = await global.put({ bytes: once(BYTES) })
  t.is(Buffer.compare(await read(first, key), BYTES), 0)
  const before = await sentBy(global)
  const second = await nodes.local(global)
  const { peerId } = await first.status()
  for (const node of [global, second]) {
    t.deepEqual(
      (await node.index.stat(key))?.holders,
      [peerId],
      'R004-55: who asks is told who holds it',
    )
  }
  t.is(Buffer.compare(await read(second, key), BYTES), 0)
  t.true((await sentBy(first)) > 16 * MIB)
  t.true((await sentBy(global)) - before < 12 * MIB)
  t.is(await sentBy(second), 0)
})

test('a holder that goes away in the middle is done without', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const first = await nodes.local(global, LISTEN)
  const { key } = await global.put({ bytes: once(BYTES) })
  await read(first, key)
  const second = await nodes.local(global)
  const reading = read(second, key)
  await eventually(async () => (await sentBy(first)) > 2 * MIB)
  await first.close()
  t.is(Buffer.compare(await reading, BYTES), 0)
})

test('R003-28, R006-31: a peer that is no member is told nothing by a Local', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global, LISTEN)
  const { key } = await global.put({ bytes: once(BYTES) })
  await read(local, key)
  const [address] = (await local.status()).listen
  const stranger = await createNetwork({ identity: await newIdentity() })
  t.teardown(() => stranger.close())
  const given = await sentBy(local)
  const asking = (async () => {
    const channel = new TransferChannel(await stranger.dial(address!, TRANSFER_PROTOCOL))
    await channel.send({ type: 'fetch', digest: key.digest, ranges: [] })
    await channel.expect('found')
  })()
  const error = await fails(t, asking, 'unreachable')
  t.true(error instanceof DstoreError)
  t.like((await local.status()).refused, { stranger: 1 })
  t.is(await sentBy(local), given)
})

test('a Local that does not listen gives nothing and is not named', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const [quiet, other] = [await nodes.local(global), await nodes.local(global)]
  const { key } = await global.put({ bytes: once(BYTES) })
  await read(quiet, key)
  t.is(Buffer.compare(await read(other, key), BYTES), 0)
  t.is(await sentBy(quiet), 0)
  t.deepEqual((await other.status()).traffic.length, 1)
})
