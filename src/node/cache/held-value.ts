/** A value that a Local holds in a tier of its cache, whole or in part. */
import type { DstoreError } from '../../errors.ts'
import type { Bitfield } from '../../hash/tree/bitfield.ts'
import type { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { VerifiedRun } from '../../transfer/piece-stream.ts'
import type { ServedValue } from '../../transfer/serve.ts'

export interface HeldValue {
  readonly key: Key
  readonly size: number
  /** The seq of the put that made the key exist. */
  incarnation: number
  /** The last incarnation of which Global said that it is a directory. */
  directoryAt: number | undefined
  readonly isDirectory: boolean
  /** Unconfirmed by Global since a reset: must not be served. */
  isVoid: boolean
  /** Bytes of the value that take room. */
  readonly heldBytes: number
  /** The verified groups. */
  readonly held: Bitfield
  /** Aborted, with the reason, once the value was removed and must not be read. */
  readonly dropped: AbortSignal
  readonly isDropped: boolean
  readonly inUse: boolean
  /** Throws the reason once the value was removed. */
  checkNotRemoved(): void
  /** Protects it from eviction until the returned function is called. */
  use(): (stillReferenced?: boolean) => void
  /** Takes in what one source sends. */
  receive(): Receiver
  /** As it is served to peers and read back. */
  served(signal: AbortSignal, release: (stillReferenced: boolean) => void): ServedValue
  /** Ends every use with this reason: the value was removed. */
  drop(reason: DstoreError): void
}

/** Receives what one source sends of a value. */
export interface Receiver {
  /**
   * To be awaited before the first byte is asked for, where there is one: waits for a share of the
   * memory that all such receivers may take. Rejects with the signal's reason.
   */
  begin?(signal: AbortSignal): Promise<void>
  /** Memory for bytes within one segment. */
  readonly memoryFor: (range: ByteRange) => Uint8Array
  /** Keeps a verified run. The value holds it when this returns, or the promise resolves. */
  keep(run: VerifiedRun): Promise<void> | undefined
  /** The transfer is over. */
  end(): void
}

/** A tier of a Local's cache: values under one byte budget. */
export interface Tier<Value extends HeldValue> {
  /** The entry of a value, which becomes the most recently used. */
  get(key: Key): Value | undefined
  /** The entry of a value, without marking it as used. */
  peek(key: Key): Value | undefined
  /** Every entry, the least recently used first. */
  values(): Iterable<Value>
  /**
   * Takes room for a range of an entry, and for the ranges `wanted` of it. False if there is none,
   * even with every unused entry evicted.
   */
  claim(value: Value, range: ByteRange, wanted?: () => readonly ByteRange[]): boolean
  /** Charges an entry for what it holds only: its download is over. */
  settle(value: Value): void
  /** Evicts an entry; its readers may continue. Returns how many bytes of the value were held. */
  evict(key: Key): number
  /** Evicts an entry and ends every use of it, if `isConcerned`: its value was removed. */
  remove(key: Key, isConcerned?: (value: Value) => boolean): void
}
