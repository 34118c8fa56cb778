/** What a door of a machine was asked, and how it answered. */
import { once } from 'node:events'
import { type IncomingMessage, get } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Machine } from './site.ts'

/** Requests to a door so far, by method and status, such as `PUT 201`. */
export async function requestsTo(machine: Machine, door: string): Promise<Map<string, number>> {
  const headers = { authorization: `Bearer ${machine.reader}` }
  // On a connection of its own: a kept one may be closed by its age when builds take minutes.
  const asked = get(`${machine.url}/metrics`, { headers, agent: false })
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const metrics = await text(response)
  const counts = new Map<string, number>()
  for (const line of metrics.split('\n')) {
    if (!line.startsWith('dstore_door_requests_total{')) continue
    const label = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(line)?.[1] ?? ''
    if (label('door') !== door) continue
    counts.set(`${label('method')} ${label('status')}`, Number(line.split(' ').at(-1)))
  }
  return counts
}

/** Requests between two moments, without those that did not come. */
export function since(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Record<string, number> {
  const differences = [...after].map(([id, n]) => [id, n - (before.get(id) ?? 0)] as const)
  return Object.fromEntries(differences.filter(([, n]) => n > 0))
}
