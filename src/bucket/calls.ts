/** Bounds how long the calls of a bucket may take (specs/011-archive.md, R011-7). */
import { untilAborted } from '../deadline.ts'
import { DstoreError, throwIfCancelled } from '../errors.ts'
import { bucketFault, fault } from './faults.ts'
import type { Signs } from './middleware.ts'
import { Silence } from './silence.ts'

/** For the requests of a call. */
export interface CallOptions {
  readonly abortSignal: AbortSignal
  /** In milliseconds. */
  readonly requestTimeout: number
}

export interface CallsParts {
  /** In messages. */
  readonly place: string
  /** How long the bucket may be silent, whatever it is asked, in milliseconds. */
  readonly silenceMs: number
  /** Asks the bucket something small. */
  readonly probe: (signal: AbortSignal) => Promise<unknown>
}

/** A call may take so much longer than one of its requests, which are three and pauses. */
const REQUESTS_PER_CALL = 4

export class Calls {
  readonly #place: string
  readonly #probe: CallsParts['probe']
  readonly #silence: Silence
  readonly #stops = new Set<(reason: DstoreError) => void>()
  #isClosed = false

  constructor({ place, silenceMs, probe }: CallsParts) {
    this.#place = place
    this.#probe = probe
    this.#silence = new Silence({ ms: silenceMs, probe: () => this.#ask() })
  }

  /** Hears of every byte that the bucket takes or sends. */
  get signs(): Signs {
    return this.#silence
  }

  /**
   * Runs the requests of a call until they end, their time is up, the bucket has been silent for
   * too long, or the caller gives up.
   */
  async run<T>(
    signal: AbortSignal | undefined,
    requestTimeout: number,
    run: (options: CallOptions) => Promise<T>,
  ): Promise<T> {
    if (this.#isClosed) throw this.#closedError()
    throwIfCancelled(signal)
    const controller = new AbortController()
    const stop = (reason: DstoreError): void => controller.abort(reason)
    const cancel = (): void => stop(cancellation(signal!))
    const late = (): void => stop(fault('unreachable', this.#place, 'no answer in time'))
    const timer = setTimeout(late, REQUESTS_PER_CALL * requestTimeout)
    const unwatch = this.#silence.watch(late)
    this.#stops.add(stop)
    signal?.addEventListener('abort', cancel)
    try {
      const options = { abortSignal: controller.signal, requestTimeout }
      return await untilAborted(run(options), controller.signal)
    } catch (error) {
      if (controller.signal.aborted) throw controller.signal.reason
      throw bucketFault(this.#place, error)
    } finally {
      clearTimeout(timer)
      unwatch()
      this.#stops.delete(stop)
      signal?.removeEventListener('abort', cancel)
    }
  }

  /** Those under way fail with `unreachable`, as do later ones. */
  close(): void {
    this.#isClosed = true
    for (const stop of this.#stops) stop(this.#closedError())
  }

  #ask(): void {
    const controller = new AbortController()
    const stop = (): void => controller.abort()
    this.#stops.add(stop)
    // Any answer is heard, one that says no as well.
    this.#probe(controller.signal)
      .catch(() => undefined)
      .finally(() => this.#stops.delete(stop))
  }

  #closedError(): DstoreError {
    return fault('unreachable', this.#place, 'this connection to the bucket is closed')
  }
}

function cancellation({ reason }: AbortSignal): DstoreError {
  if (reason instanceof DstoreError) return reason
  return new DstoreError('cancelled', 'cancelled', { cause: reason })
}
