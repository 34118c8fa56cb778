/** Who gives and takes while some work goes on: the peers whose traffic with this node has grown since it began. */
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import type { ProgressLine } from './progress.ts'

const LOOK_MS = 500

/** Do the work, and name its peers in its line of progress. */
export async function showingPeers<T>(
  client: Client,
  line: ProgressLine | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (line === undefined) return work()
  let first: StatusAnswer | undefined
  const look = async (): Promise<void> => {
    const found = await client.with({}).status()
    first ??= found
    line.peers = peersText(first, found)
  }
  // What keeps the daemon from saying it is told by the work itself.
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_MS)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}

/** `from Global and 2 Locals`, `to Global`; nothing where no value moved. */
export function peersText(before: StatusAnswer, now: StatusAnswer): string {
  const grown = (direction: 'valueBytesIn' | 'valueBytesOut'): string => {
    const peers = now.traffic.filter((one) => {
      const earlier = before.traffic.find(({ peer }) => peer === one.peer)
      return one[direction] > (earlier?.[direction] ?? 0)
    })
    const isGlobal = (peer: string): boolean => now.global?.address.endsWith(peer) === true
    const locals = peers.filter(({ peer }) => !isGlobal(peer)).length
    const names = [
      ...(locals < peers.length ? ['Global'] : []),
      ...(locals > 0 ? [`${locals} ${locals === 1 ? 'Local' : 'Locals'}`] : []),
    ]
    return names.join(' and ')
  }
  const from = grown('valueBytesIn')
  const to = grown('valueBytesOut')
  return [from && `from ${from}`, to && `to ${to}`].filter(Boolean).join(', ')
}
