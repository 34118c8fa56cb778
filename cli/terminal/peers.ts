/** Names the peers of a transfer: those whose traffic with this node has grown since it began. */
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import type { ProgressLine } from './progress.ts'
import { plural, type Terminal } from './terminal.ts'

/** How often the daemon is asked for its traffic. */
const POLL_MS = 500

/** What a progress line is about. */
export interface Task {
  readonly label: string
  /** What is said of it in the end, such as `stored`, if it takes long (R007-447). */
  readonly done?: string
  /** Of what, such as `4 files`. */
  readonly what?: string | undefined
}

/**
 * Run `work` with a progress line that also names the peers that send and receive. A client that is
 * to be connected first is only where the line is shown.
 */
export function withTransferProgress<T>(
  terminal: Terminal,
  task: string | Task,
  given: Client | (() => Promise<Client | undefined>),
  work: (line: ProgressLine) => Promise<T>,
): Promise<T> {
  const { label, done, what }: Task = typeof task === 'string' ? { label: task } : task
  return terminal.withProgress(label, async (line) => {
    if (!line.isShown) return work(line)
    const client = typeof given === 'function' ? given().catch(() => undefined) : given
    let first: StatusAnswer | undefined
    const poll = async (): Promise<void> => {
      const now = await (await client)?.with({}).status()
      if (now === undefined) return
      first ??= now
      line.peers = peersText(first, now)
    }
    // A daemon that fails to answer fails the work as well, which reports it.
    const timer = setInterval(() => void poll().catch(() => undefined), POLL_MS)
    try {
      const result = await work(line)
      // What failed has said so itself, and an exit code is no success.
      const isDone = done !== undefined && (typeof result !== 'number' || result === 0)
      const summary = isDone ? line.summary(done, what) : undefined
      if (summary !== undefined) terminal.note(summary)
      return result
    } finally {
      clearInterval(timer)
    }
  })
}

/** `from Global and 2 Locals, to 1 Local`; empty if no value bytes moved. */
export function peersText(before: StatusAnswer, now: StatusAnswer): string {
  const grown = (direction: 'valueBytesIn' | 'valueBytesOut'): string => {
    const peers = now.traffic.filter((one) => {
      const earlier = before.traffic.find(({ peer }) => peer === one.peer)
      return one[direction] > (earlier?.[direction] ?? 0)
    })
    const isGlobal = (peer: string): boolean => now.global?.peer === peer
    const locals = peers.filter(({ peer }) => !isGlobal(peer)).length
    const names = [
      ...(locals < peers.length ? ['Global'] : []),
      ...(locals > 0 ? [plural(locals, 'Local')] : []),
    ]
    return names.join(' and ')
  }
  const from = grown('valueBytesIn')
  const to = grown('valueBytesOut')
  return [from && `from ${from}`, to && `to ${to}`].filter(Boolean).join(', ')
}
