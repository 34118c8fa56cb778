/** Brings the records of a store to the end of its journal (specs/005-storage.md, "Opening"). */
import { equal } from '../../../bytes.ts'
import { asDstoreError } from '../../../errors.ts'
import { Chain, type ChainPosition } from '../../../journal/chain.ts'
import type { Entry } from '../../../journal/entry.ts'
import { entryDigest } from '../../../journal/digest.ts'
import type { Journal } from '../../../journal/journal.ts'
import { MismatchError } from '../follower/mismatch.ts'
import { applyBody } from '../replica/apply.ts'
import type { Overlay } from '../replica/overlay.ts'

/**
 * Applies every entry after the overlay's position, up to the end that the journal states. `room`
 * is called after each batch. Throws a `MismatchError` where the journal lacks what the records
 * have, or what follows that.
 */
export async function replay(
  journal: Journal,
  overlay: Overlay,
  room: () => Promise<void> | undefined = () => undefined,
): Promise<void> {
  const { last } = await journal.extent()
  const start = overlay.position
  await checkFollows(journal, last, start)
  const chain = new Chain(start)
  for await (const batch of entriesUpto(journal, start.position, last)) {
    for (const bytes of batch) {
      const { head, body } = accepted(chain, bytes)
      applyBody(overlay, head.epoch, body)
      overlay.advance(chain)
    }
    await room()
  }
}

/**
 * The entries after a position, up to an end that the journal states. A batch may go on beyond
 * that: an entry there may still vanish, and no record must have it. Throws a `MismatchError` where
 * the next one was trimmed.
 */
export async function* entriesUpto(
  journal: Pick<Journal, 'follow'>,
  after: number,
  last: number,
): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  if (after >= last) return
  let position = after
  const ended = new AbortController()
  for await (const followed of journal.follow(after, ended.signal)) {
    if (followed === 'gone') throw lost(position)
    const batch = followed.slice(0, last - position)
    position += batch.length
    if (position >= last) ended.abort()
    yield batch
  }
}

/** The next entry. Throws a `MismatchError` for any other, and the chain stays where it was. */
export function accepted(chain: Chain, bytes: Uint8Array): Entry {
  try {
    return chain.accept(bytes)
  } catch (error) {
    throw new MismatchError('parted', asDstoreError(error).message, { cause: error })
  }
}

/**
 * Is the last entry that the records have that of the journal, which ends at `last`? Resolves to
 * it, unless it was trimmed, or the records have none. Throws a `MismatchError` if not.
 */
export async function checkFollows(
  journal: Pick<Journal, 'at'>,
  last: number,
  { position, digest }: ChainPosition,
): Promise<Uint8Array | undefined> {
  if (position === 0) return undefined
  if (last < position) {
    const what = last === 0 ? 'the journal of the store is missing' : 'the journal has lost entries'
    const only = `the records have ${entryCount(position - last)} that it has not`
    throw new MismatchError('behind', `${what}: ${only}`, { hint: RESTORE })
  }
  const found = await journal.at(position)
  // A first entry of another chain is refused when it is read.
  if (found === 'gone') return undefined
  if (found !== undefined && equal(entryDigest(found), digest)) return found
  throw new MismatchError('parted', 'the records are not those of the journal')
}

const RESTORE =
  'put back the folder `journal` that was beside the records, or the whole state directory from a backup'

/** For a message. */
export const entryCount = (entries: number): string =>
  entries === 1 ? '1 entry' : `${entries} entries`

const lost = (position: number): MismatchError => {
  const message = `the journal lacks entry ${position + 1}, which the records need`
  return new MismatchError('gone', message)
}
