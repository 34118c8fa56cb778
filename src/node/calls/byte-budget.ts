/**
 * Bounds the bytes in flight through this node (promise 6): a call takes a share for each piece
 * before it holds the piece in memory, and gives it back when the next piece is asked for.
 */
import { DstoreError } from '../../errors.ts'
import { CALLERS_IN_FLIGHT_BYTES, CALL_TIMEOUT_MS, PEER_IN_FLIGHT_BYTES } from '../../limits.ts'
import { SharedBudget } from '../../transfer/shared-budget.ts'
import { deadline } from '../../deadline.ts'
import type { CallOptions } from '../node.ts'

export interface ByteBudget {
  readonly allowance: SharedBudget
  /** The owner of the bytes, which gets no more than its part. */
  readonly who: string
  readonly signal?: AbortSignal | undefined
  /** Fail with `busy` after waiting this long for a share, in milliseconds. */
  readonly timeoutMs?: number | undefined
}

/**
 * Shares a budget among calls, by default what all callers of this machine may have in flight. Each
 * call is an owner, so that the part for owners that hold nothing is open to the next call.
 */
export class ByteBudgets {
  readonly #shared: SharedBudget
  #lastCall = 0

  /** Bytes of all calls together, and of one. */
  constructor(
    totalBytes: number = CALLERS_IN_FLIGHT_BYTES,
    callBytes: number = PEER_IN_FLIGHT_BYTES,
  ) {
    this.#shared = new SharedBudget(totalBytes, callBytes)
  }

  forCall({ signal, timeoutMs }: CallOptions): ByteBudget {
    return { allowance: this.#shared, who: `${++this.#lastCall}`, signal, timeoutMs }
  }
}

/**
 * Pieces made on demand, such as those of a disk: takes `shareBytes` before each. If pausing is
 * expensive, the share is kept until `keptForBytes` have passed.
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

/**
 * Pieces that arrive at their own pace, such as those of a client: takes a share for each that has
 * arrived.
 */
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

/**
 * Takes a share, waiting if none is free; throws `busy` if that takes too long. Call the result to
 * give it back.
 */
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
