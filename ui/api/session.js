/**
 * Who the page acts for, and which calls it may make.
 * @module
 */
import { takeCode } from '../first.js'
import { ask, call, recallToken, setToken } from './client.js'

/**
 * @typedef {import('../core/documents.js').SessionDocument} SessionDocument
 */

/** @type {SessionDocument | undefined} */
let current
/** @type {ReadonlySet<string>} */
let allowed = new Set()

/**
 * Begins a session with the code of the address, or resumes that of this tab. Undefined without
 * either. Throws the API's refusal.
 * @returns {Promise<SessionDocument | undefined>}
 */
export async function openSession() {
  const code = takeCode()
  if (code !== undefined) {
    setToken(undefined)
    /** @type {SessionDocument & { token: string }} */
    const { token, ...begun } = await ask('POST', '/v1/session', { json: { code } })
    setToken(token)
    current = begun
  } else if (recallToken()) current = await ask('GET', '/v1/session')
  allowed = new Set(current?.calls)
  return current
}

/** The session that was opened. */
export function session() {
  if (current === undefined) throw new Error('there is no session')
  return current
}

/**
 * The role that decides about values and names: at a Local, Global also asks for that of the node.
 */
export function actingRole() {
  const { role, memberRole = role } = session()
  return ROLES.indexOf(role) < ROLES.indexOf(memberRole) ? role : memberRole
}

const ROLES = ['reader', 'writer', 'admin']

/**
 * Whether the caller may make this call, such as `GET /v1/values/{key}`.
 * @param {string} route
 * @returns {boolean}
 */
export const may = (route) => allowed.has(route)

/** Ends the session at the daemon and here. */
export async function endSession() {
  await call('DELETE', '/v1/session')
  setToken(undefined)
}
