/** What `status` tells of a set. Times are ISO 8601. */
import type { ErrorCode } from '../../../errors.ts'
import type { MemberNote, MemberState, MemberStatus } from '../../../set/interface.ts'

export interface SetMemberReport {
  readonly id: string
  /** That of its machine, unless it was given another. */
  readonly name: string
  readonly version: string
  readonly state: MemberState
  /** The last entry of the journal that it has applied, when it said so. */
  readonly position: number
  /** Where Locals reach it while it is active. */
  readonly addresses: readonly string[]
  /** When it said so, by its own clock. */
  readonly at: string
  /** Is it this one? */
  readonly isOwn: boolean
}

export interface SetReport {
  /** Of this member. */
  readonly state: MemberState
  /** Without user and password. */
  readonly engine: string
  /** `s3://BUCKET/PREFIX` */
  readonly bucket: string
  readonly epoch: number
  /** The last entry of the journal, as this member last read it; missing before. */
  readonly end?: number
  /** How long the engine has not answered this member. */
  readonly engineSilentMs: number
  /** This member first. */
  readonly members: readonly SetMemberReport[]
  readonly requests: MemberStatus['requests']
  readonly snapshot?: { readonly position: number; readonly at: string }
  /** The last fault of the engine. */
  readonly error?: string
  readonly errorCode?: ErrorCode
  readonly errorAt?: string
}

/** `wallMs`: now. */
export function setReport(status: MemberStatus, wallMs: number): SetReport {
  const { own, others, end, engineSilentMs, snapshot, lastFault, ...facts } = status
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
    ...(lastFault && {
      error: lastFault.fault.message,
      errorCode: lastFault.fault.code,
      errorAt: at(lastFault.agoMs),
    }),
  }
}
