/**
 * The library: a program stores and fetches values with a node of its own (`createNode`) or through
 * the daemon of its machine (`connect`). Every failure is a `DstoreError`. `cli/dstore.ts` is the
 * command line.
 */
export { createNode } from './library/create-node.ts'
export { connect } from './library/connect.ts'
export { Key, parseKey } from './hash/key.ts'
export { createKeyHasher, keyOf } from './hash/key-hasher.ts'
export type { KeyHasher } from './hash/key-hasher.ts'
export { digestName } from './hash/foreign-digest.ts'
export type { DigestAlgorithm } from './hash/foreign-digest.ts'
export { ERRORS, DstoreError, isErrorCode } from './errors.ts'
export type {
  DirectoryCalls,
  EntriesOptions,
  GetDirectoryOptions,
  GetDirectoryResult,
  PutDirectoryOptions,
  PutDirectoryResult,
} from './library/directory-calls.ts'
export type * from './library/dstore.ts'
export type { PinCalls } from './library/pin-calls.ts'
export type { BindNameOptions, NameCalls, TagOptions } from './library/name-calls.ts'
export type { OpenPathOptions, OpenedPath, PathCalls } from './library/path-calls.ts'
export type { EntryFacts } from './tree/read/entries.ts'
export type {
  AnyNode,
  GlobalOptions,
  LocalOptions,
  NodeOptions,
  StandaloneOptions,
} from './library/create-node.ts'
export type { ConnectOptions } from './library/connect.ts'
export type { DstoreErrorOptions, ErrorCode, ErrorKind } from './errors.ts'
export type { ByteRange } from './hash/tree/tree.ts'
export type { MemberRole } from './membership/role.ts'
export type { Refusal, RefusalCounts } from './membership/refusal.ts'
export type { Log, LogFacts } from './log.ts'
export type {
  Acknowledgement,
  BindOptions,
  BoundName,
  CacheStatus,
  CallOptions,
  ChangeEvent,
  ClockStatus,
  CommonPrefix,
  DirectoryFacts,
  DropOptions,
  ExpelResult,
  GetOptions,
  GlobalStatus,
  InactiveStatus,
  InactiveUpload,
  Invitation,
  InviteOptions,
  LevelOptions,
  ListedName,
  MemberEntry,
  Miscount,
  NameKind,
  NameUsage,
  MovedFrom,
  NamesOptions,
  NamingOptions,
  NodeStatus,
  PeerTraffic,
  Pin,
  PinOptions,
  PinState,
  PinsStatus,
  PrefetchOptions,
  Progress,
  PutOptions,
  PutOutcome,
  PutResult,
  RangeRequest,
  RegisteredLocal,
  RemoveOptions,
  RemoveResult,
  RemovedTree,
  Role,
  RuleBounds,
  RuleState,
  StoreStatus,
  StoreUse,
  TagResult,
  TagTarget,
  UnbindOptions,
  UnbindResult,
  UploadSummary,
  ValueFacts,
  Verification,
  VerifyOptions,
  WatchOptions,
} from './node/node.ts'
