/** The lists of names that both roles make alike (specs/004-index.md, "Rules: lists"). */
import { DstoreError } from '../../../errors.ts'
import { checkDelimiter } from '../../../index/lists/delimiter.ts'
import { Glob } from '../../../index/lists/glob.ts'
import { COMMON, TAG, nameAt, type NamePage } from '../../../index/lists/name-page.ts'
import type { Names } from '../../../index/message.ts'
import { BATCH_ITEMS, DIGEST_BYTES, LATEST_MS, NAME_BYTES } from '../../../limits.ts'
import { checkWellFormed } from '../../../utf8.ts'
import type {
  CallOptions,
  CommonPrefix,
  LevelOptions,
  ListedName,
  NamePagesOptions,
  NameUsage,
  NamesOptions,
} from '../../node.ts'
import { keyOf } from '../key-of.ts'

/** Reads one page. */
export type ReadNames = (query: Omit<Names, 'type'>, options: CallOptions) => Promise<NamePage>

export class NameLists {
  readonly #read: ReadNames

  constructor(read: ReadNames) {
    this.#read = read
  }

  async *names(prefix = '', options: NamesOptions = {}): AsyncGenerator<ListedName> {
    const { after, limit, match, ...call } = options
    const query = { ...given({ after, limit, match }), ...call }
    for await (const page of this.pages(prefix, query)) {
      for (let i = 0; i < page.count; i++) yield listed(page, i)
    }
  }

  async *level(
    prefix = '',
    { delimiter = '/', ...options }: LevelOptions = {},
  ): AsyncGenerator<ListedName | CommonPrefix> {
    for await (const page of this.pages(prefix, { ...options, delimiter })) {
      for (let i = 0; i < page.count; i++) {
        if (page.kinds[i] === COMMON) yield { prefix: nameAt(page, i) }
        else yield listed(page, i)
      }
    }
  }

  async *pages(prefix = '', options: NamePagesOptions = {}): AsyncGenerator<NamePage> {
    const { after, delimiter, match, limit = Infinity, ...call } = options
    checkPrefix(prefix)
    if (after !== undefined) checkPrefix(after)
    if (delimiter !== undefined) checkDelimiter(delimiter)
    if (match !== undefined) checkMatch(match, delimiter)
    const query = { prefix, ...given({ delimiter, match }) }
    let left = checkLimit(limit)
    let from = after
    for (;;) {
      const some = Math.min(left, BATCH_ITEMS)
      const page = await this.#read({ ...query, after: from, limit: some }, call)
      yield page
      left -= page.count
      if (!page.more || left <= 0) return
      from = nextOf(page)
    }
  }

  async *usage(
    prefix = '',
    { delimiter, ...options }: Pick<LevelOptions, 'delimiter'> & CallOptions = {},
  ): AsyncGenerator<NameUsage> {
    checkPrefix(prefix)
    if (delimiter !== undefined) checkDelimiter(delimiter)
    const query = { prefix, totals: true, limit: BATCH_ITEMS, ...given({ delimiter }) }
    const total = { prefix, names: 0, size: 0 }
    let last: { prefix: string; names: number; size: number } | undefined
    let after: string | undefined
    for (;;) {
      const page = await this.#read({ ...query, after }, options)
      for (let i = 0; i < page.count; i++) {
        const common = nameAt(page, i)
        const names = page.counts[i]!
        const size = Number.isNaN(page.sizes[i]!) ? 0 : page.sizes[i]!
        total.names += names
        total.size += size
        if (common === prefix) continue
        if (common !== last?.prefix) {
          if (last !== undefined) yield last
          last = { prefix: common, names: 0, size: 0 }
        }
        last.names += names
        last.size += size
      }
      if (!page.more) break
      after = nextOf(page)
    }
    if (last !== undefined) yield last
    yield total
  }
}

/** After which text the next page begins. */
function nextOf(page: NamePage): string {
  if (page.next !== undefined) return page.next
  if (page.count > 0) return nameAt(page, page.count - 1)
  throw new DstoreError('protocol', 'Global sent an empty page of names, and says that more follow')
}

function listed(page: NamePage, i: number): ListedName {
  const { digests, directories, kinds, sizes, boundMs, expiresMs } = page
  return {
    name: nameAt(page, i),
    key: keyOf(digests.slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES), directories[i] === 1),
    kind: kinds[i] === TAG ? 'tag' : 'fixed',
    size: Number.isNaN(sizes[i]!) ? undefined : sizes[i],
    boundAt: isoOf(boundMs[i]!),
    expiresAt: isoOf(expiresMs[i]!),
  }
}

/** ISO 8601; undefined for NaN. */
export const isoOf = (ms: number): string | undefined =>
  Number.isNaN(ms) ? undefined : new Date(Math.min(ms, LATEST_MS)).toISOString()

/** Throws `usage` for what no name begins with. */
function checkPrefix(prefix: string): void {
  checkWellFormed(prefix, 'the prefix')
  if (/\p{Cc}/u.test(prefix)) throw new DstoreError('usage', 'the prefix has control characters')
  if (Buffer.byteLength(prefix) <= NAME_BYTES) return
  throw new DstoreError('usage', `the prefix has more than ${NAME_BYTES} bytes`)
}

function checkMatch(match: string, delimiter: string | undefined): void {
  // oxlint-disable-next-line no-new -- It throws `usage` for what is no pattern.
  new Glob(match)
  if (delimiter === undefined) return
  throw new DstoreError('usage', 'a list has a delimiter or a pattern, not both')
}

/** The same number; throws `usage` for what is no limit. */
export function checkLimit(limit: number): number {
  if (limit === Infinity || (Number.isSafeInteger(limit) && limit > 0)) return limit
  throw new DstoreError('usage', `a limit is a whole number from 1, not ${limit}`)
}

/** Only what is given. */
const given = <T extends object>(fields: T): { [F in keyof T]: Exclude<T[F], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [F in keyof T]: Exclude<T[F], undefined>
  }
