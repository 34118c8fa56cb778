/** What the archive asks of the bucket's journal. */
import type { Journal } from '../../journal/journal.ts'

export interface BucketJournal extends Journal {
  /** Appends all of these after a position, or none. Otherwise as `append`. */
  appendAll(after: number, entries: readonly Uint8Array[]): Promise<'ok' | 'taken'>
}

/** The entries after this position that a journal has now, so many at most; `gone` if trimmed. */
export async function entriesAfter(
  journal: Journal,
  after: number,
  count: number,
): Promise<Uint8Array[] | 'gone'> {
  const { last } = await journal.extent()
  const wanted = Math.min(count, last - after)
  const entries: Uint8Array[] = []
  if (wanted <= 0) return entries
  const following = new AbortController()
  for await (const batch of journal.follow(after, following.signal)) {
    if (batch === 'gone') return 'gone'
    entries.push(...batch.slice(0, wanted - entries.length))
    if (entries.length === wanted) following.abort()
  }
  return entries
}
