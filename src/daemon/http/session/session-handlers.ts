/** Handlers for sessions of the page (specs/013, "Rules: sessions and the files of the page"). */
import { DstoreError } from '../../../errors.ts'
import { KIB } from '../../../limits.ts'
import { isMemberRole } from '../../../membership/role.ts'
import type { CodeAnswer, HttpAnswer, SessionAnswer, WhoAnswer } from '../../api/api.ts'
import { isOfOtherOrigin } from '../access.ts'
import { readJson, refuseOthers, sendJson, type HttpCall } from '../call.ts'
import { HttpError } from '../http-error.ts'
import type { Caller } from '../tokens/caller.ts'
import { callsOf } from '../tokens/route-access.ts'
import { readPageAhead } from '../page/page-handlers.ts'
import type { Session } from './sessions.ts'

/** The bytes of a request: a code, a role or a port. */
const REQUEST_BYTES = KIB

/** Answers that hold a secret, which no proxy may keep. */
const NO_STORE = { 'Cache-Control': 'no-store' }

/** POST /v1/http {"port"}: serves the API over TCP on loopback, where it is not served yet. */
export async function openHttp(call: HttpCall): Promise<void> {
  if (!call.access.isSocket) {
    throw new DstoreError('not-permitted', 'only a client on the socket opens the API over TCP')
  }
  const { port = 0, ...others } = await readJson(call, REQUEST_BYTES)
  refuseOthers(others)
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new DstoreError('usage', 'port must be a number from 0 to 65535')
  }
  const answer: HttpAnswer = { address: await call.openHttp(port) }
  sendJson(call, 200, answer)
}

/** POST /v1/session/codes {"role"}: makes a code for a session with the rights of the caller. */
export async function makeCode(call: HttpCall): Promise<void> {
  const { role, ...others } = await readJson(call, REQUEST_BYTES)
  refuseOthers(others)
  if (role !== undefined && !(typeof role === 'string' && isMemberRole(role))) {
    throw new DstoreError('usage', 'role must be reader, writer or admin')
  }
  const made = call.sessions.makeCode(call.caller, role)
  // A browser with a code opens the page next.
  readPageAhead()
  const answer: CodeAnswer = { code: made.code, expiresAt: timeOf(made.expiresAt) }
  sendJson(call, 201, answer, NO_STORE)
}

/** POST /v1/session {"code"}: trades a code for a session token. Needs no token. */
export async function openSession(call: HttpCall): Promise<void> {
  const { request, access, sessions } = call
  const [type = ''] = (request.headers['content-type'] ?? '').split(';')
  // What a page of another origin cannot send without asking first.
  if (type.trim().toLowerCase() !== 'application/json') {
    throw new HttpError(415, 'the request must be of the type application/json')
  }
  if (isOfOtherOrigin(request)) {
    throw access.refuse(request, new HttpError(403, FOREIGN, {}, 'not-permitted'))
  }
  const { code, ...others } = await readJson(call, REQUEST_BYTES)
  refuseOthers(others)
  if (typeof code !== 'string') throw new DstoreError('usage', 'code must be a string')
  const opened = sessions.trade(code)
  if (opened === undefined) {
    throw access.refuse(request, new HttpError(401, WRONG_CODE, {}, 'not-permitted', HINT))
  }
  const { token, session } = opened
  const answer: SessionAnswer = {
    token,
    ...whoIs(call, session),
    expiresAt: timeOf(session.expiresAt),
  }
  sendJson(call, 201, answer, NO_STORE)
}

/** GET /v1/session: who the caller is, and which calls it may make. */
export function whoAmI(call: HttpCall): Promise<void> {
  sendJson(call, 200, whoIs(call, call.caller), NO_STORE)
  return Promise.resolve()
}

function whoIs({ node, access }: HttpCall, caller: Caller): WhoAnswer {
  const memberRole = node.memberRole?.()
  const { label, role, prefix, expiresAt } = caller
  return {
    label,
    role,
    ...(prefix !== undefined && { prefix }),
    ...(expiresAt !== undefined && { expiresAt: timeOf(expiresAt) }),
    ...(memberRole !== undefined && { memberRole }),
    calls: callsOf(caller, access.isSocket, memberRole),
  }
}

/** DELETE /v1/session: ends the session that makes the call. */
export function endSession(call: HttpCall): Promise<void> {
  const { caller, sessions, response } = call
  if (caller.isSession) sessions.end(caller as Session)
  else throw new DstoreError('not-found', 'the caller is no session of the page')
  response.writeHead(204).end()
  return Promise.resolve()
}

const WRONG_CODE = 'the code is wrong, used or expired'

const HINT = '`dstore open` makes another'

const FOREIGN = 'a page of another origin sends this'

const timeOf = (time: number): string => new Date(time).toISOString()
