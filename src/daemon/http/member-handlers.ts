/** Handlers for tickets and members (specs/006-membership.md; specs/007, "HTTP API"). */
import { DstoreError } from '../../errors.ts'
import { isMemberRole, type MemberRole } from '../../membership/role.ts'
import type { AdmitAnswer } from '../api/api.ts'
import { callOptions, readJson, sendJson, withHeartbeat } from './call.ts'
import type { HttpCall } from './call.ts'
import { sendLines } from './json-lines.ts'

/** POST /v1/invitations {"role", "uses", "validMs", "label"}, all optional: creates a ticket. */
export async function invite(call: HttpCall): Promise<void> {
  const { role, uses, validMs, label } = await readJson(call)
  if (label !== undefined && typeof label !== 'string') {
    throw new DstoreError('usage', 'label must be a string')
  }
  // Of a set, a ticket names the members that there are: some may have started a moment ago.
  await call.member?.freshen()
  const invitation = await call.node.members.invite({
    ...callOptions(call),
    ...(role !== undefined && { role: toRole(role) }),
    ...(uses !== undefined && { uses: toNumber('uses', uses) }),
    ...(validMs !== undefined && { validMs: toNumber('validMs', validMs) }),
    ...(label !== undefined && { label }),
  })
  // The ticket is a secret, which no proxy may keep.
  sendJson(call, 201, invitation, { 'Cache-Control': 'no-store' })
}

/** GET /v1/members: one line per member. */
export function listMembers(call: HttpCall): Promise<void> {
  return sendLines(call, call.node.members.list(callOptions(call)))
}

/** PUT /v1/members/{peer} {"role"} */
export async function admitMember(call: HttpCall): Promise<void> {
  const peer = peerParam(call)
  const { role } = await readJson(call)
  const answer: AdmitAnswer = { peer, role: toRole(role) }
  await call.node.members.admit(peer, toRole(role), callOptions(call))
  sendJson(call, 200, answer)
}

/** DELETE /v1/members/{peer} */
export async function expelMember(call: HttpCall): Promise<void> {
  const options = callOptions(call)
  sendJson(
    call,
    200,
    await withHeartbeat(call, () => call.node.members.expel(peerParam(call), options)),
  )
}

const peerParam = ({ parameters }: HttpCall): string => parameters['peer'] ?? ''

function toRole(role: unknown): MemberRole {
  if (typeof role === 'string' && isMemberRole(role)) return role
  throw new DstoreError('usage', 'role must be reader, writer or admin')
}

function toNumber(what: string, value: unknown): number {
  if (typeof value === 'number') return value
  throw new DstoreError('usage', `${what} must be a number`)
}
