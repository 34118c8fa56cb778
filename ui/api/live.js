/**
 * A stream of events that connects again whenever it is lost, and says how it is.
 * @module
 */
import { backoffMs } from '../core/backoff.js'
import { ApiError, events } from './client.js'

/** The daemon shows at least this often that it is there; twice that is silence. */
const SILENCE_MS = 10_000
/** How long a hidden page keeps its streams: browsers open six connections for all pages. */
const HIDDEN_MS = 15_000

/**
 * @typedef {{ is: 'connecting' } | { is: 'live' } | { is: 'waiting', until: number, error: string }
 *   | { is: 'paused' } | { is: 'refused', error: ApiError } | { is: 'closed' }} Connection
 */

/**
 * Opens the stream. The function that it returns closes it.
 * @param {object} options
 * @param {() => string} options.path Of the next attempt.
 * @param {(event: import('../core/event-stream.js').StreamEvent) => void} options.onEvent
 * @param {(connection: Connection) => void} options.onConnection
 * @param {(id: string | undefined) => void} [options.onId]
 * @returns {() => void}
 */
export function openLive({ path, onEvent, onConnection, onId }) {
  const closing = new AbortController()
  let failures = 0

  const connect = async () => {
    const attempt = new AbortController()
    const stop = () => attempt.abort()
    closing.signal.addEventListener('abort', stop)
    const leave = onHidden(stop)
    let timer = setTimeout(stop, SILENCE_MS)
    const onAlive = () => {
      clearTimeout(timer)
      timer = setTimeout(stop, SILENCE_MS)
    }
    const onHead = () => onConnection({ is: 'live' })
    try {
      const stream = events(path(), {
        signal: attempt.signal,
        onHead,
        onAlive,
        ...(onId !== undefined && { onId }),
      })
      for await (const group of stream) {
        failures = 0
        for (const event of group) onEvent(event)
      }
    } finally {
      clearTimeout(timer)
      leave()
      closing.signal.removeEventListener('abort', stop)
    }
  }

  const run = async () => {
    while (!closing.signal.aborted) {
      if (document.hidden && failures > 0) {
        onConnection({ is: 'paused' })
        await shown(closing.signal)
        continue
      }
      onConnection({ is: 'connecting' })
      let error = 'the daemon ended the stream'
      try {
        await connect()
      } catch (fault) {
        if (fault instanceof ApiError) {
          // What is refused now is refused again.
          if (fault.status >= 400 && fault.status < 500 && fault.status !== 429) {
            onConnection({ is: 'refused', error: fault })
            return
          }
          error = fault.message
        } else if (fault instanceof DOMException && fault.name === 'AbortError') {
          error = 'the daemon was silent'
        } else {
          error = fault instanceof Error ? fault.message : 'the connection was lost'
        }
      }
      if (closing.signal.aborted) break
      failures++
      if (document.hidden) continue
      const ms = backoffMs(failures, Math.random())
      onConnection({ is: 'waiting', until: Date.now() + ms, error })
      await pause(ms, closing.signal)
    }
    onConnection({ is: 'closed' })
  }

  void run()
  return () => closing.abort()
}

/**
 * Runs `act` once the page has been hidden for a while. The function that it returns ends that.
 * @param {() => void} act
 * @returns {() => void}
 */
function onHidden(act) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  const look = () => {
    clearTimeout(timer)
    if (document.hidden) timer = setTimeout(act, HIDDEN_MS)
  }
  document.addEventListener('visibilitychange', look)
  look()
  return () => {
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', look)
  }
}

/**
 * Until the page is shown, or the signal aborts.
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function shown(signal) {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return
      document.removeEventListener('visibilitychange', look)
      signal.removeEventListener('abort', look)
      resolve()
    }
    document.addEventListener('visibilitychange', look)
    signal.addEventListener('abort', look)
    look()
  })
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
