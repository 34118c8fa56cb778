/** A store of a million small values. */
import { randomBytes } from 'node:crypto'
import { Client } from '../../../src/daemon/client/client.ts'
import { BATCH_ITEMS } from '../../../src/limits.ts'
import type { Bench, Daemon } from '../bench.ts'

/** The values that it has. */
export const MANY = 1_000_000

/** Made once: a daemon for the rows that need a store of that size. */
export function filled(bench: Bench): Promise<Daemon> {
  return bench.shared('a million keys', async () => {
    const daemon = await bench.daemon(['--standalone'])
    let left = MANY
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        const client = (await Client.connect(daemon.socket))!
        while (left > 0) {
          const count = Math.min(left, BATCH_ITEMS)
          left -= count
          await client.putMany(Array.from({ length: count }, () => randomBytes(100)))
        }
        client.close()
      }),
    )
    return daemon
  })
}
