/**
 * What a node does for the processes of its machine, whichever role it has. The daemon serves this over HTTP; a
 * program may hold it directly. Global and Local implement it.
 */
import type { Key } from '../hash/key.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import type { MemberRole } from '../membership/role.ts'
import type { RefusalCounts } from '../membership/refusal.ts'

/** Bytes to store: a stream of known or unknown length, or a file that the node itself opens. */
export type ValueSource =
  | { readonly bytes: AsyncIterable<Uint8Array>; readonly size?: number }
  | { /** Absolute. */ readonly path: string }

/** How far a call has come, in bytes of the value. */
export interface Progress {
  readonly phase: 'hash' | 'store' | 'fetch'
  readonly doneBytes: number
  readonly totalBytes: number | undefined
}

/** What any call can be told. */
export interface CallOptions {
  /** Ends the call with `cancelled`. */
  readonly signal?: AbortSignal
  /** Give up with `timeout` after this long without progress, in milliseconds. */
  readonly timeoutMs?: number
  /** Called as bytes of values move, if they do. */
  readonly onProgress?: (progress: Progress) => void
}

/** What a put can be told besides. */
export interface PutOptions extends CallOptions {
  /** Bind this write-once name in the same change: both are done, or neither. */
  readonly name?: string
}

/** What a removal can be told. `timeoutMs` is the whole time that it waits for Locals. */
export interface RemoveOptions extends CallOptions {
  /** Remove a value although it has names: they go with it. */
  readonly force?: boolean
}

/** The same, of a name. */
export interface UnbindOptions extends CallOptions {
  /** Leave the value, even if this was its last name. */
  readonly keepValue?: boolean
}

/** What was stored. */
export interface PutResult {
  readonly key: Key
  readonly size: number
  /** The value was there already: nothing was uploaded. */
  readonly existed: boolean
}

/** A range as a caller may ask for it, before the size is known; ends are exclusive, as in `ByteRange`. */
export type RangeRequest =
  | { readonly start: number; /** Beyond the value means its end. */ readonly end?: number }
  | { readonly last: number }

/** What a get can be told besides. */
export interface GetOptions extends CallOptions {
  /** Default: the whole value. */
  readonly range?: RangeRequest
}

/** A value that exists, and its bytes on demand. Nothing is fetched before the first is asked for. */
export interface ReadableValue {
  readonly key: Key
  readonly size: number
  /** What of it `bytes` gives: the requested range, cut to the value. */
  readonly range: ByteRange
  /**
   * Verified bytes in order, the caller's to read and not to change. To be read once; leaving the loop early ends the
   * work behind it. A piece that is lent (`isLent`) is good until the next one is asked for, or the loop is left.
   */
  readonly bytes: AsyncIterable<Uint8Array>
}

/** What is known of a value. */
export interface ValueFacts {
  readonly key: Key
  readonly size: number
  /** The seq of the put that made the key exist. */
  readonly incarnation: number
  /** How much of it this node holds in its own cache or store, in bytes. */
  readonly heldBytes: number
  /** Its names, as far as they are known here. */
  readonly names: readonly string[]
  /** Peer ids of Locals that hold it, whole or in part, and serve it to others, as far as is known: it changes quickly. */
  readonly holders: readonly string[]
  /** Was this answered by, or as, Global? False when only this Local's cache could be asked. */
  readonly confirmed: boolean
}

/** What a name stands for. */
export interface BoundName {
  readonly name: string
  readonly key: Key
  readonly size: number
  /** The seq of the change that bound it. */
  readonly incarnation: number
  /** How much of the value this node held when it was asked: a look-up may bring the value along, in bytes. */
  readonly heldBytes: number
  /** Was this answered by, or as, Global? False when only this Local's memory could be asked. */
  readonly confirmed: boolean
}

/** What became of a removal. It is complete, and promise 4 holds, where `owed` is empty; else `partial`. */
export interface Acknowledgement {
  /** Position of the removal in the order of changes. */
  readonly seq: number
  /** Bytes of the value that were freed at Global. */
  readonly freedBytes: number
  /** Names that are bound no more. */
  readonly names: readonly string[]
  /** Peer ids of the Locals that have let go of it. */
  readonly acknowledged: readonly string[]
  /** Peer ids of the Locals that may still hold it: each lets go before it serves anything once it is back. */
  readonly owed: readonly string[]
  /** Peer ids of the Locals whose lease ran out: they hold it and serve nothing. */
  readonly expired: readonly string[]
}

/** The same, of a value. */
export interface RemoveResult extends Acknowledgement {
  readonly key: Key
}

/** The same, of a name. */
export interface UnbindResult extends Acknowledgement {
  readonly name: string
  /** The key whose value went with its last name. */
  readonly key: Key | undefined
}

/** What a ticket is to be good for. */
export interface InviteOptions extends CallOptions {
  /** What whoever shows it may do. Default: `writer`. */
  readonly role?: MemberRole
  /** How many peers it is good for. Default: 1. */
  readonly uses?: number
  /** For how long it is good, in milliseconds. Default: a day. */
  readonly validMs?: number
}

/** A ticket, and what it is good for. */
export interface Invitation {
  /** Secret: whoever has it can become a member. */
  readonly ticket: string
  readonly role: MemberRole
  readonly uses: number
  readonly expiresAt: string
}

/** A member, or who was one not long ago. */
export interface MemberEntry {
  /** Peer id. */
  readonly peer: string
  /** Undefined where it was expelled. */
  readonly role: MemberRole | undefined
  readonly state: 'connected' | 'away' | 'expelled'
  /** When it became a member in this role, or was expelled. */
  readonly since: string
}

/** What became of an expulsion: `acknowledged` are the nodes that have cut the connections to the peer. */
export interface ExpelResult extends Acknowledgement {
  /** Peer id of who is no longer a member. */
  readonly peer: string
}

/** One change of the index, in order. */
export interface ChangeEvent {
  /** Where a watcher stands who has seen it: for `after`. */
  readonly position: string
  readonly seq: number
  /** `lost`: there were changes that are not told any more; look at everything anew. */
  readonly type:
    'run-started' | 'put' | 'bind' | 'unbind' | 'remove' | 'invite' | 'admit' | 'expel' | 'lost'
  readonly key: Key | undefined
  /** Names that were bound, or are bound no more. */
  readonly names: readonly string[]
  readonly size: number | undefined
  /** Who was admitted or expelled: a peer id. */
  readonly peer?: string
  /** The role of who was invited or admitted. */
  readonly role?: MemberRole
}

/** Where to begin to watch, and how to end it. */
export interface WatchOptions {
  /** Ends it with `cancelled`. */
  readonly signal?: AbortSignal
  /** The `position` of the last change that was seen; only later ones come. From now on where undefined. */
  readonly after?: string
  /** Called once, when every change after this position is sure to come. */
  readonly onStart?: (position: string) => void
}

/** What a verification can be told. */
export interface VerifyOptions {
  readonly signal?: AbortSignal
  /** Fetch what is damaged from a Local that holds it. */
  readonly repair?: boolean
}

/** What a verification tells: any number of the first two, then `done`. */
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
      /** It is whole again; a Local has let go of it, and fetches it when it is wanted. */
      readonly repaired: boolean
    }
  | {
      readonly type: 'done'
      readonly values: number
      readonly doneBytes: number
      readonly damaged: number
    }

/** Both layers in one process; the canonical index and the durable copy; a cache of them. */
export type Role = 'standalone' | 'global' | 'local'

/** What a Local holds in memory, and how its reads went since it was started. */
export interface CacheStatus {
  readonly usedBytes: number
  readonly budgetBytes: number
  readonly values: number
  readonly hits: number
  readonly misses: number
  readonly evictions: number
}

/** Bytes of values that came from a peer and went to it since this node was started, proofs included. */
export interface PeerTraffic {
  /** Its peer id. */
  readonly peer: string
  readonly valueBytesIn: number
  readonly valueBytesOut: number
  /** How often it gave what is not true, or broke the protocol. */
  readonly lies: number
}

/** A Local in Global's register. */
export interface RegisteredLocal {
  readonly peer: string
  readonly connected: boolean
  /** The last change that it has acknowledged. */
  readonly seq: number
}

/** What a node is and does. Times are ISO 8601, peers are peer ids. */
export interface NodeStatus {
  readonly role: Role
  readonly version: string
  readonly startedAt: string
  /** Undefined where there is no network: a standalone node. */
  readonly peerId: string | undefined
  readonly listen: readonly string[]
  /** Where it stands in the order of changes: as Global with the last durable one, as Local with the last applied. */
  readonly position: string | undefined
  /** The lease that Global grants its Locals, in milliseconds; undefined where there is none. */
  readonly leaseMs: number | undefined
  /**
   * Of a Local: its Global, and whether it is there. `doubtful`: the link stands, but nothing was heard for so long
   * that reads ask first.
   */
  readonly global:
    | {
        readonly address: string
        readonly state: 'connected' | 'doubtful' | 'away'
        /** Since when it is connected, or away. */
        readonly since: string
        /** Undefined before it was ever connected. */
        readonly lastHeard: string | undefined
        /** How long its last answer to a greeting or a ping took, in milliseconds. */
        readonly roundTripMs: number | undefined
        /** Why it is away. */
        readonly error?: string | undefined
      }
    | undefined
  /** Locals connected to this Global. */
  readonly locals: readonly string[]
  /** Every Local that removals wait for, connected or not. */
  readonly registered: readonly RegisteredLocal[]
  /** How many peers this node knows to be members; undefined where there is no network. */
  readonly members: number | undefined
  /** How often peers were refused since the start, and why; undefined where there is no network. */
  readonly refused: RefusalCounts | undefined
  readonly store:
    | {
        readonly kind: 'memory' | 'disk'
        readonly durable: boolean
        readonly values: number
        readonly valueBytes: number
        /** What still fits: the least of the bound and the disk, in bytes. Undefined where neither says. */
        readonly headroomBytes: number | undefined
        /** Values that are known to be damaged: not served. */
        readonly damaged: number
        /** Bytes of puts that broke off and can be gone on with. */
        readonly unfinishedBytes: number
        readonly seq: number
      }
    | undefined
  readonly cache: CacheStatus | undefined
  readonly traffic: readonly PeerTraffic[]
}

/** Faults are `DstoreError`s with the codes of specs/000-conventions.md. */
export interface Node {
  readonly role: Role

  /** Store a value; it is as safe as the store can make it when this resolves. */
  put(source: ValueSource, options?: PutOptions): Promise<PutResult>

  /** Store values of at most `INLINE_VALUE_BYTES` each, as many as fit in few messages; results in the same order. */
  putMany(values: readonly Uint8Array[], options?: CallOptions): Promise<PutResult[]>

  /** Find a value: `not-found`, `range`, `unreachable`, `timeout`. Its bytes may fail with `integrity`, `removed`. */
  get(key: Key, options?: GetOptions): Promise<ReadableValue>

  /** Facts about a value, or undefined where there is none. `unreachable` where nobody can say. */
  stat(key: Key, options?: CallOptions): Promise<ValueFacts | undefined>

  /** The same for many keys, in few messages; answers in the same order. `unreachable` where nobody can say. */
  statMany(keys: readonly Key[], options?: CallOptions): Promise<(ValueFacts | undefined)[]>

  /** Every key that exists, in bytewise order of digests. */
  keys(options?: CallOptions): AsyncIterable<{ readonly key: Key; readonly size: number }>

  /**
   * Remove a value everywhere; `not-found` where there is none, `conflict` where it has names and `force` is not set.
   * Resolves when every Local has let go of it, or after `timeoutMs`: see `owed`. Asking again waits again.
   */
  remove(key: Key, options?: RemoveOptions): Promise<RemoveResult>

  /** What a name stands for; undefined where it is not bound. Errors: `usage`, `unreachable`. */
  lookup(name: string, options?: CallOptions): Promise<BoundName | undefined>

  /** Bind a name to a key, for good. Errors: `usage`, `not-found`, `conflict` where it is bound to another. */
  bind(name: string, key: Key, options?: CallOptions): Promise<BoundName>

  /** Unbind a name; its value goes with its last name, if it was never put without one. Otherwise as `remove`. */
  unbind(name: string, options?: UnbindOptions): Promise<UnbindResult>

  /** Every name that begins with `prefix`, in bytewise order of UTF-8. */
  names(
    prefix?: string,
    options?: CallOptions,
  ): AsyncIterable<{ readonly name: string; readonly key: Key }>

  /** Every change from a position on, as it happens, until the caller leaves. Errors: `usage`, `unreachable`. */
  watch(options?: WatchOptions): AsyncIterable<ChangeEvent>

  /** Make a ticket. Errors: `usage` on a standalone node, `not-permitted`, `busy`, `unreachable`. */
  invite(options?: InviteOptions): Promise<Invitation>

  /** Every member, and those that were expelled not long ago, by peer id. Errors as for `invite`. */
  members(options?: CallOptions): AsyncIterable<MemberEntry>

  /** Let a peer be a member, or give it another role. Errors as for `invite`. */
  admit(peer: string, role: MemberRole, options?: CallOptions): Promise<void>

  /**
   * Let a member be one no more: resolves when every Local has cut its connections to it, or after `timeoutMs`, as
   * `remove` does. Errors as for `invite`, and `not-found`.
   */
  expel(peer: string, options?: CallOptions): Promise<ExpelResult>

  /** Bring the whole value into this node's cache. */
  prefetch(key: Key, options?: CallOptions): Promise<void>

  /** Drop a value from this node's cache alone; the bytes that were freed. */
  evict(key: Key): Promise<number>

  /** Read back everything that this node keeps, against its keys; what is damaged is not served from then on. */
  verify(options?: VerifyOptions): AsyncIterable<Verification>

  status(): Promise<NodeStatus>

  /** Finish or fail what is in progress, and let go of everything. */
  close(): Promise<void>
}
