/** What `GET /v1/events` tells (specs/013-page.md, "Rules: events, transfers and removals"). */
import type { StatusAnswer } from './api.ts'
import type {
  FollowedRemoval,
  MemberActivity,
  TransferList,
} from '../../node/activity/node-activity.ts'

/** What happened in the second before. */
export interface Sample {
  /** Milliseconds since 1970; ascends. */
  readonly at: number
  /** Bytes from callers, and to them. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Bytes of values from peers, and to them. */
  readonly peerIn: number
  readonly peerOut: number
  /** Answers below 400, 4xx and 5xx. */
  readonly ok: number
  readonly refused: number
  readonly failed: number
  /** Reads that the cache served, and others; without a cache, of values that exist, and others. */
  readonly hits: number
  readonly misses: number
  /** Of the answers, in ms; null without any. */
  readonly p50: number | null
  readonly p99: number | null
}

/** The data of one event: what has changed; the first has everything that there is. */
export interface EventUpdate {
  readonly status?: StatusAnswer
  /** The samples that are new; at first those of the last ten minutes. */
  readonly rates?: { readonly intervalMs: number; readonly samples: readonly Sample[] }
  readonly transfers?: TransferList
  /** At Global, for those who may list members. */
  readonly members?: MembersUpdate
  /** At Global. */
  readonly removals?: { readonly removals: readonly FollowedRemoval[] }
}

export interface MembersUpdate {
  /** Members of which anything changed; with `all`, all of them. */
  readonly changed: readonly MemberActivity[]
  /** Peer ids that are no longer listed. */
  readonly gone: readonly string[]
  readonly all?: true
}
