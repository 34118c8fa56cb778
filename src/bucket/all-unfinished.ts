/** Every unfinished upload, page after page. */
import type { ObjectStore, UnfinishedUpload } from './object-store.ts'

/** A server that lists uploads without end is not read to the end. */
const PAGES = 1_000

/**
 * Has one page in memory. The caller may abort what it gets. Errors: those of the bucket, and the
 * signal's reason.
 */
export async function* allUnfinished(
  objects: Pick<ObjectStore, 'unfinished'>,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<UnfinishedUpload, void, undefined> {
  let [after, before]: [UnfinishedUpload | undefined, Set<string>] = [undefined, new Set()]
  for (let pages = 0; pages < PAGES; pages++) {
    const page = await objects.unfinished(prefix, after, signal)
    // Some servers begin again where the last upload that they are asked for was aborted.
    const fresh = page.filter(({ id }) => !before.has(id))
    if (fresh.length === 0) return
    yield* fresh
    after = page.at(-1)
    before = new Set(page.map(({ id }) => id))
  }
}
