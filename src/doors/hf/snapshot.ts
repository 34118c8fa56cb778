/** One revision of a repository as the handlers serve it: files and folders by path. */
import type { DoorCall } from '../../daemon/http/doors/door.ts'

export interface HfFile {
  readonly type: 'file'
  /** From the root of the repository, with slashes. */
  readonly path: string
  readonly size: number
  /** 40 hex digits that stand for its bytes: git's id of the blob, or the first of the key's. */
  readonly oid: string
  /** Without quotes; the client names its cached copy after it. Of a stored file: its key. */
  readonly etag: string
  /** Of a stored file: by this an upstream's bytes are verified (R010-72). */
  readonly key?: string | undefined
  /** Of a file that the upstream keeps by Git LFS. */
  readonly lfs?: { readonly sha256: string; readonly pointerSize: number }
}

export interface HfFolder {
  readonly type: 'folder'
  readonly path: string
  readonly oid: string
}

export type HfEntry = HfFile | HfFolder

/** Where a walk begins, and how far it goes. */
export interface WalkOptions {
  /** Also what is in folders below. A folder comes before what is in it. */
  readonly recursive: boolean
  /** Only what comes after the entry with this path in the order of the walk. */
  readonly after?: string | undefined
}

/** A revision of a repository. It does not change: a moved revision is another snapshot. */
export interface Snapshot {
  /** 40 hex digits: what the client calls this revision from then on. */
  readonly commit: string
  /** ISO 8601; undefined if it is not known. */
  readonly modifiedAt?: string | undefined
  /** The entry with this path; undefined if there is none. The empty path is the root, a folder. */
  at(path: string): Promise<HfEntry | undefined>
  /**
   * The entries of a folder, in an order that is the same each time. It reads no further than its
   * caller does. Nothing comes for a path that is no folder.
   */
  walk(folder: string, options: WalkOptions): AsyncIterable<HfEntry>
  /**
   * Responds to a GET with the bytes of a file, or the range that the request asks for. The headers
   * `X-Repo-Commit` and `Content-Type` are set already, `If-None-Match` is answered.
   */
  send(call: DoorCall, file: HfFile): Promise<void>
}
