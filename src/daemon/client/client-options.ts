/** What every client of the API does alike: its options, and how it waits and repeats. */
import { CALL_TIMEOUT_MS } from '../../limits.ts'
import { checkWellFormed } from '../../utf8.ts'

/**
 * The daemon ends a call without progress itself; the client waits this much longer to hear why.
 */
const GRACE_MS = 5_000

export interface ClientOptions {
  /**
   * Milliseconds without progress after which a call fails with `timeout`. For a removal, the whole
   * time that it waits for Locals; the node decides by default.
   */
  readonly timeoutMs?: number
  /** Ends every call with `cancelled`. */
  readonly signal?: AbortSignal
  /** Called for every response with a line such as `GET /v1/status 200`, and the time it took. */
  readonly onAnswer?: (call: string, milliseconds: number) => void
}

/** How long the client waits for a daemon that shows nothing, in milliseconds. */
export function idleMsOf({ timeoutMs = CALL_TIMEOUT_MS }: ClientOptions): number {
  return timeoutMs + GRACE_MS
}

/** Whether the connection was lost before anything came back (R007-116). */
export function isLost(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ECONNRESET' || code === 'EPIPE'
}

/** The query of a request. Parameters that are undefined are left out. */
export function queryText(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) given.set(name, checkWellFormed(value, `the ${name}`))
  }
  return given.size === 0 ? '' : `?${given.toString()}`
}
