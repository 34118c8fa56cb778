/** Who makes a request, and what it may do (specs/007, "Tokens"). */
import type { MemberRole } from '../../../membership/role.ts'

export interface Caller {
  /** Of its token, for the log; `socket` or `public` for one without. */
  readonly label: string
  readonly role: MemberRole
  /** Confines the caller to names that begin with this, and to what they hold. */
  readonly prefix?: string
  /** Of its token, or of that of its session; undefined for one without. */
  readonly hash?: string
  /** When that token expires, in ms. */
  readonly expiresAt?: number
  /** The caller is a session of the page. */
  readonly isSession?: true
}

/** Whether a name is one that a caller with this prefix is confined to; without one, all are. */
export const isBelowPrefix = (name: string, prefix = ''): boolean =>
  name.startsWith(prefix) && name.length > prefix.length

/** A client on the socket: file permissions decide who reaches it. */
export const SOCKET_CALLER: Caller = { label: 'socket', role: 'admin' }

/** Anybody, for what needs no token, and where `--http-public` opens reads. */
export const PUBLIC_CALLER: Caller = { label: 'public', role: 'reader' }

/**
 * The token in an `Authorization` header: of Bearer, or the password of Basic, for any user.
 * Undefined for any other.
 */
export function tokenIn(authorization: string | undefined): string | undefined {
  const match = /^(Bearer|Basic) +(\S+) *$/i.exec(authorization ?? '')
  if (match === null) return undefined
  const [, scheme = '', credentials = ''] = match
  if (scheme.toLowerCase() === 'bearer') return credentials
  const text = Buffer.from(credentials, 'base64').toString('latin1')
  const colon = text.indexOf(':')
  return colon === -1 ? undefined : text.slice(colon + 1)
}

/** Whether these are credentials that a browser remembers, and sends for pages of any origin. */
export const isBasic = (authorization: string | undefined): boolean =>
  /^Basic /i.test(authorization ?? '')
