/** Begins an epoch exactly after an end, and holds it until a store continues it. */
import { Appender } from '../journal/appender.ts'
import { type JournalEnd, nextEpoch } from '../journal/beginning.ts'
import { AppendError, type Journal } from '../journal/journal.ts'
import { JournalWriter } from '../journal/journal-writer.ts'
import type { Sleep } from '../archive/interface.ts'
import type { Log } from '../log.ts'
import type { Lease } from './lease.ts'

export interface ElectionParts {
  /** That of the engine, which tells the lease. */
  readonly journal: Journal
  readonly lease: Lease
  readonly end: JournalEnd
  /** The id of the bucket's set. */
  readonly set: Uint8Array
  readonly random: (length: number) => Uint8Array
  readonly elapsed: () => number
  readonly sleep: Sleep
  readonly log: Log
}

const WRITER_BYTES = 16
/** Why a member that wanted to take over goes on standing by. */
const WHY: ReadonlyMap<string, string> = new Map([
  ['conflict', 'another member was first to take over'],
  ['no-space', 'the engine has no room for a take-over'],
])
/** Until it looks again whether there is room. */
const FULL_MS = 1_000

export class Election {
  readonly epoch: number
  /** Of its entries. */
  readonly writer: Uint8Array
  readonly #parts: ElectionParts
  readonly #writer: JournalWriter
  readonly #stopping = new AbortController()
  #beating: Promise<void> = Promise.resolve()

  private constructor(parts: ElectionParts) {
    const { journal, end, set, random, sleep } = parts
    const writer = Uint8Array.from(random(WRITER_BYTES))
    const start = nextEpoch(end, { newSet: set, writer })
    this.#parts = parts
    this.epoch = start.epoch
    this.writer = start.writer
    this.#writer = new JournalWriter({ journal, appender: new Appender(start), sleep })
  }

  /**
   * Undefined if another member was first, or the engine had no room for the entry. Errors: of the
   * journal; the signal's reason.
   */
  static async begin(parts: ElectionParts, signal: AbortSignal): Promise<Election | undefined> {
    const { log, sleep } = parts
    const election = new Election(parts)
    const giveUp = (): void => void election.#writer.abandon()
    signal.addEventListener('abort', giveUp)
    try {
      signal.throwIfAborted()
      await election.#writer.say('begin')
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof AppendError) || !WHY.has(error.code)) throw error
      const { message } = error
      log.info(`${WHY.get(error.code)!}: standing by`, { message })
      if (error.code === 'no-space') await sleep(FULL_MS, signal)
      return undefined
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
    election.#beating = election.#beat()
    return election
  }

  /** Appends nothing more: the store begins. Resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#writer.close()
    await this.#beating
  }

  /** Ends without waiting for an engine that may be away. */
  async abandon(): Promise<void> {
    this.#stopping.abort()
    await this.#writer.abandon()
    await this.#beating
  }

  #beat(): Promise<void> {
    const { lease, elapsed, sleep } = this.#parts
    const { signal } = this.#stopping
    return heartbeats({ lease, elapsed, sleep, signal, say: () => this.#writer.say('heartbeat') })
  }
}

export interface HeartbeatParts {
  readonly lease: Lease
  readonly elapsed: () => number
  readonly sleep: Sleep
  readonly signal: AbortSignal
  readonly say: () => Promise<unknown>
}

/** Says one whenever nothing else was appended for a while, until the signal or a fault. */
export async function heartbeats(parts: HeartbeatParts): Promise<void> {
  const { lease, elapsed, sleep, signal, say } = parts
  while (!signal.aborted) {
    const ms = lease.heartbeatAt - elapsed()
    if (ms > 0) {
      await sleep(ms, signal)
      continue
    }
    try {
      await say()
    } catch {
      // The writer has ended, or refuses: who commits learns why.
      if (signal.aborted) return
      await sleep(1_000, signal)
    }
  }
}
