/** Lists of names, and what a store has, as messages carry them (specs/004-index.md, "Lists"). */
import { BATCH_ITEMS, NAME_BYTES } from '../../limits.ts'
import { count, digest, malformed } from '../../wire/fields.ts'
import { isDelimiter } from '../lists/delimiter.ts'
import type { Contents, Named, NamedKey, Names, StoreContents } from '../message.ts'
import { isName } from '../name.ts'
import { toNameFacts } from './decode-names.ts'
import { batch, toName } from './decode-trees.ts'
import type * as pb from './messages_pb.ts'

/** Error: `protocol`. */
export function toNames(body: pb.Names): Names {
  const { prefix, after, limit, delimiter, match, totals } = body
  if (delimiter !== undefined && !isDelimiter(delimiter)) throw malformed('an invalid delimiter')
  if (match !== undefined && (totals || delimiter !== undefined)) {
    throw malformed('a pattern beside a delimiter')
  }
  return {
    type: 'names',
    prefix: toPrefix(prefix),
    after: after === undefined ? undefined : toPrefix(after),
    limit: pageOf(limit),
    ...(delimiter !== undefined && { delimiter }),
    ...(match !== undefined && { match: toPattern(match) }),
    ...(totals && { totals }),
  }
}

/** Error: `protocol`. */
export function toNamed({ items, more, next }: pb.Named): Named {
  return {
    type: 'named',
    items: batch('items', items).map(toNamedKey),
    more,
    ...(next !== undefined && { next: toPrefix(next) }),
  }
}

function toNamedKey({ directory, size, names, common, ...named }: pb.NamedKey): NamedKey {
  const sized = size === undefined ? {} : { size: count('size', size) }
  if (common) {
    const counted = names === undefined ? {} : { names: count('number', names) }
    return { name: toPrefix(named.name), common, ...sized, ...counted }
  }
  return {
    name: toName(named.name),
    digest: digest(named.digest),
    ...(directory && { directory }),
    ...toNameFacts(named),
    ...sized,
  }
}

export const toContents = ({ after }: pb.Contents): Contents => ({
  type: 'contents',
  after: after === undefined ? undefined : digest(after),
})

/** Error: `protocol`. */
export function toStoreContents(contents: pb.StoreContents): StoreContents {
  const { durable, quotaBytes, headroomBytes, next } = contents
  return {
    type: 'store-contents',
    durable,
    values: count('number', contents.values),
    valueBytes: count('size', contents.valueBytes),
    ...(quotaBytes !== undefined && { quotaBytes: count('size', quotaBytes) }),
    ...(headroomBytes !== undefined && { headroomBytes: count('size', headroomBytes) }),
    unfinishedBytes: count('size', contents.unfinishedBytes),
    unnamedValues: count('number', contents.unnamedValues),
    unnamedBytes: count('size', contents.unnamedBytes),
    ...(next !== undefined && { next: digest(next) }),
  }
}

/** A prefix of a name need not be a name: it may be empty, or read as a key. */
export function toPrefix(prefix: string): string {
  if (prefix === '' || isName(prefix) || isName(`${prefix}/`)) return prefix
  throw malformed('an invalid prefix')
}

/** Whether it is a pattern is decided where it is read. */
function toPattern(match: string): string {
  if (match.length > NAME_BYTES) throw malformed('a pattern that is too long')
  return match
}

export function pageOf(limit: number): number {
  if (limit < 1 || limit > BATCH_ITEMS) throw malformed(`a list of ${limit} items`)
  return limit
}
