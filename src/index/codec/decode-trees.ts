/** Messages about trees, and fields that they share (specs/004-index.md, R004-1 and R004-88). */
import { BATCH_ITEMS, HOLD_ID_BYTES } from '../../limits.ts'
import { count, digest, exactly, malformed } from '../../wire/fields.ts'
import type { Body, DirectoryTotals, PresentItem, TreeRemoval } from '../message.ts'
import { isName } from '../name.ts'
import { toNaming } from './decode-naming.ts'
import type * as pb from './messages_pb.ts'

type TreeCase =
  | 'hold'
  | 'held'
  | 'present'
  | 'presentAnswer'
  | 'makeDirectories'
  | 'madeDirectories'
  | 'commitTree'

/** Error: `protocol`. */
export function toTreeBody(body: Extract<pb.Message['body'], { case: TreeCase }>): Body {
  switch (body.case) {
    case 'hold':
      return { type: 'hold', id: toHold(body.value.id), release: body.value.release }
    case 'held':
      return { type: 'held' }
    case 'present': {
      const items = batch('keys', body.value.items).map(toItem)
      return { type: 'present', hold: toHold(body.value.hold), items }
    }
    case 'presentAnswer':
      return { type: 'present-answer', present: batch('answers', body.value.present) }
    case 'makeDirectories': {
      const digests = batch('directories', body.value.digests).map(digest)
      return { type: 'make-directories', hold: toHold(body.value.hold), digests }
    }
    case 'madeDirectories': {
      const directories = batch('directories', body.value.directories)
      batch(
        'missing children',
        directories.flatMap(({ items }) => items),
      )
      return {
        type: 'made-directories',
        missing: directories.map(({ items }) => items.map(toItem)),
      }
    }
    case 'commitTree': {
      const { hold, name } = body.value
      return {
        type: 'commit-tree',
        hold: toHold(hold),
        digest: digest(body.value.digest),
        name: name === undefined ? undefined : toName(name),
        ...toNaming(body.value),
      }
    }
  }
}

/** The hold of a put or an offer. Error: `protocol` if there is a name, too. */
export function toUnnamedHold({ hold, name }: Pick<pb.Put, 'hold' | 'name'>): {
  readonly hold?: Uint8Array
} {
  if (hold === undefined) return {}
  if (name !== undefined) throw malformed('a name for a value under a hold')
  return { hold: toHold(hold) }
}

/** Error: `protocol`. */
export function toTotals({ size, files, mayLack }: pb.DirectoryTotals): DirectoryTotals {
  return { size: count('size', size), files: count('number of files', files), mayLack }
}

/** Error: `protocol`. */
export function toTreeRemoval(tree: pb.TreeRemoval | undefined): { readonly tree?: TreeRemoval } {
  if (tree === undefined) return {}
  const { removed, most, complete } = tree
  const what = 'number of values'
  return { tree: { removed: count(what, removed), most: count(what, most), complete } }
}

export function toName(name: string): string {
  if (!isName(name)) throw malformed('an invalid name')
  return name
}

/** A list that is no longer than a batch. Error: `protocol`. */
export function batch<T>(what: string, items: readonly T[]): readonly T[] {
  if (items.length > BATCH_ITEMS) throw malformed(`${items.length} ${what} in one message`)
  return items
}

/** A copy, because the buffer of the message is reused. */
const toHold = (id: Uint8Array): Uint8Array => new Uint8Array(exactly(HOLD_ID_BYTES, 'hold', id))

const toItem = (item: pb.PresentItem): PresentItem => ({
  digest: digest(item.digest),
  directory: item.directory,
})
