/**
 * A store that only follows: it applies the entries of others to its records, and opens nothing
 * else (specs/005-storage.md, "A follower"). A set's standby has one until it takes over; then the
 * follower is closed, and the store is opened.
 */
import { Chain, type ChainPosition } from '../../../journal/chain.ts'
import { PLATFORM } from '../../../platform.ts'

import { type After, systemAfter } from '../commit/after.ts'
import { faultOf } from '../faults.ts'
import { type Files, nodeFiles } from '../files.ts'
import { Layout } from '../layout.ts'
import type { Database } from '../records/database.ts'
import { openDatabase, prepare } from '../recovery.ts'
import { applyBody } from '../replica/apply.ts'
import { Flusher } from '../replica/flusher.ts'
import { Overlay } from '../replica/overlay.ts'
import { markReplica } from './mark.ts'

export interface Follower {
  /** Of the last entry that was applied. */
  readonly position: ChainPosition

  /**
   * Applies entries that follow `position`. The caller knows that they are acknowledged. Waits
   * while the records are far behind. Errors: `integrity` where the chain parts; faults of the disk.
   */
  apply(entries: readonly Uint8Array[]): Promise<void>

  /** As `ArchiveSource.copyRecords`. */
  copyRecords(directory: string): Promise<ChainPosition>

  /** Takes what was applied into the records, durably, and closes them. */
  close(): Promise<void>
}

export interface FollowerOptions {
  /** Where the store is, or is to be. */
  readonly directory: string
  readonly onFailed?: (fault: Error) => void
}

export interface FollowerComponents {
  readonly files?: Files
  readonly after?: After
}

/** Errors: those of an opening of the store. */
export async function openFollower(
  { directory, onFailed }: FollowerOptions,
  { files = nodeFiles, after = systemAfter }: FollowerComponents = {},
): Promise<Follower> {
  const layout = new Layout(directory)
  try {
    await prepare(files, layout)
    await markReplica(files, layout)
    const database = await openDatabase(files, layout, PLATFORM)
    return new OpenFollower(database, after, onFailed)
  } catch (error) {
    throw faultOf(error, `open the records in ${directory}`)
  }
}

class OpenFollower implements Follower {
  readonly #database: Database
  readonly #overlay: Overlay
  readonly #flusher: Flusher
  readonly #chain: Chain

  constructor(database: Database, after: After, onFailed?: (fault: Error) => void) {
    this.#database = database
    const overlay = (this.#overlay = new Overlay(database))
    this.#chain = new Chain(overlay.position)
    this.#flusher = new Flusher({
      overlay,
      database,
      after,
      onFlushed: () => undefined,
      faultOf: (cause) => Promise.resolve(faultOf(cause, 'take changes into the records')),
      ...(onFailed && { onFailed }),
    })
  }

  get position(): ChainPosition {
    return this.#overlay.position
  }

  async apply(entries: readonly Uint8Array[]): Promise<void> {
    for (const bytes of entries) {
      const { head, body } = this.#chain.accept(bytes)
      applyBody(this.#overlay, head.epoch, body)
      this.#overlay.advance(this.#chain)
      this.#flusher.onApplied()
      for (let room; (room = this.#flusher.admit(true)) !== undefined;) await room
    }
  }

  async copyRecords(directory: string): Promise<ChainPosition> {
    await this.#flusher.flush()
    return this.#database.copyTo(directory)
  }

  async close(): Promise<void> {
    // What the disk refuses, the next opening reads from the journal again.
    await this.#flusher.close().catch(() => undefined)
    await this.#database.close()
  }
}
