/**
 * The changes of an index, polled for a program that watches them (specs/004-index.md, R004-40).
 */
import { fromHex, toHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { WATCH_START, type Position, type Watch, type Watched } from '../../index/message.ts'
import { BATCH_ITEMS, WATCH_WAIT_MS } from '../../limits.ts'
import type { ChangeEvent, WatchOptions } from '../node.ts'
import { keyOf } from './key-of.ts'

/** Every change after `after`, until the caller leaves the loop. `ask` sends one request. */
export async function* changesOf(
  { after, signal, onStart }: WatchOptions,
  ask: (request: Watch) => Promise<Watched>,
): AsyncGenerator<ChangeEvent, void, undefined> {
  let from = after === undefined ? undefined : parsePosition(after)
  let started = false
  const isOver = (): boolean => signal?.aborted === true
  while (!isOver()) {
    // The first request does not wait: it finds the current position, and whether the index can be
    // reached.
    const waitMs = started ? WATCH_WAIT_MS : 0
    const watched = await ask({ type: 'watch', after: from, waitMs, limit: BATCH_ITEMS })
    const { position, changes, lost } = watched
    if (!started) onStart?.(after ?? formatPosition(before(position, changes.length)))
    started = true
    if (lost)
      yield { ...NOTHING, position: formatPosition(position), seq: position.seq, type: 'lost' }
    for (const change of changes) {
      const { seq, type, digest, names, size, peer, role, directory, previous, why } = change
      const key = digest === undefined ? undefined : keyOf(digest, directory)
      const at = formatPosition({ runId: position.runId, seq })
      const member = { ...(peer && { peer }), ...(role && { role }) }
      const from = previous && { previous: keyOf(previous.digest, previous.directory) }
      yield { position: at, seq, type, key, names, size, ...member, ...from, ...(why && { why }) }
    }
    from = position
  }
}

const NOTHING = { key: undefined, names: [], size: undefined }

/** The position before the last `count` changes. */
const before = ({ runId, seq }: Position, count: number): Position => ({ runId, seq: seq - count })

export const formatPosition = ({ runId, seq }: Position): string => `${toHex(runId)}-${seq}`

function parsePosition(text: string): Position {
  if (text === 'start') return WATCH_START
  const [, run, digits] = /^([0-9a-f]{32})-(\d{1,16})$/.exec(text) ?? []
  const seq = Number(digits)
  if (run === undefined || !Number.isSafeInteger(seq)) {
    throw new DstoreError('usage', 'not a position in the order of changes', {
      hint:
        '`dstore watch --json` shows the position of each change, `dstore status -v` the last one; ' +
        '`start` is before the oldest in the log',
    })
  }
  return { runId: fromHex(run)!, seq }
}
