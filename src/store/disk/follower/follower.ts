/**
 * A store that only follows: it applies the entries of others to its records, and opens nothing
 * else (specs/005-storage.md, "Rules: replicas of a set"). A set's standby has one until it takes
 * over; then the follower is closed, and the store is opened.
 */
import { Chain, type ChainPosition } from '../../../journal/chain.ts'
import { PLATFORM, type Platform } from '../../../platform.ts'
import type { Location, Row, ScanOptions, Table } from '../../store.ts'
import { type After, systemAfter } from '../commit/after.ts'
import { NamedFiles } from '../commit/archive-source.ts'
import { accepted } from '../commit/replay.ts'
import { faultOf, recordsFault } from '../faults.ts'
import { type Files, nodeFiles } from '../files.ts'
import { FreeSpace } from '../free-space.ts'
import { Layout } from '../layout.ts'
import type { Database } from '../records/database.ts'
import { type RowsDigest, rowsDigest } from './rows-digest.ts'
import { openDatabase, prepare } from '../recovery.ts'
import { applyBody } from '../replica/apply.ts'
import { Flusher } from '../replica/flusher.ts'
import { Overlay } from '../replica/overlay.ts'

export interface Follower {
  /** Of the last entry that was applied. */
  readonly position: ChainPosition

  /**
   * Applies entries that follow `position`, one call at a time. The caller knows that they are
   * acknowledged. Waits while the records are far behind. Errors: a `MismatchError` where the chain
   * parts, with those before applied; faults of the disk.
   */
  apply(entries: readonly Uint8Array[]): Promise<void>

  /** As `ArchiveSource.copyRecords`. */
  copyRecords(directory: string): Promise<ChainPosition>

  /** As `ArchiveSource.rowsDigest`: between two calls of `apply`, that of `position`. */
  rowsDigest(signal?: AbortSignal): Promise<RowsDigest>

  /** As `Store.scan`, of what was applied; at once. */
  rows(table: Table, options: ScanOptions): readonly Row[]

  /** Is this file named by a record? */
  isNamed(file: Location): boolean

  /**
   * Takes what was applied into the records, durably, and closes them. What the disk refuses is
   * reported by `onFailed`: the journal has it.
   */
  close(): Promise<void>
}

export interface FollowerOptions {
  /** Where the store is, or is to be. */
  readonly directory: string
  /** Called for each attempt to write the records that the disk refuses. */
  readonly onFailed?: (fault: Error) => void
}

export interface FollowerComponents {
  readonly files?: Files
  readonly after?: After
  readonly platform?: Pick<Platform, 'flushesDrive'>
  /** Wraps the opened database. */
  readonly database?: (opened: Database) => Database
}

/** Errors: those of an opening of the store; `conflict` for a store that is no replica. */
export async function openFollower(
  { directory, onFailed }: FollowerOptions,
  {
    files = nodeFiles,
    after = systemAfter,
    platform = PLATFORM,
    database: wrap = (opened) => opened,
  }: FollowerComponents = {},
): Promise<Follower> {
  const layout = new Layout(directory)
  let opened: Database | undefined
  try {
    await prepare(files, layout, true)
    opened = await openDatabase(files, layout, platform)
    return new OpenFollower({ layout, files, database: wrap(opened), after, onFailed })
  } catch (error) {
    await opened?.close()
    throw faultOf(error, `open the records in ${directory}`)
  }
}

interface FollowerParts {
  readonly layout: Layout
  readonly files: Files
  readonly database: Database
  readonly after: After
  readonly onFailed: ((fault: Error) => void) | undefined
}

class OpenFollower implements Follower {
  readonly #database: Database
  readonly #overlay: Overlay
  readonly #flusher: Flusher
  readonly #chain: Chain
  readonly #named: NamedFiles
  /** Why an entry was applied in part: none of it may be written. */
  #fault: Error | undefined

  constructor({ layout, files, database, after, onFailed }: FollowerParts) {
    this.#database = database
    const overlay = (this.#overlay = new Overlay(database))
    this.#chain = new Chain(overlay.position)
    this.#named = new NamedFiles(overlay, overlay.tally().run)
    const freeSpace = new FreeSpace({
      files,
      path: layout.root,
      database,
      reserveBytes: 0,
      now: () => performance.now(),
      unwritten: () => overlay.bytes,
    })
    this.#flusher = new Flusher({
      overlay,
      database,
      after,
      onFlushed: () => undefined,
      faultOf: (cause, bytes) => recordsFault(cause, bytes, freeSpace, faultOf),
      ...(onFailed && { onFailed }),
    })
  }

  get position(): ChainPosition {
    return this.#overlay.position
  }

  async apply(entries: readonly Uint8Array[]): Promise<void> {
    for (const bytes of entries) {
      if (this.#fault !== undefined) throw this.#fault
      this.#apply(bytes)
      for (let room; (room = this.#flusher.admit(true)) !== undefined;) await room
    }
  }

  async copyRecords(directory: string): Promise<ChainPosition> {
    await this.#flusher.flush()
    return this.#database.copyTo(directory)
  }

  async rowsDigest(signal?: AbortSignal): Promise<RowsDigest> {
    await this.#flusher.flush()
    return rowsDigest(this.#database, signal)
  }

  rows(table: Table, options: ScanOptions): readonly Row[] {
    return this.#overlay.rows(table, options)
  }

  isNamed(file: Location): boolean {
    return this.#named.isNamed(file)
  }

  async close(): Promise<void> {
    await (this.#fault === undefined ? this.#flusher.close() : this.#flusher.abandon()).catch(
      () => undefined,
    )
    await this.#database.close()
  }

  #apply(bytes: Uint8Array): void {
    const { head, body } = accepted(this.#chain, bytes)
    try {
      applyBody(this.#overlay, head.epoch, body)
    } catch (error) {
      this.#fault = faultOf(error, 'apply an entry of the journal')
      // At once: a timer may be about to write it.
      void this.#flusher.abandon()
      throw this.#fault
    }
    this.#overlay.advance(this.#chain)
    this.#flusher.onApplied()
  }
}
