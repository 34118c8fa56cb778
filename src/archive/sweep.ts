/**
 * Deletes what earlier openings left of values in the bucket: objects that no record names, and
 * uploads that did not end. Objects carry the epoch in their names, and an object of an earlier
 * epoch can't be adopted any more, so it need not wait for anything that is under way.
 */
import { pause } from '../deadline.ts'
import { asDstoreError } from '../errors.ts'
import type { Log } from '../log.ts'
import { ARCHIVE_SWEEP_MS } from '../limits.ts'
import { allUnfinished } from '../bucket/all-unfinished.ts'
import type { ObjectStore } from '../bucket/object-store.ts'
import type { Location } from '../store/store.ts'
import { VALUE_PREFIX, epochOf, fileOf } from './values/object-key.ts'

export interface SweepOptions {
  readonly objects: Pick<ObjectStore, 'list' | 'remove' | 'unfinished' | 'abortUpload'>
  /** The epoch of this opening. */
  readonly epoch: number
  /** Does a record or a sealed value name this file? */
  readonly isNamed: (file: Location) => boolean
  /** Does this process upload this object now? */
  readonly isUploading: (key: string) => boolean
  /** Resolves when every entry that the records have by now is in the bucket. */
  readonly settled: () => Promise<void>
}

export interface Swept {
  readonly removed: number
  readonly aborted: number
}

/** Sweeps once. Errors: those of the bucket, and of `settled`. */
export async function sweep(options: SweepOptions, signal: AbortSignal): Promise<Swept> {
  return { aborted: await abortUploads(options, signal), removed: await remove(options, signal) }
}

async function remove(options: SweepOptions, signal: AbortSignal): Promise<number> {
  const { objects, epoch, isNamed, isUploading, settled } = options
  let removed = 0
  let after: string | undefined
  for (;;) {
    const page = await objects.list(VALUE_PREFIX, after, signal)
    const keys = page.objects.map(({ key }) => key)
    const found = keys.filter((key) => {
      const file = earlierFile(key, epoch)
      return file !== undefined && !isNamed(file) && !isUploading(key)
    })
    if (found.length > 0) {
      // A node that was fenced may have released what the one that took over still names.
      await settled()
      signal.throwIfAborted()
      await objects.remove(found, signal)
      removed += found.length
    }
    after = keys.at(-1)
    if (!page.more || after === undefined) return removed
    // Keys are in the order of epochs.
    if (isLater(after, epoch)) return removed
  }
}

async function abortUploads(options: SweepOptions, signal: AbortSignal): Promise<number> {
  const { objects, epoch, isUploading } = options
  let aborted = 0
  for await (const upload of allUnfinished(objects, VALUE_PREFIX, signal)) {
    const { key } = upload
    if (earlierFile(key, epoch) === undefined || isUploading(key)) continue
    await objects.abortUpload(upload, signal)
    aborted++
  }
  return aborted
}

/** The file that an object of an earlier epoch is named after. */
function earlierFile(key: string, epoch: number): Location | undefined {
  const file = fileOf(key)
  return file !== undefined && epochOf(file) < epoch ? file : undefined
}

function isLater(key: string, epoch: number): boolean {
  const file = fileOf(key)
  return file !== undefined && epochOf(file) >= epoch
}

export interface SweepsOptions extends SweepOptions {
  /** Waits; aborted when the store closes. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
  readonly onSwept?: (swept: Swept) => void
  readonly onFailed?: (error: unknown) => void
}

/** After a failed sweep, in milliseconds. */
const AGAIN_MS = 600_000

export interface LoggedSweeps extends Pick<SweepOptions, 'epoch' | 'isNamed' | 'settled'> {
  readonly objects: ObjectStore
  readonly log: Log
  /** What is swept, for the log. */
  readonly what: 'archive' | 'bucket'
}

/** The same for an open store: objects of earlier epochs are not uploaded any more. */
export function sweepLogged(
  { log, what, ...sweeps }: LoggedSweeps,
  signal: AbortSignal,
): Promise<void> {
  return sweepDaily(
    {
      ...sweeps,
      isUploading: () => false,
      onSwept: ({ removed, aborted }) => log.info(`swept the ${what}`, { removed, aborted }),
      onFailed: (error) =>
        log.warn(`sweeping the ${what} failed`, { message: asDstoreError(error).message }),
    },
    signal,
  )
}

/** Sweeps now and once a day, until the signal is aborted; never rejects. */
export async function sweepDaily(options: SweepsOptions, signal: AbortSignal): Promise<void> {
  const { wait = pause, onSwept, onFailed } = options
  while (!signal.aborted) {
    let again = ARCHIVE_SWEEP_MS
    try {
      // Not in the call, whose arguments are not evaluated where there is none.
      const swept = await sweep(options, signal)
      onSwept?.(swept)
    } catch (error) {
      if (signal.aborted) return
      onFailed?.(error)
      again = AGAIN_MS
    }
    await wait(again, signal)
  }
}
