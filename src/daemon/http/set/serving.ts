/**
 * What the server asks before it hands over an answer of a member of a set: a standby takes no
 * calls, and an active member answers only while it is confirmed (specs/012-set.md, R012-10).
 */
import type { ServerResponse } from 'node:http'
import type { DstoreError } from '../../../errors.ts'

/** Decides when the answers to calls of one active time of a member may be handed over. */
export interface HandOver {
  mayServe(): boolean
  /** Resolves when `mayServe` is true; rejects when it never will be. */
  serving(): Promise<void>
}

export interface Serving {
  /** Why the node takes no calls at this moment; undefined if it does. */
  readonly refusal: DstoreError | undefined
  /** For calls that begin now; undefined while the node takes none. */
  readonly handOver: HandOver | undefined
  /** Hears what other members say now, as far as that takes no long time. */
  freshen(): Promise<void>
  /** Leaves the active part to another member. */
  stepDown(): Promise<void>
}

/** Routes that answer at a standby, too; what they say is of this member alone. */
const OWN_ROUTES: ReadonlySet<string> = new Set([
  '/v1/status',
  '/v1/events',
  '/v1/set',
  '/v1/set/step-down',
  '/v1/stop',
  '/v1/http',
  '/v1/session',
  '/v1/session/codes',
  '/metrics',
  '/ui',
])

/** By a route or a path: those below `/ui/` are files of the package. */
export const isOwnRoute = (route: string): boolean =>
  OWN_ROUTES.has(route) || route.startsWith('/ui/')

/** Throws where the node takes no calls. */
export function checkServing(member: Serving | undefined, route: string): void {
  const refusal = member?.refusal
  if (refusal !== undefined && !isOwnRoute(route)) throw refusal
}

/** May a call be answered in the turn in which it came? */
export const mayAnswerNow = (member: Serving | undefined): boolean =>
  member === undefined || member.handOver?.mayServe() === true

/** Holds the response to a call that begins now, unless it tells of this member alone. */
export function holdUnlessOwn(
  response: ServerResponse,
  member: Serving | undefined,
  url: string,
): void {
  const handOver = member?.handOver
  if (handOver !== undefined && !isOwnRoute(url.replace(/\?.*$/s, ''))) {
    holdResponse(response, handOver)
  }
}

/**
 * From now on, what is written to the response waits while this member may not serve. It is
 * destroyed where that never comes again.
 */
export function holdResponse(response: ServerResponse, handOver: HandOver): void {
  type Write = (...parameters: readonly unknown[]) => boolean
  type End = (...parameters: readonly unknown[]) => ServerResponse
  const write = response.write.bind(response) as Write
  const end = response.end.bind(response) as End
  const flushHeaders = response.flushHeaders.bind(response)
  let waiting: (() => void)[] | undefined
  const isFree = (): boolean => waiting === undefined && handOver.mayServe()
  const later = (call: () => void): void => {
    if (waiting !== undefined) {
      waiting.push(call)
      return
    }
    waiting = [call]
    void handOn()
  }
  const handOn = async (): Promise<void> => {
    try {
      await handOver.serving()
    } catch (error) {
      response.destroy(error as Error)
      return
    }
    const calls = waiting ?? []
    waiting = undefined
    for (const call of calls) call()
    if (!response.writableNeedDrain) response.emit('drain')
  }
  response.write = ((...parameters: Parameters<Write>) => {
    if (isFree()) return write(...parameters)
    later(() => write(...parameters))
    return false
  }) as typeof response.write
  response.end = ((...parameters: Parameters<End>) => {
    if (isFree()) return end(...parameters)
    later(() => end(...parameters))
    return response
  }) as typeof response.end
  response.flushHeaders = () => {
    if (isFree()) flushHeaders()
    else later(flushHeaders)
  }
}
