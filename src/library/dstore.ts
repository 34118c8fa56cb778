/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The calls of the library, the same for a node of the program's own (`createNode`) and for a
 * daemon's (`connect`).
 *
 * The key of a value is the hash of its bytes (specs/001). `keyOrName` is a `Key`, the text of one
 * in any spelling, or a bound name (specs/007, R007-36). Sizes are in bytes, times in milliseconds.
 * Failures outside the program are `DstoreError`s with a `code` (specs/000, "Errors"); mistakes of
 * the program are TypeErrors or RangeErrors that name the argument. Every call rejects with
 * `cancelled` when its `signal` is aborted, with `timeout` after `timeoutMs` without progress, and
 * with `unreachable` after `close`.
 */
import type { Key } from '../hash/key.ts'
import type { MemberRole } from '../membership/role.ts'
import type {
  BoundName,
  CallOptions,
  ChangeEvent,
  CommonPrefix,
  DropOptions,
  ExpelResult,
  GetOptions,
  InactiveStatus,
  InactiveUpload,
  Invitation,
  InviteOptions,
  LevelOptions,
  ListedName,
  MemberEntry,
  NameUsage,
  NamesOptions,
  NamingOptions,
  NodeStatus,
  PrefetchOptions,
  PutOptions,
  PutOutcome,
  PutResult,
  RemoveOptions,
  RemoveResult,
  Role,
  StoreUse,
  UnbindOptions,
  UnbindResult,
  ValueFacts,
  Verification,
  VerifyOptions,
  WatchOptions,
} from '../node/node.ts'
import type { DirectoryCalls } from './directory-calls.ts'
import type { BindNameOptions, NameCalls } from './name-calls.ts'
import type { Value } from './opened-value.ts'
import type { PathCalls } from './path-calls.ts'
import type { PinCalls } from './pin-calls.ts'

export type { Value } from './opened-value.ts'

/**
 * The bytes to store: a string (as UTF-8), bytes, a blob, a stream of bytes (such as the body of a
 * `Response`, a readable of Node's, or a generator), or a file by its path. A stream is read as
 * fast as it is stored, and is never held in memory as a whole.
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

/** A value, and the name that it gets in the same change. */
export interface NamedSource {
  readonly value: string | Uint8Array
  readonly name?: string
  /** Of `name`: whether it is a tag, and when it expires. */
  readonly naming?: NamingOptions
}

/** A node, in this process or behind a daemon. Close it after use. */
export interface Dstore extends DirectoryCalls, NameCalls, PathCalls, PinCalls {
  readonly role: Role

  /**
   * Store a value (specs/004 and 005). Resolves when the value is durable, unless
   * `status().store.kind` is `memory`. Equal bytes have the same key everywhere, and are not
   * uploaded again. `name` is bound in the same change; with the kind `tag` in `naming`, a bound
   * name moves. Errors: `conflict` (the name is bound to another value, or is of the other
   * kind), `usage` (an invalid name), `no-space`, `too-large`, `unreadable`, `unreachable`, and any
   * error that the source throws.
   * @example const { key } = await dstore.put('hello', { name: 'greeting' })
   */
  put(source: Source, options?: PutOptions): Promise<PutResult>

  /**
   * `put` of many values; small ones share messages and syncs. Results are in the same order.
   * @example const [first, second] = await dstore.putMany(['one', 'two'])
   */
  putMany(values: readonly (string | Uint8Array)[], options?: CallOptions): Promise<PutResult[]>

  /**
   * The same with names, which are bound in the same changes. Each put has an outcome of its own:
   * its result, or the error of it alone, as that of `put`. Rejects where Global cannot be asked
   * (`unreachable`): then some may have been stored. A repeat does no harm, but moves tags again.
   * @example await dstore.putMany([{ value: 'one', name: 'app/one' }])
   */
  putMany(
    values: readonly (string | Uint8Array | NamedSource)[],
    options?: CallOptions,
  ): Promise<PutOutcome[]>

  /**
   * Find a value. Nothing is fetched before it is read. Errors: `not-found`, `malformed-key`,
   * `malformed-range`, `range` (no byte of the range exists), `unreachable`.
   * @example const start = await dstore.get('greeting', { range: { start: 0, end: 4 } })
   */
  get(keyOrName: Key | string, options?: GetOptions): Promise<Value>

  /**
   * `get` of many keys and names, in the same order; undefined for each that does not exist. Up to
   * 64 are asked for ahead of the loop. A range that holds no byte of one of them is an error in
   * its turn, as every other failure is; the values that were not reached are released.
   * @example for await (const value of dstore.getMany([key, 'no/such'])) await value?.cancel()
   */
  getMany(
    keysOrNames: Iterable<Key | string>,
    options?: GetOptions,
  ): AsyncIterable<Value | undefined>

  /**
   * Whether a value exists. Errors: `malformed-key`; `unreachable` if neither Global nor the cache
   * knows.
   * @example if (await dstore.has('greeting')) console.log('it is there')
   */
  has(keyOrName: Key | string, options?: CallOptions): Promise<boolean>

  /**
   * `has` of many in few messages; answers are in the same order.
   * @example const [isFirst, isSecond] = await dstore.hasMany([key, 'greeting'])
   */
  hasMany(keysOrNames: readonly (Key | string)[], options?: CallOptions): Promise<boolean[]>

  /**
   * Facts about a value: size, names, holders; undefined if it does not exist. Errors as for `has`.
   * @example const size = (await dstore.stat('greeting'))?.size
   */
  stat(keyOrName: Key | string, options?: CallOptions): Promise<ValueFacts | undefined>

  /**
   * `stat` of many in few messages; answers are in the same order.
   * @example const [facts] = await dstore.statMany(['greeting'])
   */
  statMany(
    keysOrNames: readonly (Key | string)[],
    options?: CallOptions,
  ): Promise<(ValueFacts | undefined)[]>

  /**
   * Remove a value everywhere (specs/004). Resolves when every Local has dropped it, or after
   * `timeoutMs` with the others in `owed`; a repeated call waits again. Takes a key, never a name:
   * see `unbind`. Errors: `not-found`, `malformed-key`, `conflict` (it has names and `force` is not
   * set), `unreachable`.
   * @example const { owed } = await dstore.remove(key, { force: true, timeoutMs: 60_000 })
   */
  remove(key: Key | string, options?: RemoveOptions): Promise<RemoveResult>

  /**
   * The value that a name is bound to; undefined if it is not bound. Errors: `usage` (an invalid
   * name), `unreachable`.
   * @example const key = (await dstore.lookup('greeting'))?.key
   */
  lookup(name: string, options?: CallOptions): Promise<BoundName | undefined>

  /**
   * Bind a write-once name to a value; `tag` binds one that can be moved. Errors: `usage` (an
   * invalid name), `not-found`, `malformed-key`, `conflict` (it is bound to another value, or is a
   * tag), `unreachable`.
   * @example await dstore.bind('app/v1', key)
   */
  bind(name: string, keyOrName: Key | string, options?: BindNameOptions): Promise<BoundName>

  /**
   * Unbind a name. Its value is removed with its last name, unless it was ever put without one or
   * `keepValue` is set. Errors: `usage`, `not-found`, `unreachable`; otherwise as `remove`.
   * @example await dstore.unbind('greeting', { keepValue: true })
   */
  unbind(name: string, options?: UnbindOptions): Promise<UnbindResult>

  /**
   * Create a ticket, with which a node joins this Global (specs/006). Errors: `usage` (standalone),
   * `not-permitted`, `busy`, `unreachable`.
   * @example const { ticket } = await dstore.invite({ role: 'reader' })
   */
  invite(options?: InviteOptions): Promise<Invitation>

  /**
   * Every member, and those expelled not long ago, by peer id. Errors as for `invite`.
   * @example for await (const { peer, role } of dstore.members()) console.log(peer, role)
   */
  members(options?: CallOptions): AsyncIterable<MemberEntry>

  /**
   * Admit a peer, by peer id, or change the role of a member. Errors as for `invite`.
   * @example await dstore.admit(peer, 'reader')
   */
  admit(peer: string, role: MemberRole, options?: CallOptions): Promise<void>

  /**
   * Expel a member. Resolves when every Local has cut its connections to it, or after `timeoutMs`,
   * as `remove` does. Errors as for `invite`, and `not-found`.
   * @example const { owed } = await dstore.expel(peer)
   */
  expel(peer: string, options?: CallOptions): Promise<ExpelResult>

  /**
   * Every name that begins with `prefix`, in bytewise order of UTF-8; those that spell digests for
   * a prefix below `mh/` only (see `digestName`). Errors: `usage`, `unreachable`; `incompatible`
   * for a pattern, if Global is of an earlier version.
   * @example for await (const { name, key } of dstore.names('app/')) console.log(name, `${key}`)
   */
  names(prefix?: string, options?: NamesOptions): AsyncIterable<ListedName>

  /**
   * One level of names, as a folder has it: those that begin with `prefix` and have no delimiter
   * behind it, and the common prefixes of the others. Errors as for `names`.
   * @example for await (const entry of dstore.level('', { delimiter: '/' })) console.log(entry)
   */
  level(prefix?: string, options?: LevelOptions): AsyncIterable<ListedName | CommonPrefix>

  /**
   * Number and bytes of all names below each common prefix of a level, if a delimiter is given, and
   * last of all that begin with `prefix`. Errors as for `names`.
   * @example for await (const entry of dstore.usage('app/')) console.log(entry)
   */
  usage(
    prefix?: string,
    options?: Pick<LevelOptions, 'delimiter' | keyof CallOptions>,
  ): AsyncIterable<NameUsage>

  /**
   * What the store of Global has, and what it keeps without a name. Errors as for `names`.
   * @example console.log(await dstore.contents())
   */
  contents(options?: CallOptions): Promise<StoreUse>

  /**
   * Every key, and the size of its value in bytes, in bytewise order of digests. Error:
   * `unreachable`.
   * @example for await (const { key, size } of dstore.keys()) console.log(`${key}`, size)
   */
  keys(options?: CallOptions): AsyncIterable<{ readonly key: Key; readonly size: number }>

  /**
   * Every change of the index as it happens, until the program leaves the loop or aborts the
   * signal. Errors: `usage` (an invalid position), `unreachable`.
   * @example for await (const { type, names } of dstore.watch({ signal })) console.log(type, names)
   */
  watch(options?: WatchOptions): AsyncIterable<ChangeEvent>

  /**
   * Fetch a whole value into this node's cache. Errors as for `get`; `too-large` if it does not
   * fit. A later read may evict it: `pin` keeps it.
   * @example await dstore.prefetch('greeting')
   */
  prefetch(keyOrName: Key | string, options?: PrefetchOptions): Promise<void>

  /**
   * Evict a value from this node's cache only. Resolves to the bytes of memory that it freed.
   * @example const freedBytes = await dstore.evict('greeting')
   */
  evict(keyOrName: Key | string, options?: CallOptions): Promise<number>

  /**
   * Verify every value that this node keeps (specs/005). Reports damaged ones and no longer serves
   * them; `repair` fetches them again. With `counts`, at Global, it counts again what directories
   * hold instead, and corrects wrong counts (specs/004, R004-111).
   * @example for await (const found of dstore.verify()) console.log(found)
   */
  verify(options?: VerifyOptions): AsyncIterable<Verification>

  /**
   * At a Local: upload the store that its `dir` has from a time when its node was standalone or
   * Global, values and names. The last event, `done`, says what Global has of it. Repeating it
   * after a failure continues. Errors: `not-found` without such a store, `busy`, `no-space`,
   * `not-permitted`, `unreachable`, `timeout`.
   * @example for await (const event of dstore.uploadInactive()) console.log(event)
   */
  uploadInactive(options?: CallOptions): AsyncIterable<InactiveUpload>

  /**
   * At a Local: delete that store; resolves to what was in it. Errors: `conflict` unless Global has
   * every value and name of it now, or `force` is set; `not-found`, `busy`, `unreachable`.
   * @example await dstore.dropInactive({ force: true })
   */
  dropInactive(options?: DropOptions): Promise<InactiveStatus>

  /**
   * What the node is and does: role, addresses, connections, store, cache, traffic.
   * @example console.log((await dstore.status()).role)
   */
  status(options?: CallOptions): Promise<NodeStatus>

  /**
   * End what is in progress and release everything; a daemon keeps running. Repeating it has no
   * effect.
   * @example await dstore.close()
   */
  close(): Promise<void>

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}
