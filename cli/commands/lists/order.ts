/** Which lines of a list to print, and in which order: `--match`, `--limit`, `--sort`. */
import { DstoreError } from '../../../src/errors.ts'
import type { Flags } from '../../flags.ts'

export interface Choice {
  readonly match: string | undefined
  readonly limit: number | undefined
  /** Undefined: by name, as the daemon sends them. */
  readonly sort: 'size' | 'time' | undefined
}

/** Throws `usage` for what is no limit, or no order. */
export function choiceOf({ match, limit, sort }: Flags): Choice {
  const known = sort === 'name' ? undefined : sort
  if (known !== undefined && known !== 'size' && known !== 'time') {
    throw new DstoreError('usage', `--sort takes name, size or time, not ${known}`)
  }
  return { match, limit: limit === undefined ? undefined : limitOf(limit), sort: known }
}

function limitOf(text: string): number {
  const limit = Number(text)
  if (/^[1-9]\d*$/.test(text) && Number.isSafeInteger(limit)) return limit
  throw new DstoreError('usage', `--limit takes a whole number from 1, not ${text}`)
}

/**
 * The first `limit` items in this order, all of them without a limit. Items that compare as equal
 * stay in the order in which they came. With a limit it keeps twice as many in memory at most.
 */
export async function chosen<Item>(
  items: AsyncIterable<Item>,
  compare: (a: Item, b: Item) => number,
  limit: number = Infinity,
): Promise<Item[]> {
  const kept: Item[] = []
  for await (const item of items) {
    kept.push(item)
    if (kept.length < 2 * limit + FEW) continue
    kept.sort(compare)
    kept.length = limit
  }
  kept.sort(compare)
  return kept.slice(0, limit)
}

/** Sorting so few costs nothing. */
const FEW = 64
