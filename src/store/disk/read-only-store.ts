/**
 * A store on disk that no node serves, opened for reading: nothing in it is changed
 * (specs/005-storage.md, "Rules: inactive stores").
 */
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { Location, RecordKey, Row, ScanOptions, Store, Table } from '../store.ts'
import { faultOf, namingStore } from './faults.ts'
import { nodeFiles } from './files.ts'
import { refuseReplica } from './follower/mark.ts'
import type { Layout } from './layout.ts'
import type { Database } from './records/database.ts'
import type { StoredValue } from './records/file-row.ts'
import { layoutIn } from './earlier-layout.ts'
import { openForReading } from './recovery.ts'
import { replay } from './commit/replay.ts'
import { openFileJournal } from '../../journal/file/file-journal.ts'
import { Overlay } from './replica/overlay.ts'
import { ValueReaders, bytesOf, outboardOf } from './value-reader.ts'

/** What is in a store. */
export interface StoreContents {
  readonly values: number
  /** Bytes of the values. */
  readonly valueBytes: number
  readonly names: number
}

/** The part of a store that reads. */
export class ReadOnlyStore implements Pick<Store, 'rows' | 'scan' | 'read' | 'outboard'> {
  /** Counted once, at the opening. */
  readonly contents: StoreContents
  readonly #database: Database
  /** With what only the journal has so far. */
  readonly #overlay: Overlay
  readonly #readers: ValueReaders
  #isClosed = false

  private constructor(database: Database, overlay: Overlay, layout: Layout) {
    const { values, valueBytes } = overlay.tally()
    this.contents = { values, valueBytes, names: overlay.count('names') }
    this.#database = database
    this.#overlay = overlay
    this.#readers = new ValueReaders(nodeFiles, layout)
  }

  /**
   * Opens the store in a state directory; undefined if it has none. The caller must hold the lock
   * of the directory. Errors: `incompatible`, `integrity`, `unreadable`; `conflict` for a replica
   * of a set; each names the directory.
   */
  static async open(directory: string): Promise<ReadOnlyStore | undefined> {
    let database: Database | undefined
    try {
      const layout = await layoutIn(nodeFiles, directory)
      // What it lacks is in the journal of the set, and so are its values.
      await refuseReplica(nodeFiles, layout)
      database = await openForReading(nodeFiles, layout)
      if (database === undefined) return undefined
      const overlay = new Overlay(database)
      const journal = await openFileJournal({ directory: layout.journal, readOnly: true })
      try {
        await replay(journal, overlay)
      } catch (error) {
        throw namingStore(error, layout.root)
      } finally {
        await journal.close()
      }
      return new ReadOnlyStore(database, overlay, layout)
    } catch (error) {
      await database?.close()
      throw faultOf(error, `read the store in ${directory}`)
    }
  }

  async rows(keys: readonly RecordKey[]): Promise<readonly (Row | undefined)[]> {
    this.#checkOpen()
    return keys.map((key) => this.#overlay.row(key))
  }

  async scan(table: Table, options: ScanOptions): Promise<readonly Row[]> {
    this.#checkOpen()
    return this.#overlay.rows(table, options)
  }

  /** As `Store.read`: the bytes are not verified. */
  async *read(
    location: Location,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    yield* bytesOf(this.#readers, location, this.#value(location), range, signal)
  }

  async outboard(location: Location, range?: ByteRange): Promise<Uint8Array> {
    return outboardOf(this.#readers, this.#overlay, location, this.#value(location), range)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#readers.endAll(CLOSED)
    await this.#database.close()
  }

  #value(location: Location): StoredValue {
    this.#checkOpen()
    const value = this.#overlay.value(location)
    if (value === undefined || this.#overlay.isDamaged(location)) {
      throw new DstoreError('integrity', 'the value is damaged on disk')
    }
    return value
  }

  #checkOpen(): void {
    if (this.#isClosed) throw CLOSED
  }
}

const CLOSED = new DstoreError('unreachable', 'the store is closed')
