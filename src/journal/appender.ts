/**
 * Appends one entry after another, and settles what is in doubt before it reports anything: a state
 * machine without I/O (specs/009-journal.md, "Doubt"). `JournalWriter` carries out its effects.
 */
import { equal } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { encodeEntry } from './encode.ts'
import { entryDigest } from './digest.ts'
import type { EntryBody } from './entry.ts'
import type { ChainPosition } from './chain.ts'
import { ALL_APPENDER_RULES, type AppenderRules } from './rules.ts'

export interface AppenderStart extends ChainPosition {
  readonly set: Uint8Array
  /** Random, of this opening alone. */
  readonly writer: Uint8Array
  /** To begin, or begun. */
  readonly epoch: number
  /** What the last entry says is acknowledged. */
  readonly acknowledged: number
}

/** What the driver does next. `attempt` goes into the event that answers it. */
export type AppenderEffect =
  | {
      readonly type: 'append'
      readonly attempt: number
      readonly after: number
      readonly entry: Uint8Array
    }
  | { readonly type: 'read'; readonly attempt: number; readonly position: number }
  | { readonly type: 'wait'; readonly attempt: number; readonly ms: number }
  | { readonly type: 'report'; readonly report: AppenderReport }

export type AppenderReport =
  /** The entry is there, durably, and nothing else can be in its place. */
  | { readonly type: 'appended'; readonly position: number; readonly entry: Uint8Array }
  /** It is not there and never will be; the appender goes on. */
  | { readonly type: 'refused'; readonly fault: DstoreError }
  /**
   * The appender has ended: it appends nothing more. `pending` tells of the entry under way:
   * `absent` permanently, or `unknown` until the journal is read by the next opening.
   */
  | {
      readonly type: 'ended'
      readonly pending: 'absent' | 'unknown'
      readonly fault: DstoreError
    }

export type AppenderEvent =
  /** Also later than `doubt` was said of the same attempt: an `ok` counts at any time. */
  | { readonly type: 'ok' | 'taken' | 'doubt'; readonly attempt: number }
  | { readonly type: 'refused' | 'broken'; readonly attempt: number; readonly fault: DstoreError }
  | {
      readonly type: 'found'
      readonly attempt: number
      readonly found: Uint8Array | 'gone' | undefined
    }
  | { readonly type: 'unread' | 'waited'; readonly attempt: number }

/** An entry that is being appended. */
interface Pending {
  readonly body: EntryBody
  entry: Uint8Array
  /** Attempts from here on are about this entry. */
  readonly firstAttempt: number
  /** The attempt whose answer is awaited. */
  attempt: number
  /** May an append of it that was given up still arrive? */
  isInDoubt: boolean
  /** How often it was tried and read in vain. */
  tries: number
}

/** How long to wait before the next try: twice as long each time, up to the second. */
const FIRST_WAIT_MS = 10
const LONGEST_WAIT_MS = 1000

export class Appender {
  readonly #start: AppenderStart
  readonly #rules: AppenderRules
  #position: number
  #digest: Uint8Array
  #acknowledged: number
  #number = 0
  #attempts = 0
  #pending: Pending | undefined
  #hasEnded = false

  constructor(start: AppenderStart, rules: AppenderRules = ALL_APPENDER_RULES) {
    this.#start = start
    this.#rules = rules
    this.#position = start.position
    this.#digest = start.digest
    this.#acknowledged = start.acknowledged
  }

  /** Of the last entry that is known to be there. */
  get position(): number {
    return this.#position
  }

  get epoch(): number {
    return this.#start.epoch
  }

  /** Is an entry under way? Then `append` must wait for its report. */
  get isBusy(): boolean {
    return this.#pending !== undefined
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  append(body: EntryBody): AppenderEffect[] {
    if (this.#pending !== undefined) throw new TypeError('an entry is under way')
    if (this.#hasEnded) throw new TypeError('the appender has ended')
    const entry = this.#encode(body)
    const attempt = ++this.#attempts
    this.#pending = {
      body,
      entry,
      firstAttempt: attempt,
      attempt,
      isInDoubt: false,
      tries: 0,
    }
    return [{ type: 'append', attempt, after: this.#position, entry }]
  }

  /** The driver ends, whatever is under way. */
  abandon(fault: DstoreError): AppenderEffect[] {
    if (this.#pending !== undefined) return this.#end('unknown', fault)
    this.#hasEnded = true
    return []
  }

  on(event: AppenderEvent): AppenderEffect[] {
    const pending = this.#pending
    if (pending === undefined || event.attempt < pending.firstAttempt) return []
    // Every attempt has the same bytes at the same position: whichever arrived, it is there.
    if (event.type === 'ok') return this.#appended(pending)
    if (event.attempt !== pending.attempt) return []
    switch (event.type) {
      case 'taken':
        return this.#rules.readsTaken ? this.#unsure(pending) : this.#taken()
      case 'doubt':
        return this.#doubt(pending)
      case 'refused':
        return this.#refused(pending, event.fault)
      case 'broken':
        return this.#end('unknown', event.fault)
      case 'found':
        return this.#found(pending, event.found)
      case 'unread':
        return this.#wait(pending)
      case 'waited':
        return this.#read(pending)
    }
  }

  #encode(body: EntryBody): Uint8Array {
    const { set, epoch, writer } = this.#start
    const head = {
      set,
      epoch,
      writer,
      number: ++this.#number,
      position: this.#position + 1,
      acknowledged: this.#acknowledged,
      before: this.#digest,
    }
    return encodeEntry({ head, body })
  }

  #appended({ entry }: Pending): AppenderEffect[] {
    this.#pending = undefined
    this.#position++
    this.#acknowledged = this.#position
    this.#digest = entryDigest(entry)
    return reporting({ type: 'appended', position: this.#position, entry })
  }

  #doubt(pending: Pending): AppenderEffect[] {
    pending.isInDoubt = true
    if (this.#rules.settlesDoubt) return this.#unsure(pending)
    this.#pending = undefined
    return reporting({ type: 'refused', fault: new DstoreError('timeout', 'no answer') })
  }

  /** Certain of this attempt; not of an earlier one that may still arrive. */
  #refused(pending: Pending, fault: DstoreError): AppenderEffect[] {
    if (pending.isInDoubt && this.#rules.refusesOnce) return this.#wait(pending)
    this.#pending = undefined
    return reporting({ type: 'refused', fault })
  }

  #found(pending: Pending, found: Uint8Array | 'gone' | undefined): AppenderEffect[] {
    if (found === undefined) return this.#again(pending)
    if (found === 'gone') {
      return this.#rules.doubtsTrimmed ? this.#end('unknown', overtaken()) : this.#taken()
    }
    const isOwn = !this.#rules.comparesBytes || equal(found, pending.entry)
    return isOwn ? this.#appended(pending) : this.#taken()
  }

  /** Another writer's entry is there: this one can't be, nor any later one. */
  #taken(): AppenderEffect[] {
    if (this.#rules.stopsAtTaken) return this.#end('absent', overtaken())
    this.#pending = undefined
    this.#position++
    return reporting({ type: 'refused', fault: overtaken() })
  }

  #end(pending: 'absent' | 'unknown', fault: DstoreError): AppenderEffect[] {
    this.#pending = undefined
    this.#hasEnded = true
    return reporting({ type: 'ended', pending, fault })
  }

  /** Looks at once the first time; later answers in vain make it wait before. */
  #unsure(pending: Pending): AppenderEffect[] {
    if (pending.tries > 0) return this.#wait(pending)
    pending.tries++
    return this.#read(pending)
  }

  #read(pending: Pending): AppenderEffect[] {
    pending.attempt = ++this.#attempts
    return [{ type: 'read', attempt: pending.attempt, position: this.#position + 1 }]
  }

  #wait(pending: Pending): AppenderEffect[] {
    pending.attempt = ++this.#attempts
    const ms = Math.min(FIRST_WAIT_MS * 2 ** pending.tries++, LONGEST_WAIT_MS)
    return [{ type: 'wait', attempt: pending.attempt, ms }]
  }

  #again(pending: Pending): AppenderEffect[] {
    if (!this.#rules.sameBytes) pending.entry = this.#encode(pending.body)
    pending.attempt = ++this.#attempts
    const { attempt, entry } = pending
    return [{ type: 'append', attempt, after: this.#position, entry }]
  }
}

const reporting = (report: AppenderReport): AppenderEffect[] => [{ type: 'report', report }]

const overtaken = (): DstoreError =>
  new DstoreError('conflict', 'another writer has appended to the journal', {
    hint: 'only one node may write a journal: this one has stopped',
  })
