/** Work on every value of a stored tree, many at once. */
import type { Key } from '../../src/hash/key.ts'
import { keyOf } from '../../src/tree/read/entry-at.ts'
import type { Listings } from '../../src/tree/read/listings.ts'
import { walkTree } from '../../src/tree/read/walk.ts'
import { Workers } from '../../src/tree/workers.ts'

export interface BelowWork {
  /** For each file. */
  readonly file: (key: Key, size: number) => Promise<void>
  /** For each directory, the root included, when what is below it was begun. */
  readonly directory?: (key: Key) => Promise<void>
}

/** Rejects with the first failure, when no work is in progress any more. */
export async function eachBelow(listings: Listings, root: Key, work: BelowWork): Promise<void> {
  const workers = new Workers()
  const open = [root]
  try {
    for await (const step of walkTree(listings, root)) {
      if (step.type === 'enter') open.push(keyOf(step.entry))
      else if (step.type === 'leave') await work.directory?.(open.pop()!)
      else if (step.entry.type === 'file') {
        const { entry } = step
        await workers.start(entry.size, () => work.file(keyOf(entry), entry.size))
      }
    }
    await work.directory?.(root)
    await workers.end()
  } finally {
    await workers.settled()
  }
}
