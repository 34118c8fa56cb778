/** Several Locals fetch one value at once: with each other's help, and only from Global. */
import { LARGE_BYTES, MIB, say, withPeers } from './peers.ts'

export async function fanOut(): Promise<void> {
  const count = Number(process.env.LOCALS ?? 8)
  for (const listen of [true, false]) {
    await withPeers(count + 1, async ([global, ...locals]) => {
      const { text: join } = await global!.do({ do: 'open', role: 'global' })
      await Promise.all(
        locals.map((local) => local.do({ do: 'open', role: 'local', join, listen })),
      )
      const { text: warm } = await global!.do({ do: 'put', bytes: MIB, seed: 1 })
      await Promise.all(locals.map((local) => local.do({ do: 'get', key: warm })))
      const { text: alone } = await global!.do({ do: 'put', bytes: LARGE_BYTES, seed: 3 })
      const one = await locals[0]!.do({ do: 'get', key: alone })
      const { text: key } = await global!.do({ do: 'put', bytes: LARGE_BYTES, seed: 5 })
      const before = await global!.usage()
      const all = await Promise.all(locals.map((local) => local.do({ do: 'get', key })))
      const after = await global!.usage()
      const last = Math.max(...all.map(({ ms }) => ms))
      const sent = ((after.sentBytes - before.sentBytes) / LARGE_BYTES).toFixed(2)
      const peak = Math.max(...all.map(({ peakBytes }) => peakBytes))
      const cpu = all.reduce((sum, one) => sum + one.cpu, after.cpu - before.cpu)
      const how = listen ? 'feeding each other' : 'from Global alone'
      say(
        `${count} Locals at once, ${LARGE_BYTES / MIB} MiB, ${how}: Global sent ${sent} times the value, the last took ${(last / one.ms).toFixed(2)} times as long as one alone; ${cpu.toFixed(1)} s of processor in all, ${(peak / MIB).toFixed(0)} MiB resident in a Local at most`,
      )
    })
  }
}
