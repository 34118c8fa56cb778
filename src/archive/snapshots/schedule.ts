/** When a snapshot is due: a state machine without I/O. Its clock never goes back. */
import {
  ARCHIVE_SNAPSHOT_BYTES,
  ARCHIVE_SNAPSHOT_MS,
  ARCHIVE_SNAPSHOT_OBJECTS,
  ARCHIVE_SNAPSHOT_RETRY_MS,
} from '../../limits.ts'

export interface ScheduleLimits {
  readonly bytes: number
  readonly ms: number
  readonly objects: number
  readonly retryMs: number
}

const LIMITS: ScheduleLimits = {
  bytes: ARCHIVE_SNAPSHOT_BYTES,
  ms: ARCHIVE_SNAPSHOT_MS,
  objects: ARCHIVE_SNAPSHOT_OBJECTS,
  retryMs: ARCHIVE_SNAPSHOT_RETRY_MS,
}

/** What came to the bucket's journal since some moment. */
interface Since {
  readonly bytes: number
  readonly objects: number
  readonly isChanged: boolean
}

interface Running {
  readonly since: Since
  readonly at: number
}

const NOTHING: Since = { bytes: 0, objects: 0, isChanged: false }

export class SnapshotSchedule {
  readonly #limits: ScheduleLimits
  /** When the newest snapshot began; undefined: there is none. */
  #lastAt: number | undefined
  #since: Since = NOTHING
  /** What the snapshot under way may have, when it began. */
  #running: Running | undefined
  #failures = 0
  #failedAt = 0

  /** `newest`: how old the newest snapshot is, and what the bucket's journal has after it. */
  constructor(
    now: number,
    newest: { readonly ageMs: number; readonly bytes: number } | undefined,
    limits: ScheduleLimits = LIMITS,
  ) {
    this.#limits = limits
    if (newest === undefined) return
    this.#lastAt = now - newest.ageMs
    this.#since = { bytes: newest.bytes, objects: 0, isChanged: newest.bytes > 0 }
  }

  /** An object of the journal is in the bucket; heartbeats and the like change nothing. */
  archived({ bytes, isChange }: { readonly bytes: number; readonly isChange: boolean }): void {
    this.#since = {
      bytes: this.#since.bytes + bytes,
      objects: this.#since.objects + 1,
      isChanged: this.#since.isChanged || isChange,
    }
  }

  /** How long until the next one is due: 0 now, undefined if nothing is to be copied. */
  waitMs(now: number): number | undefined {
    if (this.#running !== undefined) return undefined
    const wanted = this.#wantedMs(now)
    if (wanted === undefined || this.#failures === 0) return wanted
    const patience = this.#limits.retryMs * 2 ** (this.#failures - 1)
    const retryAt = this.#failedAt + Math.min(patience, this.#limits.ms)
    return Math.max(wanted, retryAt - now, 0)
  }

  /** One is being taken: it has what is in the journal now. */
  begin(now: number): void {
    if (this.#running !== undefined) throw new TypeError('a snapshot is being taken')
    this.#running = { since: this.#since, at: now }
    this.#since = NOTHING
  }

  /** It counts. */
  taken(): void {
    this.#lastAt = this.#under().at
    this.#running = undefined
    this.#failures = 0
  }

  failed(now: number): void {
    const { bytes, objects, isChanged } = this.#under().since
    this.#since = {
      bytes: this.#since.bytes + bytes,
      objects: this.#since.objects + objects,
      isChanged: this.#since.isChanged || isChanged,
    }
    this.#running = undefined
    this.#failures++
    this.#failedAt = now
  }

  #wantedMs(now: number): number | undefined {
    if (this.#lastAt === undefined) return 0
    const { bytes, objects, isChanged } = this.#since
    if (bytes >= this.#limits.bytes) return 0
    if (!isChanged && objects < this.#limits.objects) return undefined
    return Math.max(0, this.#lastAt + this.#limits.ms - now)
  }

  #under(): Running {
    if (this.#running === undefined) throw new TypeError('no snapshot is being taken')
    return this.#running
  }
}
