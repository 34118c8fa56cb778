/**
 * Appends changes to a journal in groups: what comes while an append is under way goes into the
 * next entry. Carries out what `Appender` decides.
 */
import { JOURNAL_CHANGES, JOURNAL_ENTRY_BYTES, JOURNAL_PARTS, MIB } from '../limits.ts'
import type { Appender, AppenderEffect, AppenderEvent, AppenderReport } from './appender.ts'
import { changeBytes, changeParts } from './encode.ts'
import { type Change, type EntryBody, HEAD_BYTES } from './entry.ts'
import { AppendError, type Journal, closedError } from './journal.ts'

/** Changes in one entry, and bytes of them; a larger job has an entry for itself. */
const GROUP_CHANGES = 4096
const GROUP_BYTES = 4 * MIB

export interface JournalWriterOptions {
  readonly journal: Journal
  readonly appender: Appender
  /** How long an append or a read may take before it is in doubt; unlimited if undefined. */
  readonly timeoutMs?: number
  readonly sleep: (ms: number) => Promise<void>
  /** Called for each entry in their order, before those who asked for it hear of it. */
  readonly onAppended?: (position: number, entry: Uint8Array, body: EntryBody) => void
  /** Default: `GROUP_BYTES`. */
  readonly groupBytes?: number
}

interface Queued {
  readonly body: EntryBody
  readonly bytes: number
  readonly parts: number
  readonly resolve: (position: number) => void
  readonly reject: (reason: Error) => void
}

export class JournalWriter {
  readonly #options: JournalWriterOptions
  readonly #groupBytes: number
  readonly #queue: Queued[] = []
  #running: Promise<void> | undefined
  #onReport: ((report: AppenderReport) => void) | undefined
  #closed = false
  #fault: AppendError | undefined

  constructor(options: JournalWriterOptions) {
    this.#options = options
    this.#groupBytes = options.groupBytes ?? GROUP_BYTES
  }

  /** Why it appends nothing more, once that is so. */
  get fault(): AppendError | undefined {
    return this.#fault
  }

  /**
   * Appends these changes in one entry, perhaps with others, in the order of the calls. Resolves
   * with its position. Rejects with an `AppendError`: `not-appended`, or `ended` where it is
   * unknown until the next opening.
   */
  append(changes: readonly Change[]): Promise<number> {
    const bytes = changes.reduce((sum, change) => sum + changeBytes(change), 0)
    const parts = changes.reduce((sum, change) => sum + changeParts(change), 0)
    const { length } = changes
    const isTooLarge = bytes > JOURNAL_ENTRY_BYTES - HEAD_BYTES - 4 || parts > JOURNAL_PARTS
    if (length === 0 || length > JOURNAL_CHANGES || isTooLarge) {
      throw new RangeError(`${length} changes of ${bytes} bytes in ${parts} parts make no entry`)
    }
    return this.#enqueue({ kind: 'changes', changes }, bytes, parts)
  }

  /** Appends an entry without changes. After a farewell, nothing more is taken. */
  say(kind: 'begin' | 'heartbeat' | 'farewell'): Promise<number> {
    const said = this.#enqueue({ kind }, 0, 0)
    if (kind === 'farewell') this.#closed = true
    return said
  }

  /** Waits for what was asked for; refuses what is asked for from now on. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
  }

  /** Gives up what is in doubt: its callers learn that it is unknown. */
  async abandon(): Promise<void> {
    this.#closed = true
    this.#fault ??= new AppendError('not-appended', closedError())
    this.#carryOut(this.#options.appender.abandon(closedError()))
    await this.#running
  }

  #enqueue(body: EntryBody, bytes: number, parts: number): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#fault !== undefined) return reject(new AppendError('not-appended', this.#fault))
      if (this.#closed) return reject(new AppendError('not-appended', closedError()))
      this.#queue.push({ body, bytes, parts, resolve, reject })
      this.#running ??= this.#drain()
    })
  }

  async #drain(): Promise<void> {
    // What is asked for in one turn of the event loop shares the first entry.
    await Promise.resolve()
    while (this.#queue.length > 0) await this.#appendGroup(this.#take())
    this.#running = undefined
  }

  /** Removes what the next entry has from the queue. */
  #take(): Queued[] {
    let [count, changes, bytes, parts] = [0, 0, 0, 0]
    for (const queued of this.#queue) {
      const length = queued.body.kind === 'changes' ? queued.body.changes.length : 0
      bytes += queued.bytes
      parts += queued.parts
      changes += length
      const isFull = bytes > this.#groupBytes || changes > GROUP_CHANGES || parts > JOURNAL_PARTS
      if (count > 0 && (isFull || length === 0)) break
      count++
      if (length === 0) break
    }
    return this.#queue.splice(0, count)
  }

  async #appendGroup(group: readonly Queued[]): Promise<void> {
    if (this.#fault !== undefined) {
      for (const { reject } of group) reject(new AppendError('not-appended', this.#fault))
      return
    }
    const body = bodyOf(group)
    let effects: readonly AppenderEffect[]
    try {
      effects = this.#options.appender.append(body)
    } catch (error) {
      // A mistake of one of them: nothing was appended.
      if (group.length === 1) group[0]!.reject(error as Error)
      else for (const one of group) await this.#appendGroup([one])
      return
    }
    const report = await new Promise<AppenderReport>((resolve) => {
      this.#onReport = resolve
      this.#carryOut(effects)
    })
    switch (report.type) {
      case 'appended':
        this.#options.onAppended?.(report.position, report.entry, body)
        for (const { resolve } of group) resolve(report.position)
        return
      case 'refused':
        for (const { reject } of group) reject(new AppendError('not-appended', report.fault))
        return
      case 'ended': {
        const outcome = report.pending === 'absent' ? 'not-appended' : 'ended'
        this.#fault = new AppendError(outcome, report.fault)
        for (const { reject } of group) reject(this.#fault)
      }
    }
  }

  #carryOut(effects: readonly AppenderEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'append':
          this.#append(effect)
          break
        case 'read':
          this.#read(effect)
          break
        case 'wait':
          this.#after(effect.ms, { type: 'waited', attempt: effect.attempt })
          break
        case 'report':
          this.#onReport?.(effect.report)
      }
    }
  }

  #on(event: AppenderEvent): void {
    this.#carryOut(this.#options.appender.on(event))
  }

  #append({ attempt, after, entry }: AppenderEffect & { readonly type: 'append' }): void {
    // The answer counts whenever it comes.
    this.#options.journal.append(after, entry).then(
      (type) => this.#on({ type, attempt }),
      (error: unknown) => this.#on(eventOf(error, attempt)),
    )
    this.#after(this.#options.timeoutMs, { type: 'doubt', attempt })
  }

  #read({ attempt, position }: AppenderEffect & { readonly type: 'read' }): void {
    this.#options.journal.at(position).then(
      (found) => this.#on({ type: 'found', attempt, found }),
      () => this.#on({ type: 'unread', attempt }),
    )
    this.#after(this.#options.timeoutMs, { type: 'unread', attempt })
  }

  #after(ms: number | undefined, event: AppenderEvent): void {
    if (ms !== undefined) void this.#options.sleep(ms).then(() => this.#on(event))
  }
}

function eventOf(error: unknown, attempt: number): AppenderEvent {
  if (!(error instanceof AppendError)) return { type: 'doubt', attempt }
  const type = error.outcome === 'ended' ? 'broken' : 'refused'
  return { type, attempt, fault: error }
}

/** One kind of body alone, or the changes of all. */
function bodyOf(group: readonly Queued[]): EntryBody {
  const changes = group.flatMap(({ body }) => (body.kind === 'changes' ? body.changes : []))
  return changes.length > 0 ? { kind: 'changes', changes } : group[0]!.body
}
