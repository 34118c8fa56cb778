/**
 * Bytes on their way through this node, as a part of what may be in flight at once (promise 6): whoever has a piece in
 * memory holds a share for it until the next one is asked for, and waits for the share before that.
 */
import { DstoreError } from '../../errors.ts'
import { CALLERS_IN_FLIGHT_BYTES, CALL_TIMEOUT_MS, PEER_IN_FLIGHT_BYTES } from '../../limits.ts'
import { SharedBudget } from '../../transfer/shared-budget.ts'
import { deadline } from '../../deadline.ts'
import type { CallOptions } from '../node.ts'

export interface ByteBudget {
  readonly allowance: SharedBudget
  /** Whose bytes these are; nobody gets more than his part. */
  readonly who: string
  readonly signal?: AbortSignal | undefined
  /** Give up with `busy` after waiting so long for a share, in milliseconds. */
  readonly timeoutMs?: number | undefined
}

/** What the callers of this machine have in flight: each call is a peer to the others. */
export class ByteBudgets {
  readonly #shared = new SharedBudget(CALLERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES)
  #lastCall = 0

  /** The budget of one call: its part of what all may have. */
  forCall({ signal, timeoutMs }: CallOptions): ByteBudget {
    return { allowance: this.#shared, who: `${++this.#lastCall}`, signal, timeoutMs }
  }
}

/**
 * Pieces that are made when they are asked for, such as a disk's: `shareBytes` are taken before each is, or, where it
 * costs to begin again, are kept until so many bytes have passed.
 */
export async function* metered(
  pieces: AsyncIterable<Uint8Array>,
  shareBytes: number,
  meter: ByteBudget,
  keptForBytes = 1,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = pieces[Symbol.asyncIterator]()
  try {
    for (;;) {
      const giveBack = await share(shareBytes, meter)
      try {
        for (let passed = 0; passed < keptForBytes;) {
          const next = await source.next()
          if (next.done === true) return
          yield next.value
          passed += next.value.byteLength
        }
      } finally {
        giveBack()
      }
    }
  } finally {
    await source.return?.()
  }
}

/** Pieces that come when they come, such as a client's: a share is taken for what is there, not for what may come. */
export async function* arriving(
  pieces: AsyncIterable<Uint8Array>,
  meter: ByteBudget,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    const giveBack = await share(piece.byteLength, meter)
    try {
      yield piece
    } finally {
      giveBack()
    }
  }
}

/** Take a share, and wait for it where there is none: `busy` where that takes too long. What gives it back. */
export async function share(
  bytes: number,
  { allowance, who, signal, timeoutMs = CALL_TIMEOUT_MS }: ByteBudget,
): Promise<() => void> {
  const now = signal?.aborted === true ? undefined : allowance.takeNow(who, bytes)
  if (now !== undefined) return now
  const limit = deadline(timeoutMs, 'no room for more work in flight', signal)
  try {
    return await allowance.take(who, bytes, limit.signal)
  } catch (error) {
    if (!(error instanceof DstoreError) || error.code !== 'timeout') throw error
    const hint = 'others read or write slowly: try again'
    throw new DstoreError('busy', error.message, { cause: error, hint })
  } finally {
    limit.clear()
  }
}
