/** What a member may do (specs/006-membership.md, "Roles"): whoever has a role may do what those before it may. */
import { DstoreError } from '../errors.ts'

/** `reader` gets; `writer` also puts and names; `admin` also removes, invites, and says who is a member. */
export type MemberRole = 'reader' | 'writer' | 'admin'

/** The lowest first. */
export const ROLES: readonly MemberRole[] = ['reader', 'writer', 'admin']

export function isMemberRole(text: string): text is MemberRole {
  return (ROLES as readonly string[]).includes(text)
}

/** The role that a text names; else `usage`. */
export function parseRole(text: string): MemberRole {
  if (isMemberRole(text)) return text
  const hint = 'write reader, writer or admin'
  throw new DstoreError('usage', `no such role: ${text}`, { hint })
}

/** Is one role enough where another is needed? */
export function suffices(role: MemberRole, needed: MemberRole): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed)
}
