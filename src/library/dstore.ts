/// <reference lib="esnext.disposable" preserve="true" />
/**
 * What a program does with dstore, whether it holds a node itself (`createNode`) or talks to a daemon (`connect`).
 *
 * Values are named by their key, the hash of their bytes; a `word` is a `Key`, the text of one in any spelling, or a
 * name that is bound to one. Sizes are in bytes, times in milliseconds. What goes wrong outside the program is a
 * `DstoreError` with a `code` (specs/000-conventions.md, "Errors"); what the program does wrong is a `TypeError` or a
 * `RangeError` that names the argument. Every call rejects with `cancelled` once its `signal` is aborted, with
 * `timeout` after `timeoutMs` without progress, and with `unreachable` after `close`.
 */
import type { Key } from '../hash/key.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import type { MemberRole } from '../membership/role.ts'
import type {
  BoundName,
  CallOptions,
  ChangeEvent,
  ExpelResult,
  GetOptions,
  Invitation,
  InviteOptions,
  MemberEntry,
  NodeStatus,
  PutOptions,
  PutResult,
  RemoveOptions,
  RemoveResult,
  Role,
  UnbindOptions,
  UnbindResult,
  ValueFacts,
  Verification,
  VerifyOptions,
  WatchOptions,
} from '../node/node.ts'

/**
 * What can be stored: text (as UTF-8), bytes, a blob, any stream of bytes (the body of a `Response`, a readable of
 * Node's, a generator), or a file by its path. A stream is read no faster than it is stored, and never held as a whole.
 */
export type Source =
  | string
  | Uint8Array
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | {
      /** Relative to the working directory of this process. */
      readonly path: string
    }

/**
 * A value that was found, and its bytes: to be read once, in whichever of these ways, or let go of. Every byte is
 * verified before it is given. Reading may end with `integrity`, `removed`, `unreachable`, `timeout` or `cancelled`.
 */
export interface Value extends AsyncIterable<Uint8Array> {
  readonly key: Key
  /** Of the whole value, in bytes. */
  readonly size: number
  /** What of it is read here: all of it, or the range that was asked for. */
  readonly range: ByteRange
  /** All of the range at once: as much memory as that. */
  bytes(): Promise<Uint8Array>
  /** The same as text; what is not UTF-8 becomes U+FFFD. */
  text(): Promise<string>
  /** As a web stream: `new Response(value.stream())`. Cancelling it lets go of the value. */
  stream(): ReadableStream<Uint8Array>
  /** End the work behind it. Whoever neither reads a value nor aborts its signal calls this. */
  cancel(): Promise<void>
}

/** A node, as a program sees it. Close it when done. */
export interface Dstore {
  readonly role: Role

  /**
   * Store a value; resolves when it is durable, which with `store.kind` `memory` it never is. The same bytes have the same
   * key everywhere, and existing ones cost no upload. With `name`, that is bound in the same change. Errors: `conflict`
   * (the name stands for another value), `usage` (not a name), `no-space`, `too-large`, `unreadable`, `unreachable`;
   * what the source throws.
   */
  put(source: Source, options?: PutOptions): Promise<PutResult>

  /** Store many values; small ones share messages and syncs. Results in the same order. Errors as of `put`. */
  putMany(values: readonly (string | Uint8Array)[], options?: CallOptions): Promise<PutResult[]>

  /** Find a value. Errors: `not-found`, `malformed-key`, `malformed-range`, `range`, `unreachable`. */
  get(word: Key | string, options?: GetOptions): Promise<Value>

  /** Is it there? Errors: `malformed-key`; `unreachable` where nobody can say. */
  has(word: Key | string, options?: CallOptions): Promise<boolean>

  /** The same for many, in few messages, in the same order. */
  hasMany(words: readonly (Key | string)[], options?: CallOptions): Promise<boolean[]>

  /** Size, names, and how much is here; undefined where there is none. Errors as of `has`. */
  stat(word: Key | string, options?: CallOptions): Promise<ValueFacts | undefined>

  /** The same for many, in few messages, in the same order. */
  statMany(
    words: readonly (Key | string)[],
    options?: CallOptions,
  ): Promise<(ValueFacts | undefined)[]>

  /**
   * Remove a value everywhere. Resolves when every Local has let go of it, or, after `timeoutMs`, with those that have
   * not in `owed`; asked again, it waits again. It takes no name: that is `unbind`. Errors: `not-found`,
   * `malformed-key`, `conflict` (it has names; `force` takes them along), `unreachable`.
   */
  remove(key: Key | string, options?: RemoveOptions): Promise<RemoveResult>

  /** What a name stands for; undefined where it is not bound. Errors: `usage` (not a name), `unreachable`. */
  lookup(name: string, options?: CallOptions): Promise<BoundName | undefined>

  /** Bind a name to a value, for good. Errors: `usage`, `not-found`, `conflict` (it stands for another). */
  bind(name: string, word: Key | string, options?: CallOptions): Promise<BoundName>

  /** Make a ticket, for a node to join this Global. Errors: `usage` (standalone), `not-permitted`, `busy`, `unreachable`. */
  invite(options?: InviteOptions): Promise<Invitation>

  /** Every member, and those that were expelled not long ago. Errors as of `invite`. */
  members(options?: CallOptions): AsyncIterable<MemberEntry>

  /** Let a peer be a member, or give it another role. Errors as of `invite`. */
  admit(peer: string, role: MemberRole, options?: CallOptions): Promise<void>

  /** Let a member be one no more; answered as `remove`. Errors as of `invite`, and `not-found`. */
  expel(peer: string, options?: CallOptions): Promise<ExpelResult>

  /** Unbind a name. Its value goes with its last name, if it was never put without one; else as `remove`. */
  unbind(name: string, options?: UnbindOptions): Promise<UnbindResult>

  /** Every name that begins with `prefix`, with its key, in bytewise order of UTF-8. Error: `unreachable`. */
  names(
    prefix?: string,
    options?: CallOptions,
  ): AsyncIterable<{ readonly name: string; readonly key: Key }>

  /** Every key, with its value's size in bytes, in bytewise order of digests. Error: `unreachable`. */
  keys(options?: CallOptions): AsyncIterable<{ readonly key: Key; readonly size: number }>

  /** Every change of the index as it happens, until the loop is left or the signal aborted. Error: `unreachable`. */
  watch(options?: WatchOptions): AsyncIterable<ChangeEvent>

  /** Bring a whole value into this node's cache. Errors as of `get`; `too-large` where the cache has no room. */
  prefetch(word: Key | string, options?: CallOptions): Promise<void>

  /** Drop a value from this node's cache alone; the bytes of memory that were freed. */
  evict(word: Key | string, options?: CallOptions): Promise<number>

  /** Read back everything that this node keeps; what is damaged is told, and not served from then on. */
  verify(options?: VerifyOptions): AsyncIterable<Verification>

  /** What the node is and does. */
  status(options?: CallOptions): Promise<NodeStatus>

  /** End what is in progress and let go of everything; a daemon goes on. Calling it again does nothing. */
  close(): Promise<void>

  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}
