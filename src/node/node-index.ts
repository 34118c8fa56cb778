/**
 * The calls of a node that concern the index: which values exist, their names, and the order of
 * changes.
 */
import type { Key } from '../hash/key.ts'
import type { MemberRole } from '../membership/role.ts'
import type { CallOptions } from './call-options.ts'
import type {
  CommonPrefix,
  LevelOptions,
  ListedName,
  NameUsage,
  NamesOptions,
  StoreUse,
} from './node-lists.ts'

/** Options of a removal. `timeoutMs` bounds the whole time that it waits for Locals. */
export interface RemoveOptions extends CallOptions {
  /** Remove a value that has names, and its names with it. */
  readonly force?: boolean
}

/** Options of an unbinding. `timeoutMs` as in `RemoveOptions`. */
export interface UnbindOptions extends CallOptions {
  /** Keep the value, even if this was its last name. */
  readonly keepValue?: boolean
  /** As in `BindOptions`: a writer unbinds tags, and no fixed name. Error: `not-permitted`. */
  readonly asWriter?: boolean
}

/** Options of a call for the facts of one value. */
export interface StatOptions extends CallOptions {
  /** Only names that begin with this: of a key that has many, the facts list some. */
  readonly namesBelow?: string
}

/** Facts about a value. */
export interface ValueFacts {
  readonly key: Key
  /** Bytes. */
  readonly size: number
  /** The seq of the put that made the key exist. */
  readonly incarnation: number
  /** How many bytes of it this node holds in its own cache or store. */
  readonly heldBytes: number
  /** Some of its names, as far as this node knows them. */
  readonly names: readonly string[]
  /**
   * Peer ids of Locals that hold some or all of it and serve it to others; a hint that ages
   * quickly.
   */
  readonly holders: readonly string[]
  /** True if Global answered; false if only this Local's cache could. */
  readonly confirmed: boolean
  /** Number of directories that hold it; undefined where Global did not answer. */
  readonly heldBy?: number
  /** Only of a directory: a key of kind `directory`, whose children are counted. */
  readonly directory?: DirectoryFacts
}

/** Totals of all that is below a directory. */
export interface DirectoryFacts {
  /** Bytes of all files. */
  readonly totalSize: number
  /** Number of files. */
  readonly files: number
  /**
   * Some value somewhere in the store is held by a directory and missing, as after a removal by
   * force: it may be one of this tree.
   */
  readonly mayLack: boolean
}

/** A fixed name is bound once; a tag can be moved. The first binding decides. */
export type NameKind = 'fixed' | 'tag'

/** Options of a binding. */
export interface BindOptions extends CallOptions {
  /** Default: `fixed`. A name that is bound keeps its kind: `conflict` for the other. */
  readonly kind?: NameKind
  /**
   * Unbind the name after this time, in milliseconds. Default: never. The first binding sets it; a
   * writer may put it off, only an admin may bring it forward or add one.
   */
  readonly expiresMs?: number
  /** Of a tag: how long the replaced target is kept where nothing else holds it. */
  readonly keepMs?: number
  /** Do no more than a writer may, though this node may: for a caller of that role (006). */
  readonly asWriter?: boolean
}

/** How the name of a put is bound: what `BindOptions` says of a binding. */
export type NamingOptions = Omit<BindOptions, keyof CallOptions>

/** One target of a tag. */
export interface TagTarget {
  readonly key: Key
  /** When the tag was moved to it; ISO 8601. Undefined where an earlier version bound it. */
  readonly at: string | undefined
}

/** The outcome of the move of a tag. */
export interface TagResult {
  readonly name: string
  readonly key: Key
  /** What it pointed to before; undefined if it was not bound, or to the same key. */
  readonly previous: Key | undefined
  /** Until when that is kept, if nothing else holds it; ISO 8601. */
  readonly previousKeptUntil: string | undefined
  /** Peer ids of Locals that were not heard for 3 s: they may show the old target until then. */
  readonly silent: readonly string[]
}

/** A name and the value that it is bound to. */
export interface BoundName {
  readonly name: string
  /** Undefined where a Global of an earlier version answered. */
  readonly kind?: NameKind
  /** ISO 8601. */
  readonly boundAt?: string
  /** ISO 8601; undefined: never. */
  readonly expiresAt?: string
  readonly key: Key
  /** Bytes. */
  readonly size: number
  /** The seq of the change that bound it. */
  readonly incarnation: number
  /**
   * How many bytes of the value this node held before the look-up, which may bring the value along.
   */
  readonly heldBytes: number
  /** True if Global answered, or feeds this Local's memory; false if Global is away. */
  readonly confirmed: boolean
}

/**
 * The outcome of a removal. If `owed` is empty it is complete, and promise 4 holds; else it is
 * `partial`.
 */
export interface Acknowledgement {
  /** Position of the removal in the order of changes. */
  readonly seq: number
  /** Bytes freed at Global. */
  readonly freedBytes: number
  /** Names that the removal unbound. */
  readonly names: readonly string[]
  /** Peer ids of the Locals that dropped the value. */
  readonly acknowledged: readonly string[]
  /**
   * Peer ids of the Locals that may still hold it; each drops it before it serves anything again.
   */
  readonly owed: readonly string[]
  /** Peer ids of the Locals whose lease expired: they may hold it, and serve nothing. */
  readonly expired: readonly string[]
  /** Only of a directory. */
  readonly tree?: RemovedTree
}

/** How far the removal of a directory and of what it held has come. */
export interface RemovedTree {
  /** Values that were removed, the directory among them. */
  readonly removed: number
  /** At most so many are removed in the end: what something else holds stays. */
  readonly most: number
  /** All are removed. Else it goes on, and a repeated call waits again. */
  readonly complete: boolean
}

/** The outcome of the removal of a value. */
export interface RemoveResult extends Acknowledgement {
  readonly key: Key
}

/** The outcome of an unbinding. */
export interface UnbindResult extends Acknowledgement {
  readonly name: string
  /** The key whose value went with its last name. */
  readonly key: Key | undefined
}

/** Options of a look-up. */
export interface LookupOptions extends CallOptions {
  /** Ask Global, although this node remembers the name. */
  readonly fresh?: boolean
}

/** One change of the index, in order. */
export interface ChangeEvent {
  /** Pass it as `after` to continue behind this change. */
  readonly position: string
  readonly seq: number
  /** `lost`: Global no longer has the changes in between; read everything again. */
  readonly type:
    | 'run-started'
    | 'put'
    | 'bind'
    | 'rebind'
    | 'unbind'
    | 'remove'
    | 'invite'
    | 'admit'
    | 'expel'
    | 'lost'
  readonly key: Key | undefined
  /** Names that the change bound or unbound. */
  readonly names: readonly string[]
  readonly size: number | undefined
  /** Peer id of the member that was admitted or expelled. */
  readonly peer?: string
  /** The role that an invitation grants or a member received. */
  readonly role?: MemberRole
  /** What a tag was bound to before this change, a put or a rebind. */
  readonly previous?: Key
  /**
   * Why a name or a key went. `moved`: it was the replaced target of a tag, and its time was over;
   * `removed`: it was asked for.
   */
  readonly why?: 'expired' | 'rule' | 'moved' | 'removed'
}

/** Where a watch begins, and what ends it. */
export interface WatchOptions {
  /** Ends the watch with `cancelled`. */
  readonly signal?: AbortSignal
  /**
   * The `position` of the last change seen, or `start` for the oldest in the log. Default: only
   * changes from now on.
   */
  readonly after?: string
  /** Called once, when every change after this position is sure to come. */
  readonly onStart?: (position: string) => void
}

/**
 * The index calls of a node. Errors that any of them may give: `unreachable`, `timeout`,
 * `cancelled`, `not-permitted`, `busy`.
 */
export interface NodeIndex {
  /**
   * Facts about a value, or undefined if no such key exists. `unreachable` if neither Global nor
   * the cache knows.
   */
  stat(key: Key, options?: StatOptions): Promise<ValueFacts | undefined>

  /** `stat` of many keys in few messages; answers in the same order. */
  statMany(keys: readonly Key[], options?: CallOptions): Promise<(ValueFacts | undefined)[]>

  /** Every key that exists, with its size in bytes, in bytewise order of digests. */
  keys(options?: CallOptions): AsyncGenerator<{ readonly key: Key; readonly size: number }>

  /**
   * Remove a value everywhere. Resolves when every Local dropped it, or after `timeoutMs` with the
   * rest in `owed`; a repeated call waits again. Errors: `not-found`; `conflict` if it has names
   * and `force` is not set.
   */
  remove(key: Key, options?: RemoveOptions): Promise<RemoveResult>

  /** Look up a name; undefined if it is not bound. Errors: `usage`. */
  lookup(name: string, options?: LookupOptions): Promise<BoundName | undefined>

  /**
   * Bind a write-once name. Errors: `usage`, `not-found`; `conflict` if it is bound to another key.
   */
  bind(name: string, key: Key, options?: BindOptions): Promise<BoundName>

  /**
   * Moves a tag to a key, or binds it. Resolves when the change is durable; waits for no Local, but
   * this node reads the new target from then on. Errors: `usage`, `not-found` for the key,
   * `conflict` if the name is fixed.
   */
  tag(name: string, key: Key, options?: BindOptions): Promise<TagResult>

  /** The last targets of a tag, the newest first. `not-found` if it is not bound. */
  tagHistory(name: string, options?: CallOptions): Promise<readonly TagTarget[]>

  /**
   * Unbind a name. Its value is removed with its last name, unless it was ever put without one.
   * Otherwise as `remove`.
   */
  unbind(name: string, options?: UnbindOptions): Promise<UnbindResult>

  /**
   * Every name that begins with `prefix`, in bytewise order of UTF-8, unless it has expired. Those
   * that spell digests come for a prefix below `mh/` only (specs/004, R004-168). Error: `usage`.
   */
  names(prefix?: string, options?: NamesOptions): AsyncGenerator<ListedName>

  /**
   * One level of names: those that begin with `prefix` and have no delimiter behind it, and the
   * common prefixes of all others up to their first delimiter, in one bytewise order. The index
   * steps over what is below a common prefix. Error: `usage`.
   */
  level(prefix?: string, options?: LevelOptions): AsyncGenerator<ListedName | CommonPrefix>

  /**
   * How many names each common prefix of a level has, in their order, if a delimiter is given, and
   * last of all that begin with `prefix`. Error: `usage`.
   */
  usage(
    prefix?: string,
    options?: Pick<LevelOptions, 'delimiter' | keyof CallOptions>,
  ): AsyncGenerator<NameUsage>

  /** What the store of Global has, and what it keeps without a name; reads every key. */
  contents(options?: CallOptions): Promise<StoreUse>

  /**
   * Every change after a position, as it happens, until the caller leaves the loop. Errors:
   * `usage`.
   */
  watch(options?: WatchOptions): AsyncGenerator<ChangeEvent, void, undefined>
}
