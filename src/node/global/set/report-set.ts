/** Makes the report of a set out of what a member knows. */
import type { MemberNote, MemberStatus } from '../../../set/interface.ts'
import type { SetMemberReport, SetReport } from './set-report.ts'

/** `wallMs`: now. */
export function setReport(status: MemberStatus, wallMs: number): SetReport {
  const { own, others, end, epochAt, engineSilentMs, snapshot, bucketFault, lastFault, ...facts } =
    status
  const iso = (time: number): string => new Date(time).toISOString()
  const at = (agoMs: number): string => iso(wallMs - agoMs)
  const member = (
    { since, process: _process, before: _before, ...note }: MemberNote,
    isOwn: boolean,
  ): SetMemberReport => ({
    ...note,
    ...(since !== undefined && { since: iso(since) }),
    at: iso(note.at),
    isOwn,
  })
  return {
    state: own.state,
    ...facts,
    ...(epochAt !== undefined && { epochAt: iso(epochAt) }),
    ...(end !== undefined && { end }),
    engineSilentMs: Math.round(engineSilentMs),
    members: [
      member(own, true),
      ...others.map(({ agoMs, ...note }) => ({ ...member(note, false), agoMs: Math.round(agoMs) })),
    ],
    ...(snapshot && { snapshot: { position: snapshot.position, at: at(snapshot.ageMs) } }),
    ...(bucketFault && {
      bucketError: bucketFault.fault.message,
      bucketErrorCode: bucketFault.fault.code,
      bucketErrorSince: at(bucketFault.agoMs),
    }),
    ...(lastFault && {
      error: lastFault.fault.message,
      errorCode: lastFault.fault.code,
      errorAt: at(lastFault.agoMs),
    }),
  }
}
