/**
 * The records of an open store and what brings changes into them: journal, overlay, flusher
 * (specs/005-storage.md, "Rules: commits").
 */
import type { DstoreError } from '../../../errors.ts'
import { Appender } from '../../../journal/appender.ts'
import { nextEpoch, readEnd } from '../../../journal/beginning.ts'
import { SET_BYTES, WRITER_BYTES } from '../../../journal/entry.ts'
import { type FileJournal, openFileJournal } from '../../../journal/file/file-journal.ts'
import type { JournalFiles } from '../../../journal/file/files.ts'
import type { Journal } from '../../../journal/journal.ts'
import { JournalWriter } from '../../../journal/journal-writer.ts'
import {
  JOURNAL_ENTRY_BYTES,
  JOURNAL_FIRST_SEGMENT_BYTES,
  JOURNAL_SEGMENT_BYTES,
  OVERLAY_BYTES,
} from '../../../limits.ts'
import type { Platform } from '../../../platform.ts'
import type { HeldFiles } from '../../file/held-files.ts'
import type { StoreArchive } from '../archive.ts'
import { namingStore, recordsFault } from '../faults.ts'
import type { FreeSpace } from '../free-space.ts'
import type { Layout } from '../layout.ts'
import type { Database } from '../records/database.ts'
import { Flusher } from '../replica/flusher.ts'
import type { Overlay } from '../replica/overlay.ts'
import type { After } from './after.ts'
import { type CommitParts, Commits } from './commits.ts'
import { replay } from './replay.ts'

export interface ReplicaParts {
  readonly layout: Layout
  readonly database: Database
  readonly overlay: Overlay
  readonly held: HeldFiles
  readonly freeSpace: FreeSpace
  readonly reserveBytes: number
  readonly onFailed: ((fault: Error) => void) | undefined
  readonly archive: StoreArchive | undefined
  readonly journalFiles: JournalFiles
  readonly journalBytes: JournalBytes
  readonly random: (length: number) => Uint8Array
  readonly after: After
  readonly platform: Pick<Platform, 'flushesDrive'>
}

/** What a process may have in memory that the disk refuses to take into the records. */
const REPLAYED_BYTES = 2 * OVERLAY_BYTES + JOURNAL_ENTRY_BYTES

/** How long a closing store waits for a journal elsewhere. */
const ELSEWHERE_CLOSE_MS = 5_000

/** Sizes of the journal's segments, where they are not the usual ones. */
export interface JournalBytes {
  readonly segmentBytes?: number
  readonly firstSegmentBytes?: number
}

export class Replica {
  readonly overlay: Overlay
  readonly commits: Commits
  /** Of the epoch that this opening began: the first part of the locations that it gives. */
  readonly run: number
  readonly #flusher: Flusher
  readonly #journal: Journal
  readonly #writer: JournalWriter
  readonly #after: After
  #cancelGivingUp: (() => void) | undefined

  private constructor({ overlay, after }: ReplicaParts, opened: Opened) {
    this.#after = after
    this.overlay = overlay
    this.commits = opened.commits
    this.run = opened.run
    this.#flusher = opened.flusher
    this.#journal = opened.journal
    this.#writer = opened.writer
  }

  /**
   * Opens the journal, replays it, and begins an epoch. Errors: `integrity`, `incompatible`,
   * `no-space`, `unwritable`; of the archive `unreachable`.
   */
  static async open(parts: ReplicaParts): Promise<Replica> {
    const own = parts.archive?.isOnlyJournal === true ? undefined : await openOwn(parts)
    let flusher: Flusher | undefined
    try {
      const journal = (await parts.archive?.join(own)) ?? own!
      // What the journal of a set has is given up behind its snapshots.
      const trim = own === undefined ? NO_TRIM : (upto: number) => journal.trim(upto)
      flusher = makeFlusher(parts, trim)
      const opened = await begin({ ...parts, own, journal, trim, flusher })
      return new Replica(parts, opened)
    } catch (error) {
      await flusher?.abandon()
      await own?.close()
      throw namingStore(error, parts.layout.root)
    }
  }

  /** The last entry of the journal. */
  get position(): number {
    return this.overlay.tally().position
  }

  /** Appends an entry without changes. */
  say(kind: 'heartbeat'): Promise<number> {
    return this.#writer.say(kind)
  }

  /** Writes all that was applied so far into the database. */
  flush(): Promise<void> {
    return this.#flusher.flush()
  }

  /**
   * Nothing more is asked for. Where the journal is elsewhere, what is still in doubt after a while
   * is given up: its callers learn that only the next opening knows.
   */
  closing(archive: StoreArchive | undefined): void {
    if (archive?.isOnlyJournal !== true) return
    this.#cancelGivingUp ??= this.#after(ELSEWHERE_CLOSE_MS, () => {
      this.commits.giveUp()
      void this.#writer.abandon()
    })
  }

  /**
   * Waits for what was asked for, says farewell and leaves the journal with little to replay. If
   * anything of this fails, the next opening replays what is left.
   */
  async close(archive: StoreArchive | undefined): Promise<void> {
    this.closing(archive)
    await this.commits.settled()
    await this.#writer.say('farewell').catch(() => undefined)
    await this.#writer.close()
    this.#cancelGivingUp?.()
    await archive?.close().catch(() => undefined)
    await this.#flusher.close().catch(() => undefined)
    await this.#journal.close()
  }
}

interface Opened {
  readonly commits: Commits
  readonly run: number
  readonly flusher: Flusher
  readonly journal: Journal
  readonly writer: JournalWriter
}

/** The segment in use is held, and the one before no longer. */
async function openOwn(parts: ReplicaParts): Promise<FileJournal> {
  const { layout, held, journalFiles, journalBytes, random, platform } = parts
  let segment: string | undefined
  const onSegment = async (path: string): Promise<void> => {
    await held.addOpened(path)
    if (segment !== undefined) held.remove(segment)
    segment = path
  }
  const directory = layout.journal
  // So that a segment fits into what is kept free for removals.
  const most = Math.min(JOURNAL_SEGMENT_BYTES, Math.floor(parts.reserveBytes / 4))
  const segmentBytes = Math.max(JOURNAL_FIRST_SEGMENT_BYTES, most)
  const journal = await openFileJournal(
    { directory, segmentBytes, ...journalBytes, onSegment },
    { files: journalFiles, random, platform },
  )
  try {
    await held.addOpened(directory)
    return journal
  } catch (error) {
    await journal.close()
    throw error
  }
}

/** Gives up what the journal has up to this position. */
type Trim = (upto: number) => Promise<void>

const NO_TRIM: Trim = () => Promise.resolve()

/** A journal that takes no room of this disk. */
const ELSEWHERE: CommitParts['journal'] = {
  hasRoom: () => true,
  makeRoom: () => Promise.resolve(),
}

interface BeginParts extends ReplicaParts {
  /** Undefined where the archive's journal is the only one. */
  readonly own: FileJournal | undefined
  readonly journal: Journal
  readonly trim: Trim
  readonly flusher: Flusher
}

async function begin(parts: BeginParts): Promise<Opened> {
  const { own, journal, trim, flusher, overlay, archive, random, after } = parts
  await replay(journal, overlay, async () => {
    flusher.onApplied()
    // The last process had as much in its memory, if the disk refused it then as now.
    if (overlay.bytes < REPLAYED_BYTES) await flusher.admit(false)?.catch(() => undefined)
    else await flusher.admit(false)
  })
  const settle = async (): Promise<void> => {
    await flusher.flush()
    await trim(flusher.flushed)
    // Nothing is lost where LMDB refuses that: what follows finds the room that there is.
    await flusher.reuse().catch(() => undefined)
  }
  const commits = new Commits({ ...parts, journal: own ?? ELSEWHERE, settle })
  await archive?.begins?.()
  const end = await readEnd(journal)
  archive?.mayBegin?.(end)
  const start = nextEpoch(end, {
    newSet: Uint8Array.from(random(SET_BYTES)),
    writer: Uint8Array.from(random(WRITER_BYTES)),
    leastEpoch: Math.max(overlay.tally().run + 1, archive?.leastEpoch ?? 1),
  })
  const writer = new JournalWriter({
    journal,
    appender: new Appender(start),
    sleep: (ms) => new Promise((resolve) => void after(ms, resolve)),
    onAppended: (...entry) => commits.onAppended(...entry),
    ...(archive?.groupBytes !== undefined && { groupBytes: archive.groupBytes }),
  })
  commits.writer = writer
  // Locations of this run are given once this is durable.
  await writer.say('begin').catch(async (fault: DstoreError) => {
    if (fault.code !== 'no-space' || writer.fault !== undefined) throw fault
    // On a full disk the journal needs a file of its own that is used up.
    await settle()
    await writer.say('begin')
  })
  archive?.begun?.((kind) => writer.say(kind))
  commits.checkCompared()
  return { commits, run: start.epoch, flusher, journal, writer }
}

function makeFlusher(parts: ReplicaParts, trim: Trim): Flusher {
  const { overlay, database, after, held, freeSpace, onFailed } = parts
  let isFailing = false
  return new Flusher({
    overlay,
    database,
    after,
    onFlushed: (position) => {
      isFailing = false
      // What can't be given up now is given up after the next flush.
      void trim(position).catch(() => undefined)
    },
    faultOf: (cause, bytes) =>
      recordsFault(cause, bytes, freeSpace, (error, doing) => held.faultOf(error, doing)),
    // It is tried again and again: one line says it.
    onFailed: (fault) => {
      if (!isFailing) onFailed?.(fault)
      isFailing = true
    },
  })
}
