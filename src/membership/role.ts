/**
 * Roles of members (specs/006-membership.md, "Roles"). Each includes the permissions of those
 * before it.
 */
import { DstoreError } from '../errors.ts'

/** `reader` gets; `writer` also puts and names; `admin` also removes and manages members. */
export type MemberRole = 'reader' | 'writer' | 'admin'

/** The lowest first. */
export const ROLES: readonly MemberRole[] = ['reader', 'writer', 'admin']

export function isMemberRole(text: string): text is MemberRole {
  return (ROLES as readonly string[]).includes(text)
}

/** Parses a role. Error: `usage`. */
export function parseRole(text: string): MemberRole {
  if (isMemberRole(text)) return text
  const hint = 'write reader, writer or admin'
  throw new DstoreError('usage', `no such role: ${text}`, { hint })
}

/** Does `role` include the permissions of `needed`? */
export function suffices(role: MemberRole, needed: MemberRole): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed)
}
