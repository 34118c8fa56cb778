/** Takes snapshots when they are due, the first one after the first copy, until the archive closes. */
import { asDstoreError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Sleep } from './interface.ts'
import type { Snapshot } from './snapshots/description.ts'
import { SnapshotSchedule } from './snapshots/schedule.ts'

export interface SnapshotLoopParts {
  readonly newest: Snapshot | undefined
  /** Of the bucket's journal after the newest. */
  readonly bytesAfter: number
  readonly elapsed: () => number
  readonly wall: () => number
  readonly sleep: Sleep
  readonly log: Log
  readonly signal: AbortSignal
  readonly take: () => Promise<Snapshot>
}

/** How often it looks whether one is due. */
const LOOK_MS = 10_000

export class SnapshotLoop {
  readonly #parts: SnapshotLoopParts
  readonly #schedule: SnapshotSchedule
  #newest: Snapshot | undefined

  constructor(parts: SnapshotLoopParts) {
    const { newest, bytesAfter, elapsed, wall } = parts
    this.#parts = parts
    this.#newest = newest
    // A clock that was set back makes it no younger than new.
    const ageMs = newest && Math.max(0, wall() - newest.takenAt)
    this.#schedule = new SnapshotSchedule(
      elapsed(),
      ageMs === undefined ? undefined : { ageMs, bytes: bytesAfter },
    )
  }

  get newest(): Snapshot | undefined {
    return this.#newest
  }

  /** An object of the journal is in the bucket. */
  archived(entries: readonly Uint8Array[]): void {
    const bytes = entries.reduce((sum, { byteLength }) => sum + byteLength, 0)
    this.#schedule.archived({ bytes, isChange: entries.some(isChange) })
  }

  /** Resolves when the signal is aborted. */
  async run(): Promise<void> {
    const { elapsed, sleep, signal } = this.#parts
    while (!signal.aborted) {
      const ms = this.#schedule.waitMs(elapsed()) ?? LOOK_MS
      if (ms > 0) await sleep(Math.min(ms, LOOK_MS), signal)
      else await this.#take()
    }
  }

  async #take(): Promise<void> {
    const { elapsed, log, signal, take } = this.#parts
    this.#schedule.begin(elapsed())
    try {
      const { position, size } = (this.#newest = await take())
      this.#schedule.taken()
      log.info('took a snapshot of the records', { position, size })
    } catch (error) {
      this.#schedule.failed(elapsed())
      const { message } = asDstoreError(error)
      if (!signal.aborted) log.warn('no snapshot was taken', { message })
    }
  }
}

/** Byte 1 of an entry is its kind. */
const isChange = (entry: Uint8Array): boolean => entry[1] === 1
