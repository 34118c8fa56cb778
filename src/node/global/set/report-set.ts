/** Makes the report of a set out of what a member knows. */
import type { MemberNote, MemberStatus } from '../../../set/interface.ts'
import type { SetMemberReport, SetReport } from './set-report.ts'

/** `wallMs`: now. */
export function setReport(status: MemberStatus, wallMs: number): SetReport {
  const { own, others, end, engineSilentMs, snapshot, bucketFault, lastFault, ...facts } = status
  const at = (agoMs: number): string => new Date(wallMs - agoMs).toISOString()
  const member = (note: MemberNote, isOwn: boolean): SetMemberReport => ({
    ...note,
    at: new Date(note.at).toISOString(),
    isOwn,
  })
  return {
    state: own.state,
    ...facts,
    ...(end !== undefined && { end }),
    engineSilentMs: Math.round(engineSilentMs),
    members: [member(own, true), ...others.map((note) => member(note, false))],
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
