/** What Global reports of itself (specs/004-index.md, R004-77 and R004-78). */
import { isMemberRole, type MemberRole } from '../../membership/role.ts'
import type { GlobalReport } from '../message.ts'
import type * as pb from './messages_pb.ts'
import { count, malformed, text } from '../../wire/fields.ts'

/** A version of an implementation, in characters. */
const RELEASE_CHARS = 64

/** An older Global reports nothing of itself. Error: `protocol`. */
export function toReport(welcome: pb.Welcome): { readonly report?: GlobalReport } {
  const { wallMs, release, lanePort, role } = welcome
  const report = {
    ...toWall(wallMs),
    ...(release !== undefined && { release: toRelease(release) }),
    ...(lanePort !== undefined && { lanePort: toPort(lanePort) }),
    ...toMemberRole(role),
  }
  return Object.keys(report).length === 0 ? {} : { report }
}

/** Error: `protocol`. */
export function toWall(wallMs: bigint | undefined): { readonly wallMs?: number } {
  return wallMs === undefined ? {} : { wallMs: count('wall clock', wallMs) }
}

/** A role that this version does not know is none that it could act by. */
export function toMemberRole(role: string | undefined): { readonly role?: MemberRole } {
  return role !== undefined && isMemberRole(role) ? { role } : {}
}

function toRelease(release: string): string {
  if (release.length > RELEASE_CHARS) throw malformed(`a release of ${release.length} characters`)
  return text(release)
}

function toPort(port: number): number {
  if (port < 1 || port > 65_535) throw malformed(`port ${port}`)
  return port
}
