/** The figures of a daemon, and the feed that tells them. */
import type { ServedNode } from '../../../node/node.ts'
import type { Door } from '../doors/door.ts'
import { EventFeed } from '../events/event-feed.ts'
import { statusOf, type StatusParts } from '../events/status-answer.ts'
import { ROUTES } from '../routes.ts'
import { Statistics } from './statistics.ts'

/** Routes whose GET and HEAD read values. */
const READS = /^\/v1\/(values\/\{key\}|trees\/.*)$/

export function watched(
  parts: StatusParts & { readonly node: ServedNode },
  doors: readonly Door[],
): { readonly statistics: Statistics; readonly events: EventFeed } {
  const activity = (): ServedNode['activity'] => parts.node.activity
  const routes = ROUTES.map(({ path, methods }) => {
    return { path, methods: Object.keys(methods), isRead: READS.test(path) }
  })
  const roots = doors.map(({ root, methods }) => {
    return { path: root, methods: Object.keys(methods), isRead: true }
  })
  const wall = (): number => Date.now()
  const statistics = new Statistics({ routes: [...routes, ...roots], activity, wall })
  const events = new EventFeed({
    status: () => statusOf(parts),
    samples: statistics.samples,
    activity,
    now: () => performance.now(),
  })
  return { statistics, events }
}
