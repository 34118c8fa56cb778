/**
 * A process of the memory test: `read MIB` listens and reads slowly, `write MIB ADDRESS` sends as
 * fast as it may.
 */
import { newIdentity } from '../../src/network/identity.ts'
import { STREAM_UNASKED_BYTES } from '../../src/limits.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import type { Channel } from '../../src/wire/channel.ts'

export interface Report {
  readonly bytes: number
  /**
   * The most memory in array buffers beyond what it was at first. Garbage counts up to `ALLOWED`:
   * so it is at least what was in use.
   */
  readonly peakBytes: number
  readonly pauses: number
}

const PROTOCOL = '/dstore/slow/1'
const PIECE_BYTES = 1_048_576

/** What each of the two may hold: a window, a frame, and what sockets and freed buffers hold. */
export const ALLOWED: number = STREAM_UNASKED_BYTES + (16 << 20)

/**
 * Bytes in use. Freed buffers are swept a while after a collection: so collect, wait and repeat.
 */
async function used(): Promise<number> {
  globalThis.gc?.()
  await new Promise((resolve) => setTimeout(resolve, 20))
  globalThis.gc?.()
  return process.memoryUsage().arrayBuffers
}

/**
 * Sample until the function it gives is called: the peak beyond what was in use at first. It only
 * collects where it matters, as that takes more time than the transfer.
 */
async function watch(): Promise<() => number> {
  const before = await used()
  let peak = 0
  const sample = async (): Promise<void> => {
    const all = process.memoryUsage().arrayBuffers
    const now = all - before < ALLOWED ? all : await used()
    peak = Math.max(peak, now - before)
  }
  const timer = setInterval(() => void sample(), 50)
  return () => {
    clearInterval(timer)
    return peak
  }
}

async function readSlowly(channel: Channel, total: number): Promise<Report> {
  const peak = await watch()
  let bytes = 0
  let pauses = 0
  for (;;) {
    const piece = await channel.read()
    if (piece === undefined) break
    bytes += piece.byteLength
    if (bytes < ((pauses + 1) * total) / 16) continue
    pauses++
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  await channel.end()
  return { bytes, peakBytes: peak(), pauses }
}

async function writeAll(channel: Channel, total: number): Promise<Report> {
  const peak = await watch()
  let bytes = 0
  // A new one each time: what is kept of it counts.
  for (; bytes < total; bytes += PIECE_BYTES) await channel.write(new Uint8Array(PIECE_BYTES))
  await channel.end()
  while ((await channel.read()) !== undefined);
  return { bytes, peakBytes: peak(), pauses: 0 }
}

async function main(role: string, total: number, address: string): Promise<void> {
  const identity = await newIdentity()
  if (role === 'read') {
    const network = await createNetwork({ identity, listen: ['/ip4/127.0.0.1/tcp/0'] })
    const accepted = new Promise<Channel>((resolve) => void network.handle(PROTOCOL, resolve))
    process.send!(network.addresses()[0])
    process.send!(await readSlowly(await accepted, total))
    await network.close()
  } else {
    const network = await createNetwork({ identity })
    process.send!(await writeAll(await network.dial(address, PROTOCOL), total))
    await network.close()
  }
  process.disconnect()
}

// oxlint-disable-next-line unicorn/prefer-top-level-await -- tests import its types
if (process.argv[1] === import.meta.filename) {
  const [role, mib, address] = process.argv.slice(2)
  void main(role!, Number(mib) << 20, address!)
}
