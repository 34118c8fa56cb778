/** The API's calls on tickets and members (specs/006-membership.md; 007, "HTTP API"). */
import { DstoreError } from '../../errors.ts'
import { isMemberRole, type MemberRole } from '../../membership/role.ts'
import type { AdmitAnswer } from '../api/api.ts'
import { callOptions, readJson, sendJson, stayingAwake } from './call.ts'
import type { HttpCall } from './call.ts'
import { sendLines } from './listing.ts'

/** POST /v1/invitations {"role", "uses", "validMs"}, each of which may be left out: a ticket. */
export async function invite(exchange: HttpCall): Promise<void> {
  const { role, uses, validMs } = await readJson(exchange)
  const invitation = await exchange.served.node.members.invite({
    ...callOptions(exchange),
    ...(role !== undefined && { role: toRole(role) }),
    ...(uses !== undefined && { uses: toNumber('uses', uses) }),
    ...(validMs !== undefined && { validMs: toNumber('validMs', validMs) }),
  })
  // Nobody between is to keep a secret.
  sendJson(exchange, 201, invitation, { 'Cache-Control': 'no-store' })
}

/** GET /v1/members: a line for each. */
export function listMembers(exchange: HttpCall): Promise<void> {
  return sendLines(exchange, exchange.served.node.members.list(callOptions(exchange)))
}

/** PUT /v1/members/{peer} {"role"} */
export async function admitMember(exchange: HttpCall): Promise<void> {
  const peer = peerOf(exchange)
  const { role } = await readJson(exchange)
  const answer: AdmitAnswer = { peer, role: toRole(role) }
  await exchange.served.node.members.admit(peer, toRole(role), callOptions(exchange))
  sendJson(exchange, 200, answer)
}

/** DELETE /v1/members/{peer} */
export async function expelMember(exchange: HttpCall): Promise<void> {
  const { node } = exchange.served
  const options = callOptions(exchange)
  sendJson(
    exchange,
    200,
    await stayingAwake(exchange, () => node.members.expel(peerOf(exchange), options)),
  )
}

const peerOf = ({ parameters }: HttpCall): string => parameters['peer'] ?? ''

function toRole(role: unknown): MemberRole {
  if (typeof role === 'string' && isMemberRole(role)) return role
  throw new DstoreError('usage', 'role must be reader, writer or admin')
}

function toNumber(what: string, value: unknown): number {
  if (typeof value === 'number') return value
  throw new DstoreError('usage', `${what} must be a number`)
}
