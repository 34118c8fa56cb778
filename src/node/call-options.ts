/** What every call of a node takes. */

/** How far a call has come, in bytes of the value. */
export interface Progress {
  readonly phase: 'hash' | 'store' | 'fetch'
  readonly doneBytes: number
  /** Undefined while the size is unknown. */
  readonly totalBytes: number | undefined
}

/** Options of every call. */
export interface CallOptions {
  /** Ends the call with `cancelled`. */
  readonly signal?: AbortSignal
  /** Fail with `timeout` after this long without progress, in milliseconds. */
  readonly timeoutMs?: number
  /** Called as bytes of values move. */
  readonly onProgress?: (progress: Progress) => void
}

/** Options of a fetch that nothing waits for. */
export interface PrefetchOptions extends CallOptions {
  /** Bytes per second, from `LEAST_RATE_BYTES`; undefined: as fast as it goes. */
  readonly maxRate?: number
  /** Calls with the same text here share one rate. */
  readonly rateGroup?: string
}
