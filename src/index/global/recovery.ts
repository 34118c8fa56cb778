import { Members } from '../../membership/members.ts'
import { decodeMember, decodeTicket, memberOf, secretHashOf } from '../../membership/record.ts'
import type { Row, Transaction } from '../../store/store.ts'
import {
  INDEX_ROW,
  decodeIndex,
  decodeLocal,
  encodeChange,
  encodeIndex,
  peerOf,
} from '../records/record.ts'
import type { LocalRecord, Run } from '../records/record.ts'

/** Runs of Global whose positions are recognised. */
const RUNS = 1024

/** What the store held when Global began. */
export interface Recovered {
  readonly runs: readonly Run[]
  readonly locals: ReadonlyMap<string, LocalRecord>
  /** From now on the index's own. */
  readonly members: Members
  readonly longestLeaseMs: number
  /** The log has let go of the changes up to this one. */
  readonly trimmed: number
  /** Seq of the change that began this run, the last of `runs`. */
  readonly seq: number
}

export interface Opening {
  /** The new run's id, 16 random bytes. */
  readonly runId: Uint8Array
  readonly leaseMs: number | undefined
  /** Wall-clock milliseconds. */
  readonly atMs: number
  /** The last seq of the runs before. */
  readonly lastSeq: number
  /** The first seq that the log holds; undefined where it is empty. */
  readonly firstSeq: number | undefined
  readonly index: Row | undefined
  readonly locals: readonly Row[]
  readonly members: readonly Row[]
  readonly tickets: readonly Row[]
}

/** The transaction that begins the run, and what is known once it is committed. */
export function beginRun(opening: Opening): { transaction: Transaction; recovered: Recovered } {
  const { runId, leaseMs, atMs, lastSeq, firstSeq, index, locals } = opening
  const before = decodeIndex(index)
  const seq = lastSeq + 1
  const trimmed = (firstSeq ?? seq) - 1
  // A run that ended before the log begins gives no position that the log could go on from.
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
    new Map(opening.members.map((row) => [memberOf(row), decodeMember(row)])),
    opening.tickets.map((row) => ({ secretHash: secretHashOf(row), ...decodeTicket(row) })),
  )
  const registered = locals
    .map((row) => [peerOf(row), decodeLocal(row)] as const)
    .filter(([peer]) => members.roleOf(peer) !== undefined)
  const known = new Map(registered)
  return { transaction, recovered: { runs, locals: known, members, longestLeaseMs, trimmed, seq } }
}
