/** Lists of keys, which both roles make alike (specs/007, "Short keys"). */
import { digestBefore, parseKeyPrefix, type KeyPrefix } from '../../../hash/key-prefix.ts'
import { type KeyPage, digestAt } from '../../../index/records/list-pages.ts'
import { BATCH_ITEMS, DIGEST_BYTES } from '../../../limits.ts'
import type { KeyPagesOptions } from '../../node.ts'
import { checkLimit } from './name-lists.ts'

/** Reads the keys that exist after a digest, at most `limit` of them. */
export type ReadKeys = (after: Uint8Array | undefined, limit: number) => Promise<KeyPage>

/** Every page. Reads no more keys than begin with the prefix, but for those of one page. */
export async function* keyPagesOf(
  read: ReadKeys,
  { prefix, limit = Infinity }: Pick<KeyPagesOptions, 'prefix' | 'limit'>,
): AsyncGenerator<KeyPage, void, undefined> {
  const wanted = prefix === undefined ? undefined : parseKeyPrefix(prefix)
  let left = checkLimit(limit)
  let after = wanted && digestBefore(wanted.first)
  let some = Math.min(left, BATCH_ITEMS)
  for (;;) {
    const page = await read(after, some)
    const chosen = wanted === undefined ? page : within(page, wanted)
    left -= chosen.count
    const isLast = !page.more || page.count === 0 || left <= 0
    yield left < 0 ? first(chosen, chosen.count + left) : chosen
    if (isLast) return
    after = digestAt(page.digests, page.count - 1)
    if (wanted !== undefined && Buffer.compare(after, wanted.last) >= 0) return
    // Keys of the other kind may stand between those that are wanted.
    some = wanted?.kind === undefined ? Math.min(left, BATCH_ITEMS) : BATCH_ITEMS
  }
}

const first = (page: KeyPage, count: number): KeyPage =>
  picked(
    page,
    Array.from({ length: count }, (_, i) => i),
  )

/** What of a page begins with the prefix, and is of its kind. */
function within(page: KeyPage, { kind, last }: KeyPrefix): KeyPage {
  const wanted = kind === undefined ? undefined : Number(kind === 'directory')
  const at: number[] = []
  for (let i = 0; i < page.count; i++) {
    if (Buffer.compare(digestAt(page.digests, i), last) > 0) break
    if (wanted === undefined || page.directories[i] === wanted) at.push(i)
  }
  return picked(page, at)
}

function picked({ digests, sizes, directories, more }: KeyPage, at: readonly number[]): KeyPage {
  const chosen = new Uint8Array(at.length * DIGEST_BYTES)
  at.forEach((from, to) => chosen.set(digestAt(digests, from), to * DIGEST_BYTES))
  return {
    count: at.length,
    digests: chosen,
    sizes: Float64Array.from(at, (i) => sizes[i]!),
    directories: Uint8Array.from(at, (i) => directories[i]!),
    more,
  }
}
