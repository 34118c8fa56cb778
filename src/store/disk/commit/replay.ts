/** Brings the records of a store to the end of its journal (specs/005-storage.md, "Opening"). */
import { equal } from '../../../bytes.ts'
import { DstoreError } from '../../../errors.ts'
import { Chain, type ChainPosition } from '../../../journal/chain.ts'
import { entryDigest } from '../../../journal/digest.ts'
import type { Journal } from '../../../journal/journal.ts'
import { applyBody } from '../replica/apply.ts'
import type { Overlay } from '../replica/overlay.ts'

/**
 * Applies every entry after the overlay's position. `room` is called after each batch. Throws
 * `integrity` where the journal lacks what the records have, or what follows that.
 */
export async function replay(
  journal: Journal,
  overlay: Overlay,
  room: () => Promise<void> | undefined = () => undefined,
): Promise<void> {
  const { last } = await journal.extent()
  const start = overlay.position
  await checkSame(journal, last, start)
  if (start.position === last) return
  const chain = new Chain(start)
  const ended = new AbortController()
  for await (const followed of journal.follow(start.position, ended.signal)) {
    if (followed === 'gone') throw lost(start.position)
    for (const bytes of followed) {
      const { head, body } = chain.accept(bytes)
      applyBody(overlay, head.epoch, body)
      overlay.advance(chain)
    }
    await room()
    if (chain.position >= last) ended.abort()
  }
}

/** Is the last entry that the records have that of the journal? */
async function checkSame(
  journal: Journal,
  last: number,
  { position, digest }: ChainPosition,
): Promise<void> {
  if (position === 0) return
  if (last < position) {
    const what = last === 0 ? 'the journal of the store is missing' : 'the journal has lost entries'
    const only = `the records have ${count(position - last)} that it has not`
    throw new DstoreError('integrity', `${what}: ${only}`)
  }
  const found = await journal.at(position)
  // A first entry of another chain is refused when it is read.
  if (found === 'gone') return
  if (found !== undefined && equal(entryDigest(found), digest)) return
  throw new DstoreError('integrity', 'the records are not those of the journal')
}

const count = (entries: number): string => (entries === 1 ? '1 entry' : `${entries} entries`)

const lost = (position: number): DstoreError =>
  new DstoreError('integrity', `the journal lacks entry ${position + 1}, which the records need`)
