/**
 * What the server asks before it hands over an answer of a member of a set: a standby takes no
 * calls, and an active member answers only while it is confirmed (specs/012-set.md, R012-10).
 */
import type { ServerResponse } from 'node:http'
import { DstoreError } from '../../../errors.ts'

export interface Serving {
  /** Why the node takes no calls at this moment; undefined if it does. */
  readonly refusal: DstoreError | undefined
  mayServe(): boolean
  /** Resolves when `mayServe` is true; rejects when it never will be. */
  serving(): Promise<void>
  /** Leaves the active part to another member. */
  stepDown(): Promise<void>
}

/** Routes that answer at a standby, too; what they say is of this member alone. */
const OWN_ROUTES: ReadonlySet<string> = new Set([
  '/v1/status',
  '/v1/set',
  '/v1/set/step-down',
  '/v1/stop',
  '/metrics',
])

export const isOwnRoute = (route: string): boolean => OWN_ROUTES.has(route)

/** Throws where the node takes no calls. */
export function checkServing(member: Serving | undefined, route: string): void {
  const refusal = member?.refusal
  if (refusal !== undefined && !isOwnRoute(route)) throw refusal
}

/**
 * From now on, what is written to the response waits while this member may not serve. It is
 * destroyed where that never comes again.
 */
export function holdResponse(response: ServerResponse, member: Serving): void {
  const { write, end, flushHeaders } = response
  let waiting: (() => void)[] | undefined
  const later = (call: () => void): void => {
    if (waiting !== undefined) {
      waiting.push(call)
      return
    }
    waiting = [call]
    member.serving().then(
      () => {
        const calls = waiting ?? []
        waiting = undefined
        for (const one of calls) one()
        response.emit('drain')
      },
      (error: unknown) => response.destroy(error as Error),
    )
  }
  const isFree = (): boolean => waiting === undefined && member.mayServe()
  type Write = (...parameters: readonly unknown[]) => boolean
  response.write = ((...parameters: Parameters<Write>) => {
    if (isFree()) return (write as Write).apply(response, parameters)
    later(() => (write as Write).apply(response, parameters))
    return false
  }) as typeof write
  type End = (...parameters: readonly unknown[]) => ServerResponse
  response.end = ((...parameters: Parameters<End>) => {
    if (isFree()) return (end as End).apply(response, parameters)
    later(() => (end as End).apply(response, parameters))
    return response
  }) as typeof end
  response.flushHeaders = () => {
    if (isFree()) flushHeaders.call(response)
    else later(() => flushHeaders.call(response))
  }
}
