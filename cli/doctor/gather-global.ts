/** Tries the addresses of a Local's Global, and its lane port, from this process. */
import { join } from 'node:path'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import type { Settings } from '../../src/daemon/config/settings.ts'
import type { ProbeOptions } from '../../src/network/probe.ts'
import { laneTarget } from './check-global.ts'
import type { GlobalFacts } from './facts.ts'

/** `addresses`: every one that the node knows; at least one. */
export async function lookAtGlobal(
  addresses: readonly string[],
  status: StatusAnswer | undefined,
  options: ProbeOptions,
): Promise<GlobalFacts> {
  const { probePeer, probeTcp } = await import('../../src/network/probe.ts')
  const target = laneTarget(status)
  const [probes, outcome] = await Promise.all([
    probePeer(addresses, options),
    target && probeTcp(target.host, target.port, options),
  ])
  return { probes, lane: target && { port: target.port, outcome: outcome! } }
}

/** The addresses that a stopped Local would try: those given, and those that it learned. */
export async function savedAddresses(
  path: string,
  { join: given = [] }: Settings,
): Promise<readonly string[]> {
  const peer = /\/p2p\/([^/]+)$/.exec(given[0] ?? '')?.[1]
  if (peer === undefined) return given
  const { ADDRESSES_FILE_BYTES, GlobalAddresses, decodeAddresses } =
    await import('../../src/node/local/global-addresses.ts')
  const { readText } = await import('../../src/store/file/text-file.ts')
  let saved
  try {
    const text = await readText(join(path, 'global.json'), ADDRESSES_FILE_BYTES)
    saved = text === undefined ? undefined : decodeAddresses(text)
  } catch {
    // The node does without it, too.
  }
  const nothing = { save: async () => undefined, usable: () => [] }
  return new GlobalAddresses({ peer, given, saved, ...nothing }).all
}
