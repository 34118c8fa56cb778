/**
 * What a node does for the processes of its machine, in either role. The daemon serves it over
 * HTTP; a program may hold it directly. Global, Local and the client implement it. Faults are
 * `DstoreError`s with the codes of specs/000-conventions.md.
 */
import type { Key } from '../hash/key.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import type { CallOptions, PrefetchOptions } from './call-options.ts'
import type { MemberRole } from '../membership/role.ts'
import type { NodeActivity } from './activity/node-activity.ts'
import type { NodeKept } from './global/archive/node-kept.ts'
import type { NodeInactive } from './node-inactive.ts'
import type { NodeIndex } from './node-index.ts'
import type { NodeLists } from './node-lists.ts'
import type { NodeMembers } from './node-members.ts'
import type { NodePaths } from './node-paths.ts'
import type { NodePins } from './pins/node-pins.ts'
import type { NodeRules } from './node-rules.ts'
import type { NodeStatus, Role } from './node-status.ts'
import type {
  NamedValue,
  PutManyOptions,
  PutOptions,
  PutOutcome,
  PutResult,
  ValueSource,
} from './node-puts.ts'
import type { NodeTrees } from './node-trees.ts'

export type * from './call-options.ts'
export type * from './node-inactive.ts'
export type * from './node-index.ts'
export type * from './node-lists.ts'
export type * from './node-members.ts'
export type * from './node-paths.ts'
export type * from './pins/node-pins.ts'
export type * from './node-rules.ts'
export type * from './node-puts.ts'
export type * from './node-status.ts'
export type * from './node-trees.ts'

/**
 * A range that a caller may ask for before it knows the size; ends are exclusive, as in
 * `ByteRange`.
 */
export type RangeRequest =
  | { readonly start: number; /** Beyond the value means its end. */ readonly end?: number }
  | { readonly last: number }

/** Options of a get. */
export interface GetOptions extends CallOptions {
  /** Default: the whole value. */
  readonly range?: RangeRequest
}

/** An open file of a caller, empty, that a value is copied to. */
export interface CopyTarget {
  readonly fd: number
  /** What messages call it. */
  readonly name: string
  /** Called when more bytes were written. */
  wrote(count: number): void
  /** Writes bytes at this offset, over what may be there; counts what lies beyond all before. */
  rewrite(bytes: Uint8Array, at: number): Promise<void>
}

/**
 * A value that exists, and its bytes on demand. The node fetches nothing before the first is asked
 * for.
 */
export interface ReadableValue {
  readonly key: Key
  readonly size: number
  /** The part that `bytes` gives: the requested range, cut to the value. */
  readonly range: ByteRange
  /**
   * Verified bytes in order, to be read once and not changed. Each piece is valid until the next
   * one is requested, or the loop is left, which ends the work behind it.
   */
  readonly bytes: AsyncIterable<Uint8Array>
  /**
   * In place of `bytes`: writes them to a file, verified, by threads of the node. Resolves to false
   * if it wrote nothing, and `bytes` must be read. Missing where it would be no faster.
   */
  readonly copyTo?: (target: CopyTarget) => Promise<boolean>
}

/** A small value, whole and verified. */
export interface ImmediateValue {
  readonly key: Key
  /** Not to be changed. They stay as they are, whatever becomes of the value. */
  readonly bytes: Uint8Array
}

/** Options of a verification. */
export interface VerifyOptions {
  readonly signal?: AbortSignal
  /** Fetch damaged values from a Local that holds them. */
  readonly repair?: boolean
  /**
   * At Global: in place of reading all values, read the directories and count again what keeps each
   * key; wrong counts are corrected (specs/004-index.md, R004-111). `usage` at a Local.
   */
  readonly counts?: boolean
}

/** A number that the index had wrong. */
export interface Miscount {
  readonly key: Key
  /**
   * Of what: directories that hold the key; holds that keep it; 1 if it is missing; 1 if it exists,
   * though nothing keeps it.
   */
  readonly of: 'directories' | 'holds' | 'missing' | 'nothing'
  /** In the index. */
  readonly stated: number
  readonly counted: number
  /** False if a damaged directory leaves open whether the index is right. */
  readonly corrected: boolean
}

/** Events of a verification: any number of the first three, then `done`. */
export type Verification =
  | {
      readonly type: 'progress'
      readonly values: number
      readonly doneBytes: number
      readonly totalBytes: number
    }
  | {
      readonly type: 'damaged'
      readonly key: Key
      readonly size: number
      /**
       * True if the value is whole again. A Local drops it instead, and fetches it when it is
       * wanted.
       */
      readonly repaired: boolean
    }
  /** Only with `counts`. */
  | ({ readonly type: 'miscounted' } & Miscount)
  | {
      readonly type: 'done'
      /** With `counts`: directories, each as often as it was read. */
      readonly values: number
      readonly doneBytes: number
      readonly damaged: number
      /** Only with `counts`: numbers that were wrong. */
      readonly miscounted?: number
      /** Only with `counts`: numbers that kept changing while they were counted. */
      readonly unsettled?: number
    }

/** A node, in either role. */
export interface Node {
  readonly role: Role
  /** Which values exist, their names, removals and changes. */
  readonly index: NodeIndex
  /** Tickets and members. */
  readonly members: NodeMembers
  /** Lifecycle of names. */
  readonly rules: NodeRules
  /** Puts of directories. */
  readonly trees: NodeTrees
  /** Only at a Local whose state directory has a store of an earlier role. */
  readonly inactive?: NodeInactive | undefined
  /** Files of values. */
  readonly paths?: NodePaths | undefined
  /** Only at a Local. */
  readonly pins?: NodePins | undefined

  /** Store a value. It is as durable as the store can make it when this resolves. */
  put(source: ValueSource, options?: PutOptions): Promise<PutResult>

  /**
   * Store values of at most `INLINE_VALUE_BYTES` each in few messages; results in the same order.
   */
  putMany(values: readonly Uint8Array[], options?: PutManyOptions): Promise<PutResult[]>

  /**
   * Store small values under names in few messages; outcomes in the same order, each of its own.
   * Rejects where Global cannot be asked: some may then be stored, and a repeat does no harm.
   */
  putNamed(items: readonly NamedValue[], options?: CallOptions): Promise<PutOutcome[]>

  /**
   * Find a value. Errors: `not-found`, `range`, `unreachable`, `timeout`; reading its bytes may
   * fail with `integrity` or `removed`.
   */
  get(key: Key, options?: GetOptions): Promise<ReadableValue>

  /**
   * A value of at most `GROUP_BYTES` bytes by its printed key or a name, if `get` would give it
   * without waiting for anything; undefined means only that `get` has to answer. Never throws.
   */
  getImmediate?(keyOrName: string): ImmediateValue | undefined

  /** Fetch the whole value into this node's cache. */
  prefetch(key: Key, options?: PrefetchOptions): Promise<void>

  /** Evict a value from this node's cache; resolves to the bytes freed. */
  evict(key: Key): Promise<number>

  /**
   * Read back everything that this node keeps and verify it; damaged values are not served from
   * then on.
   */
  verify(options?: VerifyOptions): AsyncGenerator<Verification>

  status(): Promise<NodeStatus>

  /** Finish or fail what is in progress, and release all resources. */
  close(): Promise<void>
}

/** A node in this process, as the daemon serves it. */
export interface ServedNode extends Node {
  readonly index: NodeIndex & NodeLists
  /** Missing only while a member of a set stands by. */
  readonly activity?: NodeActivity | undefined
  /** The role of this node at its Global, if it has one that says so (R004-78). */
  readonly memberRole?: () => MemberRole | undefined
  /** Only of a node with an archive. */
  readonly kept?: NodeKept | undefined
  /**
   * The node will close once its calls have ended. What waits for a bucket that is away is given up
   * after a while from now on, so that such calls end. Missing where nothing waits so.
   */
  ending?(): void
}
