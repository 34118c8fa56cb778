/** What goes to the transport: few large pieces in place of many small ones, and the same bytes. */
import diagnostics from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import test from 'ava'
import { Uint8ArrayList } from 'uint8arraylist'
import { newIdentity } from '../../src/network/identity.ts'
import { joined } from '../../src/network/joined-sends.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { pattern, readAll, same } from '../wire/conformance.ts'

const MIB = 1 << 20
const PROTOCOL = '/dstore/joined/1'

/** A list of pieces of these lengths. */
const list = (lengths: readonly number[]): Uint8ArrayList =>
  new Uint8ArrayList(...lengths.map((length, i) => pattern(length, i)))

const JOINED: readonly (readonly number[])[] = [
  [],
  [2, 16],
  [2, 4078, 16],
  [2, 65503, 16, 2, 1, 16],
]
const LEFT: readonly (readonly number[])[] = [
  [2, 4079, 16],
  // A frame whose header was encrypted for itself: one message all the same.
  [2, 12, 30_000, 16],
  [2, 65503, 16],
]

for (const lengths of [...JOINED, ...LEFT]) {
  const isJoined = JOINED.includes(lengths)
  test(`pieces of ${lengths.join(', ') || 'nothing'} are ${isJoined ? 'joined' : 'left'}`, (t) => {
    const data = list(lengths)
    const result = joined(data)
    t.is(result instanceof Uint8Array, isJoined)
    same(t, result.subarray(), data.subarray())
  })
}

test('what comes in one piece is not copied', (t) => {
  const bytes = pattern(MIB, 1)
  t.is(joined(bytes), bytes)
})

test.serial('a piece of 1 MiB goes to the system in a few calls', async (t) => {
  const writes: number[] = []
  const watch = (message: unknown): void => {
    const { socket } = message as { socket: Socket }
    // Not before: to connect takes back what was put in its place.
    socket.once('connect', () => {
      const write: (bytes: Uint8Array) => boolean = socket.write.bind(socket)
      socket.write = (bytes: Uint8Array | string): boolean => {
        writes.push(bytes.length)
        return write(bytes as Uint8Array)
      }
    })
  }
  diagnostics.subscribe('net.client.socket', watch)
  const identities = [await newIdentity(), await newIdentity()] as const
  const server = await createNetwork({ identity: identities[0], listen: ['/ip4/127.0.0.1/tcp/0'] })
  const client = await createNetwork({ identity: identities[1] })
  t.teardown(() => {
    diagnostics.unsubscribe('net.client.socket', watch)
    return Promise.all([server.close(), client.close()])
  })
  const accepted = new Promise<Channel>((resolve) => void server.handle(PROTOCOL, resolve))
  const channel = await client.dial(server.addresses()[0]!, PROTOCOL)
  const bytes = pattern(4 * MIB, 2)
  writes.length = 0
  const reading = accepted.then((theirs) => readAll(theirs))
  for (let at = 0; at < bytes.byteLength; at += MIB)
    await channel.write(bytes.subarray(at, at + MIB))
  await channel.end()
  same(t, await reading, bytes)
  const large = writes.filter((length) => length > 4096)
  t.log(`${writes.length} writes, ${large.length} of more than 4 KiB`)
  // A window may have room for a part of a piece alone.
  t.true(large.length >= 4 && large.length <= 16, large.join(', '))
  t.true(writes.length <= 64, `${writes.length} writes`)
})
