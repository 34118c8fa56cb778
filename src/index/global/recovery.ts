/** The begin of a run: the index as the store holds it (specs/004-index.md, R004-7). */
import { Members } from '../../membership/members.ts'
import { decodeMember, decodeTicket, memberOf, secretHashOf } from '../../membership/record.ts'
import type { Row, Transaction } from '../../store/store.ts'
import { decodeChange, encodeChange } from '../records/change-record.ts'
import {
  INDEX_ROW,
  decodeIndex,
  decodeLocal,
  decodeWall,
  encodeIndex,
  peerOf,
  type LocalRecord,
  type Run,
} from '../records/record.ts'
import { decodeStoredRules, type StoredRules } from '../records/rule-record.ts'

/** Runs whose positions Global recognises. */
const RUNS = 1024

/** What the index knows when its run begins. */
export interface Recovered {
  readonly runs: readonly Run[]
  readonly locals: ReadonlyMap<string, LocalRecord>
  /** The index changes it from now on. */
  readonly members: Members
  readonly longestLeaseMs: number
  /** The changes up to this one were trimmed from the log. */
  readonly trimmed: number
  /** The newest wall time that is known to be right; undefined in a new store. */
  readonly newestWallMs: number | undefined
  /** Seq of the change that began this run, the last of `runs`. */
  readonly seq: number
  /** Absent: there are none. */
  readonly rules?: StoredRules
}

/** What the store held before the run. */
export interface StoredIndex {
  /** The new run's id, 16 random bytes. */
  readonly runId: Uint8Array
  readonly leaseMs: number | undefined
  /** Wall-clock milliseconds. */
  readonly atMs: number
  /** The last seq of the log. */
  readonly lastSeq: number
  /** The first seq of the log; undefined if it is empty. */
  readonly firstSeq: number | undefined
  /** The last entry of the log; undefined if it is empty. */
  readonly lastEntry: Uint8Array | undefined
  readonly index: Row | undefined
  readonly wall: Row | undefined
  readonly locals: readonly Row[]
  readonly members: readonly Row[]
  readonly tickets: readonly Row[]
  /** All that begin with `RULE_ROWS`; absent: there are none. */
  readonly rules?: readonly Row[]
}

/** The transaction that begins the run, and what the index knows once it is committed. */
export function beginRun(stored: StoredIndex): { transaction: Transaction; recovered: Recovered } {
  const { runId, leaseMs, atMs, lastSeq, firstSeq, index, locals } = stored
  const before = decodeIndex(index)
  const seq = lastSeq + 1
  const trimmed = (firstSeq ?? seq) - 1
  // A position of a run that ended before the log begins could not be resumed from the log.
  const runs = [...before.runs, { id: runId, start: seq }]
    .filter((_, i, all) => (all[i + 1]?.start ?? Infinity) > trimmed)
    .slice(-RUNS)
  const longestLeaseMs = Math.max(before.longestLeaseMs, leaseMs ?? 0)
  const transaction = {
    conditions: [],
    writes: [{ key: INDEX_ROW, value: encodeIndex({ runs, longestLeaseMs }) }],
    entry: encodeChange({ type: 'run-started', runId }, atMs),
  }
  const members = new Members(
    new Map(stored.members.map((row) => [memberOf(row), decodeMember(row)])),
    stored.tickets.map((row) => ({ secretHash: secretHashOf(row), ...decodeTicket(row) })),
  )
  const registered = locals
    .map((row) => [peerOf(row), decodeLocal(row)] as const)
    .filter(([peer]) => members.roleOf(peer) !== undefined)
  const known = new Map(registered)
  const newestWallMs = newestWallOf(stored)
  const rules = decodeStoredRules(stored.rules ?? [])
  const rest = { members, longestLeaseMs, newestWallMs, trimmed, seq, rules }
  return { transaction, recovered: { runs, locals: known, ...rest } }
}

/** Without a time that Global trusted, that of the last change. */
function newestWallOf({ wall, lastEntry }: StoredIndex): number | undefined {
  if (wall !== undefined) return decodeWall(wall)
  return lastEntry === undefined ? undefined : decodeChange(lastEntry).atMs
}
