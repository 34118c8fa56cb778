/**
 * Reads values from the files of a Local's cache. The tier verifies each byte as it is read: a
 * process of the same user may have changed it since (specs/003-transfer.md, "Rules: two tiers").
 */
import { DstoreError } from '../../errors.ts'
import { groupsOf, type ByteRange } from '../../hash/tree/tree.ts'
import { PIECE_BYTES, READ_SHARE_BYTES } from '../../limits.ts'
import type { ServedValue } from '../../transfer/serve.ts'
import { metered, share, type ByteBudgets } from '../calls/byte-budget.ts'
import { COPY_SHARE_BYTES, copyStored } from '../calls/copies/copy-stored.ts'
import { CachedValue } from '../cache/cached-value.ts'
import type { HeldValue } from '../cache/held-value.ts'
import type { FileValue } from '../files/file-tier.ts'
import type { CallOptions, CopyTarget } from '../node.ts'

export interface FileReadsOptions {
  /** A copy found that the file does not hold the value: the tier logs that, and evicts it. */
  readonly damaged: (value: FileValue, fault: DstoreError) => void
  readonly callers: ByteBudgets
}

export const isInFile = (value: HeldValue): value is FileValue => !(value instanceof CachedValue)

/** A file of the cache is not what was written. The tier evicts it; the value can be fetched. */
export class FileDamaged extends DstoreError {
  constructor(cause: DstoreError) {
    super('integrity', 'a file of the cache was changed', { cause })
  }
}

export class FileReads {
  readonly #options: FileReadsOptions

  constructor(options: FileReadsOptions) {
    this.#options = options
  }

  /**
   * Verified bytes of a value in a file from the start of `range` on, as far as they are held now.
   * Errors: `FileDamaged`; the reason of the signal.
   */
  async *read(
    value: FileValue,
    range: ByteRange,
    signal: AbortSignal,
    call: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const held = heldFrom(value, range)
    if (held === undefined) return
    const mostBytes = Math.min(READ_SHARE_BYTES + PIECE_BYTES, 3 * (held.end - held.start))
    const bytes = this.#verified(value, held, signal)
    yield* metered(bytes, mostBytes, this.#options.callers.forCall(call))
  }

  async *#verified(
    value: FileValue,
    range: ByteRange,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const served = value.served(signal, value.use())
    try {
      yield* served.read(range)
    } catch (error) {
      throw damagedIf(error)
    } finally {
      served.release(false)
    }
  }

  /**
   * Copies a range of a whole value into a file of a caller, by threads. False if it wrote nothing.
   * Errors: `FileDamaged`, and then nothing wrong was written; those of a read; `no-space`,
   * `unwritable`.
   */
  async copy(
    value: FileValue,
    range: ByteRange,
    target: CopyTarget,
    signal: AbortSignal,
    call: CallOptions,
  ): Promise<boolean> {
    const { path } = value
    if (path === undefined) return false
    const giveBack = await share(COPY_SHARE_BYTES, this.#options.callers.forCall(call))
    const served = value.served(signal, value.use())
    const lend = async () => ({ path, signal, giveBack: () => undefined })
    const { digest } = value.key
    try {
      return await copyStored({ value: served, digest, range, lend, target, signal })
    } catch (error) {
      const fault = damagedIf(error)
      // Where its folder was moved meanwhile, the threads no longer find a file that is as it was.
      const isMoved = value.path !== path
      if (fault instanceof FileDamaged && !isMoved) this.#options.damaged(value, fault)
      throw fault
    } finally {
      served.release(false)
      giveBack()
    }
  }
}

const damagedIf = (error: unknown): unknown => {
  const isDamage = error instanceof DstoreError && error.code === 'integrity'
  return isDamage ? new FileDamaged(error) : error
}

/**
 * A value for a peer. Where its file is damaged the peer gets `not-found`: by `integrity` it would
 * take this node for one that sends false data.
 */
export function servedToPeer(served: ServedValue): ServedValue {
  const honest = (error: unknown): never => {
    const fault = damagedIf(error)
    if (!(fault instanceof FileDamaged)) throw error
    throw new DstoreError('not-found', 'this part is no longer held', { cause: fault })
  }
  return {
    size: served.size,
    signal: served.signal,
    covers: (range) => served.covers(range),
    held: () => served.held(),
    release: (stillReferenced) => served.release(stillReferenced),
    outboard: (range) => served.outboard(range).catch(honest),
    async *read(range, signal) {
      try {
        yield* served.read(range, signal)
      } catch (error) {
        honest(error)
      }
    },
  }
}

/** The held part of a range that begins where the range does; undefined if there is none. */
export function heldFrom({ held, size }: HeldValue, range: ByteRange): ByteRange | undefined {
  const { start, end } = range
  if (start >= end || !held.has(groupsOf(range, size).first)) return undefined
  const [run] = held.held(range)
  return { start, end: Math.min(run!.end, end) }
}
