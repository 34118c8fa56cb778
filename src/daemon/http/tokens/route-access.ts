/** The role that each call needs, and whether a token with a prefix may make it (R007-325). */
import { DstoreError } from '../../../errors.ts'
import { suffices, type MemberRole } from '../../../membership/role.ts'
import type { Caller } from './caller.ts'

/** What a call needs. */
export interface CallAccess {
  readonly role: MemberRole
  /** A token with a prefix may make it: the node that it sees is confined (R007-330). */
  readonly prefixed?: true
  /** Only over the socket. Its handler refuses others, and says what to do instead. */
  readonly onSocket?: true
  /** Not for sessions of the page. Its handler refuses them. */
  readonly noSession?: true
  /** Without a token. */
  readonly free?: true
  /** A Local asks Global, which decides by the Local's own role as a member. */
  readonly atGlobal?: true
}

const READ: CallAccess = { role: 'reader', prefixed: true }
const WRITE: CallAccess = { role: 'writer', prefixed: true, atGlobal: true }
const READ_ALL: CallAccess = { role: 'reader' }
const ADMIN: CallAccess = { role: 'admin' }
const ADMIN_OF_ALL: CallAccess = { role: 'admin', atGlobal: true }
const ON_SOCKET: CallAccess = { role: 'admin', onSocket: true }
const FREE: CallAccess = { role: 'reader', prefixed: true, free: true }

/** By path of a route and method. Whatever is missing is an admin's without a prefix. */
const ACCESS: Readonly<Record<string, Readonly<Record<string, CallAccess>>>> = {
  '/v1/values': { POST: WRITE, PUT: WRITE },
  // By path of a file on this machine.
  '/v1/files': { POST: ON_SOCKET },
  '/v1/batch': { POST: WRITE },
  '/v1/holds': { POST: WRITE },
  '/v1/holds/{hold}': { DELETE: WRITE },
  '/v1/holds/{hold}/present': { POST: WRITE },
  '/v1/holds/{hold}/directories': { POST: WRITE },
  '/v1/trees': { POST: WRITE },
  '/v1/trees/{word}': { GET: READ, HEAD: READ },
  '/v1/trees/{word}/{rest}': { GET: READ, HEAD: READ },
  '/v1/facts': { POST: READ },
  '/v1/values/{key}': { GET: READ, HEAD: READ, DELETE: ADMIN_OF_ALL },
  '/v1/values/{key}/facts': { GET: READ },
  '/v1/values/{key}/prefetch': { POST: READ },
  '/v1/values/{key}/copy': { POST: ON_SOCKET },
  '/v1/values/{key}/path': { POST: ON_SOCKET },
  '/v1/values/{key}/evict': { POST: ADMIN },
  '/v1/pins': { GET: READ_ALL },
  // What stays on this machine is its owner's choice.
  '/v1/pins/{word}': { GET: READ_ALL, PUT: ADMIN, DELETE: ADMIN },
  '/v1/keys': { GET: READ_ALL },
  '/v1/verify': { POST: ADMIN },
  '/v1/names': { GET: READ },
  // A writer may remove tags: the node that it sees decides (R007-326).
  '/v1/names/{name}': { GET: READ, PUT: WRITE, DELETE: WRITE },
  '/v1/names/{name}/history': { GET: READ },
  '/v1/usage': { GET: READ },
  '/v1/store': { GET: READ_ALL },
  '/v1/rules': { GET: READ_ALL },
  '/v1/rules/{prefix}': { GET: READ_ALL, PUT: ADMIN_OF_ALL, DELETE: ADMIN_OF_ALL },
  '/v1/unnamed-rule': { PUT: ADMIN_OF_ALL, DELETE: ADMIN_OF_ALL },
  '/v1/tokens': { GET: ADMIN, POST: ADMIN },
  '/v1/tokens/{token}': { DELETE: ADMIN },
  '/v1/invitations': { POST: ADMIN_OF_ALL },
  '/v1/members': { GET: ADMIN_OF_ALL },
  '/v1/members/{peer}': { PUT: ADMIN_OF_ALL, DELETE: ADMIN_OF_ALL },
  '/v1/changes': { GET: READ },
  '/v1/events': { GET: READ_ALL },
  '/v1/transfers': { GET: READ_ALL },
  '/v1/transfers/{transfer}': { DELETE: ADMIN },
  '/v1/inactive-store': { DELETE: ADMIN },
  '/v1/inactive-store/upload': { POST: ADMIN },
  '/v1/inactive-store/values/{key}': { GET: ADMIN },
  '/v1/http': { POST: ON_SOCKET },
  '/v1/session/codes': { POST: { ...READ, noSession: true } },
  '/v1/session': { POST: FREE, GET: READ, DELETE: READ },
  '/v1/status': { GET: READ_ALL },
  '/v1/set': { GET: READ_ALL },
  '/v1/set/step-down': { POST: ADMIN },
  '/v1/stop': { POST: ADMIN },
  '/metrics': { GET: READ_ALL },
  '/ui': { GET: FREE, HEAD: FREE },
  '/ui/{rest}': { GET: FREE, HEAD: FREE },
}

/** What the call needs; undefined if the table does not say. */
export const accessOf = (path: string, method: string): CallAccess | undefined =>
  ACCESS[path]?.[method]

/**
 * Every call that the caller may make, as `METHOD path`. `memberRole`: that of this node at its
 * Global, if it has one that says so.
 */
export function callsOf(caller: Caller, isSocket: boolean, memberRole?: MemberRole): string[] {
  const may = ({ role, prefixed, onSocket, noSession, atGlobal }: CallAccess): boolean =>
    suffices(caller.role, role) &&
    (memberRole === undefined || atGlobal !== true || suffices(memberRole, role)) &&
    (caller.prefix === undefined || prefixed === true) &&
    (isSocket || onSocket !== true) &&
    !(caller.isSession && noSession)
  return Object.entries(ACCESS).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, access]) => may(access))
      .map(([method]) => `${method} ${path}`),
  )
}

/** Throws `not-permitted` unless the caller may make this call. */
export function checkCall(caller: Caller, path: string, method: string): void {
  checkAccess(caller, accessOf(path, method) ?? ADMIN)
}

/** Throws `not-permitted` unless the caller may do what needs this. */
export function checkAccess(caller: Caller, { role, prefixed }: CallAccess): void {
  if (!suffices(caller.role, role)) {
    throw new DstoreError('not-permitted', `this needs the role ${role}, not ${caller.role}`, {
      hint: `an admin makes such a token: \`dstore token add --role ${role}\``,
    })
  }
  if (caller.prefix === undefined || prefixed === true) return
  throw notBelow(caller.prefix, 'this call')
}

/** The error for what a token with a prefix may not do; it says nothing about what exists. */
export const notBelow = (prefix: string, what: string): DstoreError =>
  new DstoreError('not-permitted', `${what} is not for a token confined to ${prefix}`, {
    hint: `use names that begin with ${prefix}, or a token without a prefix`,
  })
