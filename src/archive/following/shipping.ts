/** Takes the steps that `Shipper` decides, one at a time, until the node is fenced or stopped. */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { ARCHIVE_LAG_MS } from '../../limits.ts'
import type { Journal } from '../../journal/journal.ts'
import type { Sleep } from '../interface.ts'
import { type BucketJournal, entriesAfter } from './bucket-journal.ts'
import type { Shipper } from './shipper.ts'
import type { ShipperAnswer, ShipperStep } from './steps.ts'

export interface ShippingParts {
  readonly shipper: Shipper
  readonly own: Journal
  readonly bucket: BucketJournal
  readonly elapsed: () => number
  readonly sleep: Sleep
  /** Appends a heartbeat to the store, which comes here in its turn. Never throws. */
  readonly sayHeartbeat: () => void
  /** A step was taken, and the bucket was found to have these entries. */
  readonly onStep?: (archived: readonly Uint8Array[]) => void
}

/** The longest that a timer may be asked to wait. */
const LONGEST_REST_MS = 60_000
/** A call of the bucket that takes longer is in doubt, whatever its client says later. */
const CALL_MS = 2 * ARCHIVE_LAG_MS

type Asked = Exclude<ShipperStep, { readonly type: 'rest' | 'ended' }>

export class Shipping {
  readonly #parts: ShippingParts
  readonly #waiting = new Set<() => void>()
  #running: Promise<void> | undefined
  #stopping = false
  #sent: readonly Uint8Array[] = []
  #rest: AbortController | undefined

  constructor(parts: ShippingParts) {
    this.#parts = parts
  }

  get isRunning(): boolean {
    return this.#running !== undefined && !this.#stopping
  }

  start(): void {
    this.#running ??= this.#run().catch((error: unknown) => {
      // A defect: nothing more can be shipped, and who waits must hear of it.
      this.#parts.shipper.end(asDstoreError(error))
      this.#parts.onStep?.([])
      this.stir()
    })
  }

  /** Something was noted or wanted: looks again what to do. */
  wake(): void {
    this.#rest?.abort()
  }

  /** Resolves when an entry reached the bucket, failed, or fenced this node; or after this time. */
  async changed(ms: number): Promise<void> {
    const waiting = new AbortController()
    const change = new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake)
        resolve()
      }
      this.#waiting.add(wake)
      void this.#parts.sleep(ms, waiting.signal).then(wake)
    })
    await change
    waiting.abort()
  }

  /** Those who wait for a change look again. */
  stir(): void {
    for (const wake of this.#waiting) wake()
  }

  /** Resolves when the step under way is done. */
  async stop(): Promise<void> {
    this.abandon()
    await this.#running
  }

  /** The step under way is the last one, and no caller waits for it. */
  abandon(): void {
    this.#stopping = true
    this.wake()
  }

  async #run(): Promise<void> {
    const { shipper, elapsed } = this.#parts
    while (!this.#stopping) {
      const step = shipper.next(elapsed())
      if (step.type === 'ended') break
      if (step.type === 'rest') {
        await this.#pause(step.ms)
        continue
      }
      if (step.type === 'append') this.#sent = step.entries
      const { archived } = shipper
      shipper.answer(await this.#take(step), elapsed())
      this.#parts.onStep?.(this.#sent.slice(0, shipper.archived - archived))
      this.stir()
    }
  }

  async #pause(ms: number): Promise<void> {
    this.#rest = new AbortController()
    await this.#parts.sleep(Math.min(ms, LONGEST_REST_MS), this.#rest.signal)
    this.#rest = undefined
  }

  async #take(step: Asked): Promise<ShipperAnswer> {
    const { bucket, own } = this.#parts
    try {
      switch (step.type) {
        case 'append':
          return { type: await this.#within(bucket.appendAll(step.after, step.entries)) }
        case 'read': {
          const found = await this.#within(entriesAfter(bucket, step.after, step.count))
          return { type: 'found', found }
        }
        case 'load':
          return { type: 'loaded', entries: await ownEntries(own, step.after, step.count) }
        case 'heartbeat':
          this.#parts.sayHeartbeat()
          return { type: 'said' }
      }
    } catch (error) {
      return { type: 'failed', fault: asDstoreError(error) }
    }
  }

  async #within<T>(call: Promise<T>): Promise<T> {
    const waiting = new AbortController()
    const late = this.#parts.sleep(CALL_MS, waiting.signal).then(() => {
      throw new DstoreError('unreachable', `the bucket gave no answer within ${CALL_MS / 1000} s`)
    })
    try {
      return await Promise.race([call, late])
    } finally {
      late.catch(() => undefined)
      waiting.abort()
    }
  }
}

async function ownEntries(own: Journal, after: number, count: number): Promise<Uint8Array[]> {
  const entries = await entriesAfter(own, after, count)
  if (entries !== 'gone' && entries.length === count) return entries
  throw new DstoreError('integrity', `the journal lost entries after ${after}`)
}
