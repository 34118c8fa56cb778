/** What the library's calls on directories do, over any node. Its parts are loaded when called. */
import { absolutePath } from '../daemon/config/working-directory.ts'
import { DstoreError } from '../errors.ts'
import { Key } from '../hash/key.ts'
import type { CallOptions, GetOptions, Node, Progress, ReadableValue } from '../node/node.ts'
import type { EntryFacts } from '../tree/read/entries.ts'
import type { TreeWord } from '../tree/read/tree-word.ts'
import type {
  EntriesOptions,
  GetDirectoryOptions,
  GetDirectoryResult,
  PutDirectoryOptions,
  PutDirectoryResult,
} from './directory-calls.ts'

export async function putDirectory(
  node: Node,
  path: string,
  { ignore, onProgress, ...options }: PutDirectoryOptions,
): Promise<PutDirectoryResult> {
  const from = absolutePath(path, 'path')
  const { putTree } = await import('../tree/put/put-tree.ts')
  const { IgnoreRules } = await import('../tree/put/walk/ignore-rules.ts')
  const { sent: _, ...put } = await putTree(node, from, {
    ...options,
    label: path,
    ...(ignore !== undefined && { ignore: new IgnoreRules(ignore) }),
    onTreeProgress: ({ phase, doneBytes, totalBytes }) => {
      if (phase !== 'scan') onProgress?.({ phase, doneBytes, totalBytes })
    },
  })
  return put
}

export async function getDirectory(
  node: Node,
  word: Key | string,
  path: string,
  { update = false, delete: removes = false, onProgress, ...calls }: GetDirectoryOptions,
): Promise<GetDirectoryResult> {
  if (removes && !update) throw new TypeError('options.delete is for an update')
  const to = absolutePath(path, 'path')
  const { extractTree } = await import('../tree/extract/extract-tree.ts')
  const { updateTree } = await import('../tree/extract/update-tree.ts')
  const report = (progress: Omit<Progress, 'phase'>): void =>
    onProgress?.({ phase: 'fetch', ...progress })
  const options = {
    ...calls,
    onProgress: ({ doneBytes, totalBytes }: Omit<Progress, 'phase'>) =>
      report({ doneBytes, totalBytes }),
  }
  return withDirectory(node, word, calls, async (key) => {
    const { files, bytes } = update
      ? await updateTree(node, key, to, { ...options, delete: removes })
      : await extractTree(node, key, to, options)
    return { files, bytes }
  })
}

export async function* entries(
  node: Node,
  word: Key | string,
  { recursive = false, ...calls }: EntriesOptions,
): AsyncGenerator<EntryFacts, void, undefined> {
  const { entriesOf } = await import('../tree/read/entries.ts')
  const { Listings } = await import('../tree/read/listings.ts')
  const listings = new Listings(node, calls)
  // The root is read here, so that a name that moved is asked for once more.
  const key = await withDirectory(node, word, calls, async (found) => {
    await listings.get(found)
    return found
  })
  yield* entriesOf(listings, key, recursive)
}

export async function openEntry(
  node: Node,
  word: Key | string,
  path: string,
  { range, ...calls }: GetOptions,
): Promise<ReadableValue> {
  const { splitPath } = await import('../tree/read/tree-word.ts')
  const below = splitPath(path)
  return withEntry(node, word, calls, below, async (key, text) => {
    if (key.kind === 'directory') throw new DstoreError('usage', `${text} is a directory`)
    return node.get(key, { ...calls, ...(range && { range }) })
  })
}

/** Calls `use` with the key of the directory that a word leads to. */
function withDirectory<T>(
  node: Node,
  word: Key | string,
  calls: CallOptions,
  use: (key: Key) => Promise<T>,
): Promise<T> {
  return withEntry(node, word, calls, [], async (key, text) => {
    if (key.kind !== 'directory') throw new DstoreError('usage', `${text} is no directory`)
    return use(key)
  })
}

/**
 * Calls `use` with the key of what is at a path below a word, with its text, and with whether it is
 * an executable entry.
 */
export async function withEntry<T>(
  node: Node,
  word: Key | string,
  calls: CallOptions,
  below: readonly string[],
  use: (key: Key, text: string, isExecutable: boolean) => Promise<T>,
): Promise<T> {
  const { keyOf, valueAt } = await import('../tree/read/entry-at.ts')
  const { Listings } = await import('../tree/read/listings.ts')
  const { resolveTreeWord } = await import('../tree/read/tree-word.ts')
  const { withTreeWord } = await import('../tree/read/with-tree-word.ts')
  const found: TreeWord =
    word instanceof Key
      ? { key: word, path: [], root: word.toString() }
      : await resolveTreeWord(node, word, calls)
  const whole = { ...found, path: [...found.path, ...below] }
  return withTreeWord(node, whole, calls, async (at) => {
    const entry = await valueAt(new Listings(node, calls), at)
    const key = entry === undefined ? at.key : keyOf(entry)
    const isExecutable = entry?.type === 'file' && entry.executable
    return use(key, [at.root, ...at.path].join('/'), isExecutable)
  })
}
