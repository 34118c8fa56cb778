/**
 * Objects in a bucket, as the store and its journal need them (specs/005-storage.md, "An archive").
 * Keys are relative to the place that the caller was given, such as `s3://BUCKET/PREFIX`.
 */
import type { ByteRange } from '../hash/tree/tree.ts'

/** An object in a list. */
export interface ListedObject {
  readonly key: string
  /** Bytes. */
  readonly size: number
}

/** A page of a list, in the bytewise order of the keys. */
export interface ObjectPage {
  readonly objects: readonly ListedObject[]
  /** More follow: ask again, after the last key. */
  readonly more: boolean
}

/** A part that was uploaded. */
export interface UploadedPart {
  /** From 1. */
  readonly number: number
  readonly tag: string
}

/** An upload in parts that was neither completed nor aborted. */
export interface UnfinishedUpload {
  readonly key: string
  readonly id: string
}

/** `exists`: an object was there already, and nothing was written. */
export type PutOutcome = 'written' | 'exists'

/**
 * Faults are `DstoreError`s: `unreachable` where there was no answer, so that a write is in doubt;
 * `not-permitted` where the bucket refuses the credentials; `no-space`, `not-found` (no bucket).
 * Every call retries a few times, within the signal's and its own time. After `close`, all fail
 * with `unreachable`.
 */
export interface ObjectStore {
  /** In messages: `s3://BUCKET/PREFIX`. */
  readonly place: string
  readonly requests: RequestCounts

  /** Writes an object; with `ifAbsent` only if there is none. `exists` may be a try of its own. */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<PutOutcome>

  /** The object or a range of it, cut at its end; undefined if there is none. */
  get(key: string, options?: GetOptions): Promise<Uint8Array | undefined>

  /** Bytes of an object; undefined if there is none. */
  size(key: string, signal?: AbortSignal): Promise<number | undefined>

  /** At most 1,000 objects whose key begins with `prefix`, after this key. */
  list(prefix: string, after?: string, signal?: AbortSignal): Promise<ObjectPage>

  /** Deletes objects, as many as given; does nothing for those that are missing. */
  remove(keys: readonly string[], signal?: AbortSignal): Promise<void>

  beginUpload(key: string, signal?: AbortSignal): Promise<string>
  uploadPart(
    upload: UnfinishedUpload,
    number: number,
    body: Uint8Array,
    signal?: AbortSignal,
  ): Promise<UploadedPart>
  /** Makes the parts one object, if there is none of the name. */
  completeUpload(
    upload: UnfinishedUpload,
    parts: readonly UploadedPart[],
    signal?: AbortSignal,
  ): Promise<PutOutcome>
  abortUpload(upload: UnfinishedUpload, signal?: AbortSignal): Promise<void>
  /** Unfinished uploads of keys that begin with `prefix`. */
  unfinished(prefix: string, signal?: AbortSignal): Promise<readonly UnfinishedUpload[]>

  close(): Promise<void>
}

export interface PutOptions {
  readonly ifAbsent?: boolean
  readonly signal?: AbortSignal
}

export interface GetOptions {
  readonly range?: ByteRange
  readonly signal?: AbortSignal
}

/** Requests since the opening, as a bucket bills them. */
export interface RequestCounts {
  /** PUT, POST, LIST. */
  readonly writes: number
  /** GET, HEAD. */
  readonly reads: number
  readonly deletes: number
  readonly failed: number
}
