/** The events that a `Schedule` handles, and the effects that it returns. */
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { SourceId } from './source.ts'

/** An event, and its time in milliseconds. */
export type ScheduleEvent = UntimedScheduleEvent & { readonly now: number }

export type UntimedScheduleEvent =
  /** Fetch these ranges, the first of them most urgently, instead of those wanted before. */
  | { readonly type: 'want'; readonly ranges: readonly ByteRange[] }
  | { readonly type: 'source-added'; readonly source: SourceId }
  | { readonly type: 'source-removed'; readonly source: SourceId }
  /** Every other Local that Global names for this value, whether it is a source or not. */
  | { readonly type: 'swarm'; readonly peers: readonly SourceId[] }
  /** A source listed the runs that it holds. */
  | { readonly type: 'holds'; readonly source: SourceId; readonly runs: readonly ByteRange[] }
  /** Verified bytes arrived, and are held. */
  | { readonly type: 'received'; readonly task: number; readonly bytes: number }
  /** Everything that the task asked for arrived. */
  | { readonly type: 'completed'; readonly task: number }
  /** The source does not hold what the task asked for. */
  | { readonly type: 'refused'; readonly task: number }
  | { readonly type: 'tick' }

export type ScheduleEffect =
  | {
      readonly type: 'fetch'
      readonly task: number
      readonly source: SourceId
      readonly ranges: readonly ByteRange[]
    }
  /** Cancel this task, and report nothing more about it. */
  | { readonly type: 'cancel'; readonly task: number }
  /** Ask the source which runs it holds. */
  | { readonly type: 'query'; readonly source: SourceId }
