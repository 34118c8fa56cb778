/**
 * A process of the test of hoards: it takes streams and reads none of them. `unasked` waits for
 * what comes; `asked` says of each stream that it asked for more than any window.
 */
import { MIB } from '../../src/limits.ts'
import { newIdentity } from '../../src/network/identity.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import type { Channel } from '../../src/wire/channel.ts'

export const PROTOCOL: string = '/dstore/hoard/1'

/** Bytes in use. Freed buffers are swept a while after a collection: so collect, wait, repeat. */
async function used(): Promise<number> {
  globalThis.gc?.()
  await new Promise((resolve) => setTimeout(resolve, 20))
  globalThis.gc?.()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

async function main(mode: string): Promise<void> {
  const identity = await newIdentity()
  const network = await createNetwork({ identity, listen: ['/ip4/127.0.0.1/tcp/0'] })
  const channels: Channel[] = []
  await network.handle(PROTOCOL, (channel) => {
    channels.push(channel)
    if (mode === 'asked') channel.ask?.(1000 * MIB)
  })
  const before = await used()
  process.send!({ address: network.addresses()[0] })
  process.on('message', () => {
    void used().then((now) => process.send!({ bytes: now - before, streams: channels.length }))
  })
}

// oxlint-disable-next-line unicorn/prefer-top-level-await -- tests import its types
if (process.argv[1] === import.meta.filename) void main(process.argv[2]!)
