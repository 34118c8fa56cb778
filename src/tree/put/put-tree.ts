/** Stores a folder as a directory (specs/008-directories.md, "Rules: putting a folder"). */
import type { Totals } from '../../directory/directory.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import { moveIn } from '../../node/calls/names/put-result.ts'
import type {
  CallOptions,
  CommitTreeOptions,
  MovedFrom,
  NameKind,
  Node,
  NodeTrees,
} from '../../node/node.ts'
import { hashTree } from './hash-tree.ts'
import type { HashTreeOptions } from './hash-tree.ts'
import { TreeSender } from './tree-sender.ts'
import type { Sent } from './tree-sender.ts'

export interface PutTreeOptions extends HashTreeOptions {
  /** As in `CallOptions`. */
  readonly timeoutMs?: number | undefined
  /** Bind this write-once name in the same change: both happen, or neither. */
  readonly name?: string | undefined
  /** Of `name`, as in `PutOptions`. */
  readonly naming?: CommitTreeOptions['naming'] | undefined
}

/** The outcome of the put of a folder. `size` and `files` are those of all that is below it. */
export interface PutTreeResult extends Totals, Partial<MovedFrom> {
  readonly key: Key
  /** True if the directory existed, and nothing was sent. */
  readonly existed: boolean
  /** What was not there already. */
  readonly sent: Sent
}

/**
 * Stores a folder and all that is below it: the whole tree, or nothing. What was sent before a
 * failure stays under its hold for a day, so that a repeat sends only the rest. Errors: those of
 * `hashTree` and of a put; `changed` for a file that is not what it was when it was hashed.
 */
export async function putTree(
  node: Node,
  path: string,
  options: PutTreeOptions = {},
): Promise<PutTreeResult> {
  const { trees } = node
  const { name, naming, signal, timeoutMs, onTreeProgress, label = path } = options
  const calls = { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) }
  const tree = await hashTree(path, options)
  try {
    const { key, size, files } = tree.root
    if (name !== undefined) await checkFree(node, name, key, { ...calls, kind: naming?.kind })
    const hold = await trees.openHold(calls)
    const sender = new TreeSender({ node, trees, hold, tree, path, label, calls, onTreeProgress })
    await sender.send().catch((error: unknown) => {
      throw resumable(error)
    })
    const as = { ...(name && { name }), ...(naming && { naming }) }
    const { existed, ...put } = await commit(trees, hold, key, { ...calls, ...as })
    return { key, size, files, existed, ...moveIn(put), sent: sender.sent }
  } finally {
    tree.close()
  }
}

const RESUME = 'repeat the put to resume: what was sent is kept for a day'

/** The same fault with a hint how to go on, if it has none and the same call may succeed later. */
function resumable(error: unknown): DstoreError {
  const fault = asDstoreError(error)
  const { code, message, hint, cause, kind } = fault
  if (hint !== undefined || !kind.retry) return fault
  return new DstoreError(code, message, { cause, hint: RESUME })
}

/** Refuses a name that cannot be bound to this key before anything is sent. */
async function checkFree(
  { index }: Node,
  name: string,
  key: Key,
  { kind = 'fixed', ...calls }: CallOptions & { readonly kind?: NameKind | undefined },
): Promise<void> {
  const bound = await index.lookup(name, { ...calls, fresh: true })
  if (bound === undefined || bound.key.equals(key)) return
  if (kind === 'tag' && bound.kind === 'tag') return
  throw new DstoreError('conflict', `the name ${name} is bound to ${bound.key.toString()}`)
}

/** A name that is taken stays taken: then nothing of what was sent will be wanted. */
async function commit(
  trees: NodeTrees,
  hold: string,
  key: Key,
  options: CommitTreeOptions,
): ReturnType<NodeTrees['commitTree']> {
  try {
    return await trees.commitTree(hold, key, options)
  } catch (error) {
    if (asDstoreError(error).code === 'conflict') {
      await trees.releaseHold(hold).catch(() => undefined)
    }
    throw error
  }
}
