/** Runs the work of many values at once, and reports their failures (R007-201, R007-203). */
import type { Client } from '../../src/daemon/client/client.ts'
import { asDstoreError } from '../../src/errors.ts'
import { ExitCodes } from '../exit-code.ts'
import type { Terminal } from '../terminal/terminal.ts'
import type { Described } from './facts.ts'
import { InFlight } from './in-flight.ts'

/** How long the daemon may take to show that it still serves. */
const PROBE_MS = 10_000

export interface Many {
  readonly client: Client
  readonly terminal: Terminal
  readonly items: AsyncIterable<Described>
  /** How many are in flight at most. */
  readonly jobs?: number | undefined
  /** Is there only one? Then an error need not name it. */
  readonly isOne: boolean
}

/**
 * Runs `work` for each, and returns the common exit code. An error that would meet each of the rest
 * (no daemon, no space) ends the command, as cancellation does.
 */
export async function forEachAtOnce(
  { client, terminal, items, jobs, isOne }: Many,
  work: (item: Described) => Promise<void>,
): Promise<number> {
  const codes = new ExitCodes(terminal)
  const inFlight = new InFlight(jobs)
  const running = new Set<Promise<void>>()
  let end: { readonly error: unknown; readonly isReported: boolean } | undefined

  const run = async (item: Described): Promise<void> => {
    try {
      await work(item)
      codes.add(0)
    } catch (error) {
      const { code, kind } = asDstoreError(error)
      if (end !== undefined) return void (end.isReported && codes.add(kind.exit))
      if (code === 'cancelled') {
        end = { error, isReported: false }
        return
      }
      const isLast = code === 'no-space' || (code === 'unreachable' && (await isGone(client)))
      if (end !== undefined) return codes.add(kind.exit)
      try {
        codes.fail(error, isOne ? undefined : item.text)
        if (isLast) end = { error, isReported: true }
      } catch (closed) {
        end = { error: closed, isReported: false }
      }
    }
  }

  try {
    for await (const item of items) {
      const leave = await inFlight.enter(sizeOf(item))
      if (end !== undefined) break
      const one = run(item).finally(() => {
        leave()
        running.delete(one)
      })
      running.add(one)
    }
  } finally {
    // Each removes what it has not finished.
    await Promise.all(running)
  }
  if (end?.isReported === false) throw end.error
  return codes.common
}

const sizeOf = ({ facts }: Described): number => (typeof facts === 'object' ? facts.size : 0)

/** Has the daemon gone, so that no other value can be had either? */
async function isGone(client: Client): Promise<boolean> {
  try {
    await client.with({ timeoutMs: PROBE_MS }).status()
    return false
  } catch {
    return true
  }
}
