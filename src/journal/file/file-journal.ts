/** A journal in preallocated files (specs/009-journal.md, "Files"). */
import { randomBytes } from 'node:crypto'
import { unzeroed } from '../../bytes.ts'
import { meansNoFile } from '../../errno.ts'
import { DstoreError } from '../../errors.ts'
import {
  JOURNAL_BATCH_BYTES,
  JOURNAL_BLOCK_BYTES,
  JOURNAL_FIRST_SEGMENT_BYTES,
  JOURNAL_SEGMENT_BYTES,
} from '../../limits.ts'
import { PLATFORM } from '../../platform.ts'
import { BEFORE_FIRST } from '../chain.ts'
import { entryDigest } from '../digest.ts'
import { Following, type Readable } from '../following.ts'
import {
  AppendError,
  type Extent,
  type Followed,
  beyondEnd,
  checkEntry,
  checkPosition,
  closedError,
} from '../journal.ts'
import { damaged, faultOf } from './faults.ts'
import { type JournalFile, nodeJournalFiles, readFull, writeAll } from './files.ts'
import { SALT_BYTES, encodeHead } from './head.ts'
import { type Opened, openSegments } from './opening.ts'
import type { FileJournal, FileJournalComponents, FileJournalOptions } from './options.ts'
import { entriesIn, recordBytes, recordHead, writeRecord } from './record.ts'
import type { Place, Segment, Segments } from './segments.ts'
import type { Spares } from './spares.ts'

export type { FileJournal, FileJournalComponents, FileJournalOptions } from './options.ts'

/** Errors: `integrity`, `incompatible`, `no-space`, `unwritable`. */
export async function openFileJournal(
  options: FileJournalOptions,
  {
    files = nodeJournalFiles,
    random = randomBytes,
    platform = PLATFORM,
  }: FileJournalComponents = {},
): Promise<FileJournal> {
  try {
    const { directory, start = BEFORE_FIRST, readOnly = false } = options
    const opened = await openSegments(files, directory, { start, readOnly })
    return new OpenFileJournal(options, { files, random, platform }, opened)
  } catch (error) {
    throw faultOf(error, `open the journal in ${options.directory}`)
  }
}

const NOTHING = { segment: { bytes: 0 }, offset: 0 }

/** Memory that is kept for the records of small entries. */
const SCRATCH_BYTES = 256 * 1024

class OpenFileJournal implements FileJournal, Readable {
  readonly #options: FileJournalOptions
  readonly #parts: Required<FileJournalComponents>
  readonly #segments: Segments
  readonly #spares: Spares
  readonly #following = new Following(this)
  readonly #scratch = unzeroed(SCRATCH_BYTES)
  #first: number
  #digest: Uint8Array
  /** The segment that is written, and where it goes on; none before the first append. */
  #writing: { readonly segment: Segment; readonly file: JournalFile; offset: number } | undefined
  #nextBytes: number
  /** Appends, one after another. */
  #appends: Promise<unknown> = Promise.resolve()
  #frees: Promise<unknown> = Promise.resolve()
  #broken: AppendError | undefined
  #closing: Promise<void> | undefined

  constructor(
    options: FileJournalOptions,
    parts: Required<FileJournalComponents>,
    { segments, spares, digest }: Opened,
  ) {
    this.#options = options
    this.#parts = parts
    this.#segments = segments
    this.#spares = spares
    this.#first = segments.first
    this.#digest = digest
    const { firstSegmentBytes = JOURNAL_FIRST_SEGMENT_BYTES } = options
    this.#nextBytes = Math.max(
      firstSegmentBytes,
      Math.min(segments.newest?.bytes ?? 0, this.#mostBytes),
    )
  }

  get last(): number {
    return this.#segments.last
  }

  hasRoom(bytes: number, left: 0 | 1): boolean {
    const { segment, offset } = this.#writing ?? NOTHING
    const { count } = this.#spares
    return count > left || (count === left && offset + bytes <= segment.bytes)
  }

  async makeRoom(): Promise<void> {
    await this.#spares.fill(this.#nextBytes).catch((error: unknown) => {
      throw faultOf(error, 'make room for the journal')
    })
  }

  get #mostBytes(): number {
    return this.#options.segmentBytes ?? JOURNAL_SEGMENT_BYTES
  }

  checkOpen(): void {
    if (this.#closing !== undefined) throw closedError()
    if (this.#broken !== undefined) throw this.#broken
  }

  async append(after: number, entry: Uint8Array): Promise<'ok' | 'taken'> {
    checkPosition('after', after)
    checkEntry(entry)
    this.checkOpen()
    if (this.#options.readOnly === true) throw new AppendError('not-appended', readOnlyError())
    const appended = this.#appends.then(() => this.#append(after, entry))
    this.#appends = appended.catch(() => undefined)
    return appended
  }

  async extent(): Promise<Extent> {
    this.checkOpen()
    return { first: this.#first, last: this.last }
  }

  async at(position: number): Promise<Uint8Array | 'gone' | undefined> {
    checkPosition('position', position, 1)
    this.checkOpen()
    if (position > this.last) return undefined
    const read = await this.#read(position, 0)
    return read === 'gone' ? read : read[0]
  }

  follow(after: number, signal: AbortSignal): AsyncIterable<Followed> {
    checkPosition('after', after)
    return this.#following.follow(after, signal)
  }

  read(after: number): Promise<Followed> {
    return this.#read(after + 1, JOURNAL_BATCH_BYTES)
  }

  async trim(upto: number): Promise<void> {
    checkPosition('upto', upto)
    this.checkOpen()
    if (this.#options.readOnly === true) throw readOnlyError()
    this.#first = Math.max(this.#first, Math.min(upto, this.last - 1) + 1)
    const freed = this.#frees.then(() => this.#free())
    this.#frees = freed.catch(() => undefined)
    await freed.catch((error: unknown) => {
      throw faultOf(error, 'trim the journal')
    })
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #append(after: number, entry: Uint8Array): Promise<'ok' | 'taken'> {
    if (this.#broken !== undefined) throw this.#broken
    if (after < this.last) return 'taken'
    if (after > this.last) throw beyondEnd(after, this.last)
    const bytes = recordBytes(entry.byteLength)
    const writing = this.#writing
    if (writing === undefined || writing.offset + bytes > writing.segment.bytes) {
      await this.#nextSegment(bytes)
    }
    const { segment, file, offset } = this.#writing!
    const record = bytes <= SCRATCH_BYTES ? this.#scratch.subarray(0, bytes) : unzeroed(bytes)
    writeRecord(record, entry, { position: after + 1, salt: segment.salt, offset })
    try {
      await this.#write(file, record, offset)
    } catch (error) {
      throw await this.#afterFailure(faultOf(error, 'append to the journal'))
    }
    this.#writing!.offset += bytes
    segment.offsets.push(offset)
    this.#digest = entryDigest(entry)
    this.#following.wake()
    return 'ok'
  }

  /** Durable when it resolves. */
  async #write(file: JournalFile, bytes: Uint8Array, offset: number): Promise<void> {
    await writeAll(file, bytes, offset)
    if (!this.#parts.platform.flushesDrive) await file.sync()
  }

  /** What the failed write left is unknown: a new segment makes it void. */
  async #afterFailure(fault: DstoreError): Promise<AppendError> {
    await this.#leaveSegment()
    try {
      await this.#nextSegment(0)
    } catch {
      // The next opening may find the entry or not.
      this.#broken ??= new AppendError('ended', fault)
      this.#following.wake()
      return this.#broken
    }
    return new AppendError('not-appended', fault)
  }

  async #leaveSegment(): Promise<void> {
    const file = this.#writing?.file
    this.#writing = undefined
    await file?.close().catch(() => undefined)
  }

  /**
   * Begins a segment after the last entry that was acknowledged. Throws an `AppendError`; after one
   * that says `ended` the journal is broken.
   */
  async #nextSegment(recordBytes: number): Promise<void> {
    const isFull = this.#writing !== undefined
    if (isFull) this.#nextBytes = Math.min(2 * this.#writing!.segment.bytes, this.#mostBytes)
    const { files, random } = this.#parts
    const doing = 'begin a segment of the journal'
    let spare
    let file: JournalFile | undefined
    const { number: before = 0 } = this.#segments.newest ?? {}
    const chained = { number: before + 1, after: this.last, chain: this.#digest }
    let head
    try {
      spare = await this.#spares.take(JOURNAL_BLOCK_BYTES + recordBytes, this.#nextBytes)
      head = { ...chained, bytes: spare.bytes, salt: Uint8Array.from(random(SALT_BYTES)) }
      file = await files.openDurable(spare.path)
      await this.#write(file, encodeHead(head), 0)
    } catch (error) {
      await file?.close().catch(() => undefined)
      if (spare !== undefined) await files.remove(spare.path).catch(() => undefined)
      throw new AppendError('not-appended', faultOf(error, doing))
    }
    try {
      const segment = this.#segments.add(head)
      await files.rename(spare.path, segment.path)
      await files.syncDirectory(this.#options.directory)
      await this.#options.onSegment?.(segment.path)
      await this.#leaveSegment()
      this.#writing = { segment, file, offset: JOURNAL_BLOCK_BYTES }
    } catch (error) {
      await file.close().catch(() => undefined)
      this.#broken = new AppendError('ended', faultOf(error, doing))
      this.#following.wake()
      throw this.#broken
    }
    this.#spares.prepare(this.#nextBytes)
  }

  /** The entry at this position, and those that follow it within this many bytes. */
  async #read(position: number, mostBytes: number): Promise<Followed> {
    const place = position < this.#first ? undefined : this.#segments.placeOf(position)
    if (place === undefined) return 'gone'
    try {
      const batch = await this.#readPlace(position, place, mostBytes)
      if (batch !== undefined) return batch
    } catch (error) {
      if (position < this.#first && meansNoFile(error)) return 'gone'
      throw faultOf(error, 'read the journal')
    }
    // The file may have another use by now.
    if (position < this.#first) return 'gone'
    throw damaged(place.segment.path, `entry ${position} is not what was written`)
  }

  /** Undefined where one of them is not what was written. */
  async #readPlace(
    position: number,
    { segment, offsets }: Place,
    mostBytes: number,
  ): Promise<Uint8Array[] | undefined> {
    const start = offsets[0]!
    const file = await this.#parts.files.open(segment.path)
    try {
      const head = unzeroed(JOURNAL_BLOCK_BYTES)
      if ((await readFull(file, head, start)) < head.byteLength) return undefined
      const first = recordHead(head, segment.salt)
      if (first === undefined || start + recordBytes(first.length) > segment.bytes) return undefined
      const next = offsets.findLast((offset) => offset - start <= mostBytes)!
      const end = next === start ? start + recordBytes(first.length) : next
      const bytes = unzeroed(end - start)
      if ((await readFull(file, bytes, start)) < bytes.byteLength) return undefined
      return entriesIn(bytes, { position, start, salt: segment.salt })
    } finally {
      await file.close()
    }
  }

  /** Gives up segments whose entries are all trimmed, one after another, durably. */
  async #free(): Promise<void> {
    const { files } = this.#parts
    for (;;) {
      const oldest = this.#segments.oldestBefore(this.#first)
      if (oldest === undefined) return
      const { path, bytes } = oldest
      // A small one is better than none.
      const isWanted = bytes >= this.#nextBytes || this.#spares.count === 0
      const isUsable = bytes <= this.#mostBytes && isWanted
      const spare = { path: this.#spares.nextPath(), bytes }
      if (isUsable) await files.rename(path, spare.path)
      else await files.remove(path)
      this.#segments.dropOldest()
      // Before it is written, and before a later one goes.
      await files.syncDirectory(this.#options.directory)
      if (isUsable) await this.#spares.add(spare)
    }
  }

  async #close(): Promise<void> {
    this.#following.wake()
    await this.#appends
    await this.#frees
    await this.#spares.settled()
    await this.#leaveSegment()
  }
}

const readOnlyError = (): DstoreError =>
  new DstoreError('unwritable', 'the journal is open for reading only')
