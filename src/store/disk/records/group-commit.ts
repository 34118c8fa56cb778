/** Group commit: jobs that arrive during a sync share the next one. */
import { DstoreError } from '../../../errors.ts'
import { MIB } from '../../../limits.ts'
import type { Location } from '../../store.ts'
import type { Database, Tally } from './database.ts'
import { EIO } from './short-write.ts'
import type { FreeSpace } from '../free-space.ts'
import type { HeldFiles } from '../../file/held-files.ts'

/**
 * Transactions in one of LMDB: bounds the time that it blocks the event loop, to about 10 us for
 * each. Four batches that come while one is synced share the next sync.
 */
const BATCH_TRANSACTIONS = 4096

/** Bytes in one transaction of LMDB; a larger job has a transaction for itself. */
const BATCH_BYTES = 16 * MIB

/** Shared by the jobs of one transaction of LMDB. */
export interface Batch {
  /** As of the last commit. */
  readonly before: Tally
  /** Updated by each job in turn. */
  tally: Tally
  /** Sealed values that the jobs so far adopt. */
  readonly claimed: Set<Location>
}

/**
 * Work on the database. It may throw only before it writes; it runs again after a failed commit.
 */
export interface Job<T> {
  /** How many transactions it applies. Default: 1. */
  readonly transactions?: number
  /** An estimate of the bytes that it writes. */
  readonly bytes: number
  /** Does it need more space than it frees? A full disk refuses such jobs. */
  readonly adds: boolean
  run(batch: Batch): T
}

interface Queued {
  readonly job: Job<unknown>
  readonly resolve: (result: unknown) => void
  readonly reject: (reason: unknown) => void
}

type Outcome = { readonly result: unknown } | { readonly reason: unknown }

export class GroupCommit {
  readonly #database: Database
  readonly #freeSpace: FreeSpace
  readonly #onFailed: (fault: Error) => void
  readonly #held: HeldFiles
  readonly #queue: Queued[] = []
  #batch: Batch | undefined
  #running: Promise<void> | undefined

  constructor(
    database: Database,
    freeSpace: FreeSpace,
    held: HeldFiles,
    onFailed: (fault: Error) => void = () => undefined,
  ) {
    this.#database = database
    this.#freeSpace = freeSpace
    this.#held = held
    this.#onFailed = onFailed
  }

  /** Resolves when the job is durable. Rejects with the job's error or a fault, without effect. */
  run<T>(job: Job<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ job, resolve: resolve as (result: unknown) => void, reject })
      this.#running ??= this.#drain()
    })
  }

  /** Does the transaction in progress adopt this value? */
  isClaimed(location: Location): boolean {
    return this.#batch?.claimed.has(location) ?? false
  }

  /** Resolves when every job so far has succeeded or failed. */
  async settled(): Promise<void> {
    await this.#running
  }

  async #drain(): Promise<void> {
    // Jobs of the same turn of the event loop share the first sync.
    await Promise.resolve()
    while (this.#queue.length > 0) await this.#commit(this.#take())
    this.#running = undefined
  }

  /** Removes the jobs of the next transaction from the queue. */
  #take(): Queued[] {
    let bytes = 0
    let count = 0
    let transactions = 0
    for (const { job } of this.#queue) {
      bytes += job.bytes
      transactions += job.transactions ?? 1
      if (count > 0 && (transactions > BATCH_TRANSACTIONS || bytes > BATCH_BYTES)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  async #commit(queued: readonly Queued[]): Promise<void> {
    const admitted = await this.#admit(queued)
    if (admitted.length === 0) return
    try {
      const outcomes = await this.#transact(admitted)
      // What was synced may be in a file that no longer is where the next opening looks for it.
      const gone = await this.#held.check().then(
        () => undefined,
        (error: unknown) => error,
      )
      admitted.forEach(({ resolve, reject }, i) => {
        const outcome = outcomes[i]!
        if (gone !== undefined) reject(gone)
        else if ('result' in outcome) resolve(outcome.result)
        else reject(outcome.reason)
      })
    } catch (error) {
      // A single job may be too large: retry each separately, unless the commit is visible already.
      if (admitted.length > 1 && this.#leftNoTrace()) {
        for (const one of admitted) await this.#commit([one])
      } else {
        const fault = await this.#fault(error, bytesOf(admitted))
        this.#onFailed(fault)
        for (const { reject } of admitted) reject(fault)
      }
    } finally {
      this.#batch = undefined
    }
  }

  /** Rejects jobs that need space if the disk is nearly full; returns the rest. */
  async #admit(queued: readonly Queued[]): Promise<readonly Queued[]> {
    if (!queued.some(({ job }) => job.adds)) return queued
    const refusal = await this.#freeSpace.admits(bytesOf(queued)).then(
      (fits) => (fits ? undefined : diskFull('the disk is full')),
      (error: unknown) => this.#held.faultOf(error, 'ask for free space'),
    )
    if (refusal === undefined) return queued
    for (const { job, reject } of queued) if (job.adds) reject(refusal)
    return queued.filter(({ job }) => !job.adds)
  }

  #transact(queued: readonly Queued[]): Promise<Outcome[]> {
    return this.#database.transact(() => {
      const before = this.#database.tally()
      const batch: Batch = { before, tally: before, claimed: new Set() }
      this.#batch = batch
      const outcomes = queued.map(({ job }): Outcome => {
        try {
          return { result: job.run(batch) }
        } catch (reason) {
          if (reason instanceof RangeError || reason instanceof DstoreError) return { reason }
          throw reason
        }
      })
      if (batch.tally !== before) this.#database.writeTally(batch.tally)
      return outcomes
    })
  }

  /** False if the failed commit is visible: it can fail that late. */
  #leftNoTrace(): boolean {
    if (this.#batch === undefined) return true
    const { lastSeq, revision } = this.#database.tally()
    return lastSeq === this.#batch.before.lastSeq && revision === this.#batch.before.revision
  }

  /** LMDB reports a short write as an I/O error even if the disk is full. */
  async #fault(cause: unknown, bytes: number): Promise<Error> {
    const fault = await this.#held.faultOf(cause, 'commit')
    const isShort = cause instanceof Error && 'code' in cause && cause.code === EIO
    if (!isShort || !(await this.#freeSpace.isTight(bytes).catch(() => false))) return fault
    return diskFull('cannot commit: the disk is full', cause)
  }
}

function diskFull(message: string, cause?: unknown): DstoreError {
  const hint = 'free some space on the disk of the state directory, or remove values'
  return new DstoreError('no-space', message, { cause, hint })
}

function bytesOf(queued: readonly Queued[]): number {
  return queued.reduce((sum, { job }) => sum + job.bytes, 0)
}
