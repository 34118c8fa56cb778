/** The changes of an index as a program watches them, asked for again and again (specs/004-index.md, "Watching"). */
import { fromHex, toHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import type { Position, Watch, Watched } from '../../index/message.ts'
import { BATCH_ITEMS, WATCH_WAIT_MS } from '../../limits.ts'
import type { ChangeEvent, WatchOptions } from '../node.ts'

/** Every change from `after` on, until the caller leaves. `ask` sends one request for some. */
export async function* changesOf(
  { after, signal, onStart }: WatchOptions,
  ask: (request: Watch) => Promise<Watched>,
): AsyncGenerator<ChangeEvent, void, undefined> {
  let from = after === undefined ? undefined : parsePosition(after)
  let started = false
  const isOver = (): boolean => signal?.aborted === true
  while (!isOver()) {
    // The first request says where "now" is, and whether there is an index to watch, without waiting.
    const waitMs = started ? WATCH_WAIT_MS : 0
    const watched = await ask({ type: 'watch', after: from, waitMs, limit: BATCH_ITEMS })
    const { position, changes, lost } = watched
    if (!started) onStart?.(after ?? formatPosition(before(position, changes.length)))
    started = true
    if (lost)
      yield { ...NOTHING, position: formatPosition(position), seq: position.seq, type: 'lost' }
    for (const { seq, type, digest, names, size, peer, role } of changes) {
      const key = digest === undefined ? undefined : new Key(digest)
      const at = formatPosition({ runId: position.runId, seq })
      const member = { ...(peer && { peer }), ...(role && { role }) }
      yield { position: at, seq, type, key, names, size, ...member }
    }
    from = position
  }
}

const NOTHING = { key: undefined, names: [], size: undefined }

/** Where one stands who has seen none of the last `count` changes. */
const before = ({ runId, seq }: Position, count: number): Position => ({ runId, seq: seq - count })

/** As text, for people and programs. */
export const formatPosition = ({ runId, seq }: Position): string => `${toHex(runId)}-${seq}`

function parsePosition(text: string): Position {
  const [, run, digits] = /^([0-9a-f]{32})-(\d{1,16})$/.exec(text) ?? []
  const seq = Number(digits)
  if (run === undefined || !Number.isSafeInteger(seq)) {
    throw new DstoreError('usage', 'not a position in the order of changes')
  }
  return { runId: fromHex(run)!, seq }
}
