/** A Local's memory while much more than its cache passes, and for a slow reader. */
import { MIB, say, withPeers } from './peers.ts'

export async function memory(): Promise<void> {
  const cacheBytes = 64 * MIB
  const total = Number(process.env.PASS_MIB ?? 2048) * MIB
  await withPeers(2, async ([global, local]) => {
    const { text: join } = await global!.do({ do: 'open', role: 'global' })
    await local!.do({ do: 'open', role: 'local', join, cacheBytes })
    let seed = 1
    let peakBytes = 0
    let blockedMs = 0
    // Values that fit into the cache, and one that does not. Global removes each afterwards.
    for (let passed = 0; passed < total;) {
      const bytes = seed % 8 === 0 ? 256 * MIB : 32 * MIB
      const { text: key } = await global!.do({ do: 'put', bytes, seed: seed++ })
      const run = await local!.do({ do: 'get', key })
      peakBytes = run.peakBytes
      blockedMs = Math.max(blockedMs, run.blockedMs)
      passed += run.bytes
      await global!.do({ do: 'remove', key })
    }
    say(
      `${total / MIB} MiB through a cache of ${cacheBytes / MIB} MiB: at most ${((peakBytes - cacheBytes) / MIB).toFixed(0)} MiB resident beside it; the event loop was held for ${blockedMs.toFixed(0)} ms at most`,
    )
  })
  await withPeers(2, async ([global, local]) => {
    const { text: join } = await global!.do({ do: 'open', role: 'global' })
    await local!.do({ do: 'open', role: 'local', join, cacheBytes })
    const { text: key } = await global!.do({ do: 'put', bytes: 1024 * MIB, seed: 9 })
    const before = await global!.usage()
    const run = await local!.do({ do: 'get', key, bytesPerSecond: MIB, mostBytes: 10 * MIB })
    const after = await global!.usage()
    say(
      `a caller that reads 1 MiB/s of 1 GiB: after ${run.bytes / MIB} MiB Global had sent ${((after.sentBytes - before.sentBytes) / MIB).toFixed(0)} MiB; at most ${(run.peakBytes / MIB).toFixed(0)} MiB resident in the Local`,
    )
  })
}
