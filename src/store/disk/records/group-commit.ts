/** Group commit: the jobs that arrive while a sync runs share the next one. */
import { DstoreError } from '../../../errors.ts'
import { MIB } from '../../../limits.ts'
import type { Location } from '../../store.ts'
import type { Database, Tally } from './database.ts'
import { faultOf } from '../faults.ts'
import type { FreeSpace } from '../free-space.ts'

/** Transactions that the disk store commits with one sync. */
const COMMIT_JOBS = 1024

/** What transactions that share a sync may write together; a larger one goes alone. */
const COMMIT_BYTES = 16 * MIB

/** What the jobs of one transaction of LMDB share. */
export interface Batch {
  /** As it was before. */
  readonly before: Tally
  /** As it will stand; each job leaves it as the next one finds it. */
  tally: Tally
  /** Sealed values that a job of this batch adopts. */
  readonly claimed: Set<Location>
}

/** Work on the database. It throws before it writes, or not at all; it may be run again after a failed commit. */
export interface Job<T> {
  /** What it writes, about. */
  readonly bytes: number
  /** Does it take room that it does not give back? Such jobs wait until there is some. */
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
  readonly #room: FreeSpace
  readonly #queue: Queued[] = []
  #batch: Batch | undefined
  #running: Promise<void> | undefined

  constructor(database: Database, room: FreeSpace) {
    this.#database = database
    this.#room = room
  }

  /** The job's result once it is durable; the job's own error, or a fault of the disk and then nothing was done. */
  run<T>(job: Job<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ job, resolve: resolve as (result: unknown) => void, reject })
      this.#running ??= this.#drain()
    })
  }

  /** Is this value being adopted just now? */
  isClaimed(location: Location): boolean {
    return this.#batch?.claimed.has(location) ?? false
  }

  /** When everything that was asked for has been done or has failed. */
  async settled(): Promise<void> {
    await this.#running
  }

  async #drain(): Promise<void> {
    // Whoever asks in the same turn shares the first sync.
    await Promise.resolve()
    while (this.#queue.length > 0) await this.#commit(this.#take())
    this.#running = undefined
  }

  /** From the front of the queue, what one transaction may hold. */
  #take(): Queued[] {
    let bytes = 0
    let count = 0
    for (const { job } of this.#queue) {
      bytes += job.bytes
      if (count > 0 && (count === COMMIT_JOBS || bytes > COMMIT_BYTES)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  async #commit(queued: readonly Queued[]): Promise<void> {
    const admitted = await this.#admit(queued)
    if (admitted.length === 0) return
    try {
      const outcomes = await this.#transact(admitted)
      admitted.forEach(({ resolve, reject }, i) => {
        const outcome = outcomes[i]!
        if ('result' in outcome) resolve(outcome.result)
        else reject(outcome.reason)
      })
    } catch (error) {
      // One of them may be what does not fit: the others need not suffer. But nothing is done twice.
      if (admitted.length > 1 && this.#leftNoTrace()) {
        for (const one of admitted) await this.#commit([one])
      } else {
        const fault = await this.#fault(error, bytesOf(admitted))
        for (const { reject } of admitted) reject(fault)
      }
    } finally {
      this.#batch = undefined
    }
  }

  /** Turn away what adds while the disk is about to be full. */
  async #admit(queued: readonly Queued[]): Promise<readonly Queued[]> {
    if (!queued.some(({ job }) => job.adds)) return queued
    const refusal = await this.#room.admits(bytesOf(queued)).then(
      (room) => (room ? undefined : new DstoreError('no-space', 'the disk is full')),
      (error: unknown) => faultOf(error, 'ask for free space'),
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

  /** A commit can fail so late that what it wrote is visible. */
  #leftNoTrace(): boolean {
    if (this.#batch === undefined) return true
    const { lastSeq, revision } = this.#database.tally()
    return lastSeq === this.#batch.before.lastSeq && revision === this.#batch.before.revision
  }

  /** LMDB calls a write that was cut short an I/O error, whatever cut it. */
  async #fault(cause: unknown, bytes: number): Promise<Error> {
    const fault = faultOf(cause, 'commit')
    const isCut = cause instanceof Error && 'code' in cause && cause.code === EIO
    if (!isCut || !(await this.#room.isTight(bytes).catch(() => false))) return fault
    return new DstoreError('no-space', 'cannot commit: the disk is full', { cause })
  }
}

function bytesOf(queued: readonly Queued[]): number {
  return queued.reduce((sum, { job }) => sum + job.bytes, 0)
}

const EIO = 5
