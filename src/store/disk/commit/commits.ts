/**
 * Takes changes into the journal, and what is there into the records (specs/005-storage.md, "Rules:
 * commits"). Changes that come together share a write.
 */
import { DstoreError } from '../../../errors.ts'
import { decodeEntry } from '../../../journal/decode.ts'
import { entryDigest } from '../../../journal/digest.ts'
import type { Change, EntryBody } from '../../../journal/entry.ts'
import type { FileJournal } from '../../../journal/file/file-journal.ts'
import { AppendError } from '../../../journal/journal.ts'
import type { JournalWriter } from '../../../journal/journal-writer.ts'
import { JOURNAL_BLOCK_BYTES } from '../../../limits.ts'
import type { HeldFiles } from '../../file/held-files.ts'
import { diskFull, faultOf } from '../faults.ts'
import type { FreeSpace } from '../free-space.ts'
import { type Applied, applyBody, applyChange } from '../replica/apply.ts'
import type { Flusher } from '../replica/flusher.ts'
import type { Overlay } from '../replica/overlay.ts'
import type { Cost } from './cost.ts'

export interface CommitParts {
  readonly overlay: Overlay
  readonly flusher: Flusher
  readonly held: HeldFiles
  readonly freeSpace: FreeSpace
  readonly journal: Pick<FileJournal, 'hasRoom' | 'makeRoom'>
  /** Takes all changes so far into the records, and gives up what the journal has of them. */
  readonly settle: () => Promise<void>
  /** Called once for each call of the disk that it refuses. */
  readonly onFailed?: ((fault: Error) => void) | undefined
}

/** One change of a call. */
export interface Job {
  /** Undefined for a mistake, which is not appended. */
  readonly change: Change | undefined
  /** Says what comes of a mistake when its turn comes. */
  readonly decide?: () => Applied
  /** Called when it is durable and visible, before anything that was asked for later. */
  readonly onApplied?: (applied: Applied) => void
  /** Called instead where it has no effect; `unknown`: where only the next opening knows. */
  readonly onFailed?: (outcome: 'none' | 'unknown') => void
}

/** A change on its way. */
interface Pending {
  readonly job: Job
  applied: Applied | undefined
  /** Mistakes that were asked for after it, and before the next change. */
  after: (() => void)[] | undefined
}

const NONE: readonly never[] = []

/** What an entry takes beside its changes, generously. */
const HEAD_BYTES = 2 * JOURNAL_BLOCK_BYTES

export class Commits {
  readonly #parts: CommitParts
  #writer: JournalWriter | undefined
  readonly #pending = new Map<Change, Pending>()
  #last: Pending | undefined
  /** Calls that wait for room, one after another. */
  #waiting: Promise<void> | undefined
  /** What the comparison of the held files after the last entry found. */
  #compared: unknown
  /** Why nothing is appended or applied any more. */
  #end: DstoreError | undefined
  readonly #reported = new WeakSet<object>()

  constructor(parts: CommitParts) {
    this.#parts = parts
  }

  /** What it appends with: its `onAppended` must call that of this object. */
  set writer(writer: JournalWriter) {
    this.#writer = writer
  }

  /**
   * Appends changes in one entry, perhaps with others. Resolves with what came of each, when all
   * are durable and visible. Rejects with a fault: without any effect, or where the store ends,
   * with one that only the next opening knows.
   */
  async run(jobs: readonly Job[], cost: Cost): Promise<readonly Applied[]> {
    try {
      const room = this.#room(cost)
      if (room !== undefined) await room
      if (this.#end !== undefined) throw this.#end
    } catch (error) {
      for (const job of jobs) job.onFailed?.('none')
      throw error
    }
    const decided: Applied[] = []
    const changes: Pending[] = []
    let mistakes: Promise<void> | undefined
    jobs.forEach((job, i) => {
      if (job.change === undefined) {
        const wait = this.#afterLast(() => (decided[i] = job.decide!()))
        mistakes = wait ?? mistakes
        return
      }
      const pending: Pending = { job, applied: undefined, after: undefined }
      changes.push((this.#last = pending))
      this.#pending.set(job.change, pending)
    })
    if (changes.length > 0) await this.#append(changes)
    else await mistakes
    let at = 0
    return jobs.map(({ change }, i) =>
      change === undefined ? decided[i]! : changes[at++]!.applied!,
    )
  }

  /** Throws what the comparison of the held files after the last entry found. */
  checkCompared(): void {
    if (this.#compared !== undefined) throw this.#compared
  }

  /** Appends one change; a mistake is thrown. */
  async change(job: Job & { readonly change: Change }, cost: Cost): Promise<Applied> {
    const [applied] = await this.run([job], cost)
    if (applied!.mistake !== undefined) throw applied!.mistake
    return applied!
  }

  /**
   * Applies an entry that is durable. Never throws: if the records can't be read, the store ends.
   */
  onAppended(position: number, entry: Uint8Array, body: EntryBody): void {
    const { overlay, flusher, held } = this.#parts
    if (this.#end !== undefined) return
    try {
      if (body.kind === 'changes') for (const change of body.changes) this.#apply(change)
      else applyBody(overlay, decodeEntry(entry).head.epoch, body)
      overlay.advance({ position, digest: entryDigest(entry) })
      flusher.onApplied()
    } catch (error) {
      this.#endWith(faultOf(error, 'apply an entry of the journal'))
      return
    }
    // What is durable may be in a file that no longer is where the next opening looks for it.
    this.#compared = undefined
    try {
      held.check()
    } catch (fault) {
      this.#compared = fault
    }
  }

  /**
   * The store closes while its journal does not answer. Unlike other ends, this one says nothing of
   * the held files: the node may open the store again.
   */
  giveUp(): void {
    const message = 'the store was closed while its journal did not answer'
    this.#end ??= new DstoreError('unreachable', message, {
      hint: 'look whether the change was made before you repeat it',
    })
  }

  /** Resolves when all calls so far have their outcome. */
  async settled(): Promise<void> {
    while (this.#last !== undefined || this.#waiting !== undefined) {
      await (this.#waiting ?? this.#afterLast(() => undefined))
    }
  }

  #apply(change: Change): void {
    const applied = applyChange(this.#parts.overlay, change)
    const pending = this.#pending.get(change)
    if (pending === undefined) return
    pending.applied = applied
    pending.job.onApplied?.(applied)
    this.#over(pending)
  }

  /** Runs this when the outcome of every change so far is known; undefined if it did at once. */
  #afterLast(run: () => void): Promise<void> | undefined {
    const last = this.#last
    if (last === undefined) {
      run()
      return undefined
    }
    return new Promise((resolve) => {
      last.after ??= []
      last.after.push(() => {
        run()
        resolve()
      })
    })
  }

  #over(pending: Pending): void {
    this.#pending.delete(pending.job.change!)
    if (this.#last === pending) this.#last = undefined
    for (const run of pending.after ?? NONE) run()
  }

  async #append(changes: readonly Pending[]): Promise<void> {
    try {
      await this.#writer!.append(changes.map(({ job }) => job.change!))
      if (this.#end !== undefined) throw this.#end
    } catch (error) {
      const fault = await this.#faultOf(error)
      const isUnknown =
        error instanceof AppendError ? error.outcome === 'ended' : error === this.#end
      for (const pending of changes) {
        if (pending.applied !== undefined) continue
        pending.job.onFailed?.(isUnknown ? 'unknown' : 'none')
        this.#over(pending)
      }
      throw fault
    }
    this.checkCompared()
  }

  /** Undefined if there is room at once. Calls are let in one after another. */
  #room(cost: Cost): Promise<void> | undefined {
    if (this.#waiting === undefined && this.#hasRoom(cost)) return undefined
    const turn = this.#waitForRoom(this.#waiting, cost)
    const over = turn
      .catch(() => undefined)
      .finally(() => {
        if (this.#waiting === over) this.#waiting = undefined
      })
    this.#waiting = over
    return turn
  }

  #hasRoom({ entryBytes, bytes, adds }: Cost): boolean {
    const { flusher, freeSpace, journal } = this.#parts
    if (flusher.admit(adds) !== undefined) return false
    // What frees space may take the last file of the journal.
    if (!journal.hasRoom(entryBytes + HEAD_BYTES, adds ? 1 : 0)) return false
    return !adds || freeSpace.admits(bytes) === true
  }

  async #waitForRoom(before: Promise<void> | undefined, cost: Cost): Promise<void> {
    const { flusher, held, settle } = this.#parts
    await before
    for (let room; (room = flusher.admit(cost.adds)) !== undefined;) await room
    try {
      if (await this.#makeRoom(cost)) return
      // What was removed may still take room, in the journal and in the records.
      await settle()
      if ((await this.#makeRoom(cost)) || !cost.adds) return
    } catch (error) {
      const fault = held.faultOf(error, 'ask for free space')
      // The flusher says its own once, however often it tries.
      if (error !== flusher.fault) this.#report(fault, error as object)
      throw fault
    }
    throw diskFull('the disk is full')
  }

  /** Looks for room on the disk. */
  async #makeRoom({ entryBytes, bytes, adds }: Cost): Promise<boolean> {
    const { freeSpace, journal } = this.#parts
    if (adds && !(freeSpace.admits(bytes) ?? (await freeSpace.look(bytes)))) return false
    if (journal.hasRoom(entryBytes + HEAD_BYTES, adds ? 1 : 0)) return true
    try {
      await journal.makeRoom()
      return true
    } catch (error) {
      if (error instanceof DstoreError && error.code === 'no-space') return false
      throw error
    }
  }

  /** Ends the store where nothing can be appended any more. */
  async #faultOf(error: unknown): Promise<Error> {
    if (!(error instanceof AppendError)) return error as Error
    if (this.#writer!.fault !== undefined || error.outcome === 'ended') {
      this.#endWith(error)
    }
    const fault = this.#end ?? this.#parts.held.faultOf(error, 'commit')
    // Those of one write have one cause.
    const { cause = error } = error
    this.#report(fault, cause as object)
    return fault
  }

  #report(fault: Error, cause: object): void {
    if (this.#reported.has(cause)) return
    this.#reported.add(cause)
    this.#parts.onFailed?.(fault)
  }

  #endWith(error: Error): void {
    if (this.#end !== undefined) return
    const { message, hint } = error as DstoreError
    const why = { cause: error, ...(hint !== undefined && { hint }) }
    this.#end = new DstoreError('unwritable', message, why)
    this.#parts.held.end(this.#end)
  }
}
