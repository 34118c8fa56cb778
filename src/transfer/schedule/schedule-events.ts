/** What a `Schedule` is told, and what it decides. */
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { SourceId } from './source.ts'

export type ScheduleEvent =
  /** Fetch these ranges, the first of them most urgently, instead of those wanted before. */
  | { readonly type: 'want'; readonly ranges: readonly ByteRange[]; readonly now: number }
  | { readonly type: 'source-added'; readonly source: SourceId; readonly now: number }
  | { readonly type: 'source-removed'; readonly source: SourceId; readonly now: number }
  /** Every other Local that Global names for this value, whether it is a source or not. */
  | { readonly type: 'swarm'; readonly peers: readonly SourceId[]; readonly now: number }
  /** A source listed the runs that it holds. */
  | {
      readonly type: 'holds'
      readonly source: SourceId
      readonly runs: readonly ByteRange[]
      readonly now: number
    }
  /** Verified bytes arrived, and are held. */
  | {
      readonly type: 'received'
      readonly task: number
      readonly bytes: number
      readonly now: number
    }
  /** Everything that the task asked for arrived. */
  | { readonly type: 'completed'; readonly task: number; readonly now: number }
  /** The source does not hold what the task asked for. */
  | { readonly type: 'refused'; readonly task: number; readonly now: number }
  | { readonly type: 'tick'; readonly now: number }

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
