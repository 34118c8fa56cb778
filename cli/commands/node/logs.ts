/** `logs`: the log of the node in the background, whole or the lines that are asked for. */
import { parseDuration } from '../../../src/daemon/config/quantities.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { place } from '../../session.ts'
import { showLog } from './show-log.ts'

export async function logs({ flags, terminal, signal }: Invocation): Promise<number> {
  const { log } = place(flags).directory
  const { limit, since, follow = false, json = false } = flags
  const choice = {
    json,
    ...(limit !== undefined && { last: parseCount(limit) }),
    ...(since !== undefined && { since: parseSince(since, Date.now()) }),
  }
  await showLog(log, follow, choice, terminal, signal)
  return 0
}

/** How many lines of the log are kept in memory at most. */
const MOST_LINES = 1_000_000

function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d{1,9}$/.test(text) && count > 0 && count <= MOST_LINES) return count
  throw new DstoreError('usage', `not a number of lines: ${text}`, { hint: 'write -n 100' })
}

/** A time, or how long before now; in milliseconds. */
export function parseSince(text: string, now: number): number {
  try {
    const isTime = /^\d{4}-\d\d-\d\d/.test(text)
    const time = isTime ? Date.parse(text) : now - parseDuration(text)
    if (!Number.isNaN(time)) return time
  } catch {
    // Neither is it a duration.
  }
  throw new DstoreError('usage', `not a time: ${text}`, {
    hint: 'write 10m, 2h, 2026-11-30 or 2026-11-30T12:00:00Z',
  })
}
